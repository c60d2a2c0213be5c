//! An HTTP server in front of the door.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use statefun::Envelope;

use super::answer;
use super::door::{Admission, Answer, Door};
use super::options::{Dialect, Options};
use super::request::{self, Refusal};

/// A listener that runs.
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Listener {
    /// Takes no more connections, and answers those it has.
    pub async fn stop(&self) {
        self.handle.stop(true).await;
    }
}

/// A listener could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
pub struct ListenerError {
    address: String,
    cause: std::io::Error,
}

struct Shared {
    door: Door,
    admission: Arc<dyn Admission>,
    options: Options,
}

/// Starts a listener. Must be called within an actix system.
///
/// # Errors
/// When the address cannot be bound.
pub fn listen(door: Door, admission: Arc<dyn Admission>, options: Options) -> Result<Listener, ListenerError> {
    let failed = |cause| ListenerError { address: options.address.clone(), cause };
    let socket = std::net::TcpListener::bind(&options.address).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let body_bytes_max = options.body_bytes_max;
    let shared = web::Data::new(Shared { door, admission, options: options.clone() });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(body_bytes_max))
            .default_service(web::to(serve))
    })
    .workers(options.workers.max(1))
    .disable_signals()
    .shutdown_timeout(5)
    .listen(socket)
    .map_err(failed)?
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(Listener { address, handle })
}

async fn serve(
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let dialect = shared.options.dialect;
    match handle(&request, body, &shared).await {
        Ok(response) => response,
        Err(refusal) => answer::refusal(&refusal, dialect),
    }
}

async fn handle(
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    shared: &Shared,
) -> Result<HttpResponse, Refusal> {
    let options = &shared.options;
    if options.dialect == Dialect::Native && request.method() != actix_web::http::Method::POST {
        return Err(Refusal::new(405, "method-not-allowed", "send messages with POST /<namespace>/<function>/<id>"));
    }
    let target = request::target(request.uri().path())?;
    if !shared.admission.serves(target.function) {
        return Err(Refusal::new(404, "unknown-function", format!("nobody serves {}", target.function)));
    }
    let body = body.map_err(|error| match error.as_response_error().status_code().as_u16() {
        413 => Refusal::new(413, "body-too-large", format!("the body is larger than {} bytes", options.body_bytes_max)),
        _ => Refusal::new(400, "bad-body", error.to_string()),
    })?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let argument = request::argument(content_type, &body, options)?;
    let wait = request::wait(request.query_string(), options)?;
    // To take the message and forget the key would let a caller believe that repeating it is safe.
    if options.dialect == Dialect::Native && request.headers().contains_key("idempotency-key") {
        return Err(Refusal::new(
            501,
            "idempotency-not-served",
            "an Idempotency-Key is not honoured yet; send without one",
        ));
    }
    if shared.door.is_closed() {
        return Err(Refusal::new(503, "stopping", "the node is stopping"));
    }
    if !shared.admission.has_room() {
        return Err(Refusal::new(429, "overloaded", "more work waits than the limits allow; try again"));
    }
    let stopping = |_| Refusal::new(503, "stopping", "the node is stopping");
    let envelope = Envelope::new(target, argument);
    match wait {
        None => match tokio::time::timeout(options.durable_max, shared.door.submit(envelope)).await {
            Ok(durable) => durable.map(|()| answer::durable(options.dialect)).map_err(stopping),
            Err(_) => {
                Err(Refusal::new(504, "outcome-unknown", "the message is not durable yet; it may still become so"))
            }
        },
        Some(wait) => match shared.door.ask(envelope, wait).await.map_err(stopping)? {
            Answer::Reply(value) => Ok(answer::reply(&value)),
            Answer::Accepted { request } => Ok(answer::accepted(&request)),
            Answer::Unknown => Err(Refusal::new(
                504,
                "outcome-unknown",
                "neither a reply nor durability in time; it may still be handled",
            )),
        },
    }
}
