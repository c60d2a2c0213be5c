//! The transport: the port's implementation, and what it shares between calls.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use statefun::{CallId, FunctionType};
use statefun_ports::BoxFuture;
use statefun_ports::remote::{CallFailure, CallOutcome, InvocationBatch, RemoteTransport};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connections::Connections;
use crate::exchange::Exchange;
use crate::template::{Target, UrlTemplate};
use crate::{EndpointOptions, TransportError, TransportKind, answer, failure, request, tls};

/// Calls the functions of one endpoint over HTTP.
///
/// A call runs on whatever tokio runtime polls it, and so does the connection that it opens. Several threads may share
/// one transport; a runtime that ends takes its connections with it, and the others open new ones.
///
/// ```
/// use statefun::FunctionType;
/// use statefun_remote::{EndpointOptions, HttpTransport, OkHttpOptions};
///
/// let options = EndpointOptions::new("http+unix:///run/shop.sock/{function.name}")
///     .with_transport(OkHttpOptions::default());
/// let transport = HttpTransport::new(options)?;
/// assert_eq!(transport.url_for(FunctionType::parse("shop/cart")?), "http+unix:///run/shop.sock/cart");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HttpTransport {
    transport: TransportKind,
    template: UrlTemplate,
    connections: Connections,
    /// Places for requests in flight; `None` for any number.
    places: Option<Semaphore>,
    /// Parsed once per function, of which an endpoint has few.
    targets: RwLock<HashMap<FunctionType, Arc<Target>>>,
}

impl HttpTransport {
    /// Prepares calls with these options. Reads all files, connects nowhere.
    ///
    /// # Errors
    /// When the template is no URL, a limit makes no sense, or a file is missing or holds something else. The error names
    /// the field and the file.
    pub fn new(options: EndpointOptions) -> Result<Arc<Self>, TransportError> {
        let EndpointOptions { url_template, transport } = options;
        let template = UrlTemplate::parse(&url_template)?;
        transport.check()?;
        let https = template.as_str().to_ascii_lowercase().starts_with("https");
        let connections = Connections::new(template.as_str(), &transport, tls::client_config(&transport, https)?);
        if !template.is_unix() {
            // So that whatever the client refuses shows now and not in a call.
            connections.client(None)?;
        }
        let places = match &transport {
            TransportKind::Async(options) => Some(Semaphore::new(options.pool_size.get().min(Semaphore::MAX_PERMITS))),
            TransportKind::OkHttp(_) => None,
        };
        Ok(Arc::new(Self { transport, template, connections, places, targets: RwLock::default() }))
    }

    /// Where calls of this function go.
    #[must_use]
    pub fn url_for(&self, function: FunctionType) -> String {
        self.template.url_for(function)
    }

    async fn attempt(&self, batch: &InvocationBatch, trace: Option<String>) -> Result<Bytes, CallFailure> {
        let target = self.target(batch.target.function)?;
        let call = self.transport.call_timeout();
        let exchange = async {
            let _place = self.place(&target).await?;
            let client = self
                .connections
                .client(target.socket.as_ref())
                .map_err(|error| failure::connection(&target.label, &error))?;
            let exchange = Exchange {
                transport: &self.transport,
                target: &target,
                client,
                body: request::encode(batch),
                // A call is worth more than its trace: one that is no header value is left out.
                trace: trace.and_then(|trace| HeaderValue::try_from(trace).ok()),
            };
            exchange.run().await
        };
        match tokio::time::timeout(call, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(failure::timeout(&target.label, "no complete answer", call, "call")),
        }
    }

    fn target(&self, function: FunctionType) -> Result<Arc<Target>, CallFailure> {
        if let Some(target) = self.targets.read().unwrap_or_else(PoisonError::into_inner).get(&function) {
            return Ok(Arc::clone(target));
        }
        let target = self
            .template
            .target_for(function)
            .map_err(|error| failure::connection(&self.template.url_for(function), &error))?;
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(targets.entry(function).or_insert_with(|| Arc::new(target))))
    }

    async fn place(&self, target: &Target) -> Result<Option<SemaphorePermit<'_>>, CallFailure> {
        let Some(places) = &self.places else { return Ok(None) };
        if let Ok(place) = places.try_acquire() {
            return Ok(Some(place));
        }
        let connect = self.transport.connect_timeout();
        match tokio::time::timeout(connect, places.acquire()).await {
            Ok(place) => Ok(Some(place.expect("the semaphore is never closed"))),
            Err(_) => Err(failure::timeout(&target.label, "no free connection in the pool", connect, "connect")),
        }
    }
}

impl RemoteTransport for HttpTransport {
    fn call(
        self: Arc<Self>,
        call: CallId,
        batch: InvocationBatch,
        trace: Option<String>,
    ) -> BoxFuture<'static, CallOutcome> {
        Box::pin(async move {
            let outcome = match self.attempt(&batch, trace).await {
                Ok(body) => answer::decode(body),
                Err(failure) => CallOutcome::Failed(failure),
            };
            if let CallOutcome::Failed(failure) = &outcome {
                tracing::debug!(%call, target = %batch.target, kind = failure.kind.as_str(), "{}", failure.message);
            }
            outcome
        })
    }
}
