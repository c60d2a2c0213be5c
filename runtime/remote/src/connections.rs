//! Pools of connections that do not grow old.
//!
//! The HTTP client closes connections that idle, but keeps busy ones for ever, and a busy connection never finds the
//! instance that was added behind its load balancer. So the whole client ages: past the time to live, new requests get a
//! new client. The old one serves what it has in flight and closes its connections as they come free.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, redirect};

use crate::exchange::OCTET_STREAM;
use crate::{TransportError, TransportKind};

const USER_AGENT: &str = "statefun";

/// Of OkHttp: how many idle connections it keeps, and for how long.
const OKHTTP_IDLE_MAX: usize = 1024;
const OKHTTP_IDLE_TTL: Duration = Duration::from_secs(60);

/// The clients of one endpoint: one for all hosts, and one for each Unix socket.
#[derive(Debug)]
pub(crate) struct Connections {
    template: String,
    settings: Settings,
    tls: rustls::ClientConfig,
    clients: Mutex<HashMap<Option<PathBuf>, Aging>>,
}

#[derive(Debug)]
struct Aging {
    client: Client,
    born: Instant,
}

#[derive(Debug)]
struct Settings {
    connect: Duration,
    ttl: Option<Duration>,
    idle_max: usize,
    idle_ttl: Option<Duration>,
}

impl Connections {
    pub(crate) fn new(template: &str, transport: &TransportKind, tls: rustls::ClientConfig) -> Self {
        let (ttl, idle_max, idle_ttl) = match transport {
            TransportKind::Async(options) => (options.pool_ttl, options.pool_size.get(), options.pool_ttl),
            TransportKind::OkHttp(_) => (None, OKHTTP_IDLE_MAX, Some(OKHTTP_IDLE_TTL)),
        };
        let settings = Settings { connect: transport.connect_timeout(), ttl, idle_max, idle_ttl };
        Self { template: template.to_owned(), settings, tls, clients: Mutex::default() }
    }

    /// A client young enough for a new request.
    pub(crate) fn client(&self, socket: Option<&PathBuf>) -> Result<Client, TransportError> {
        let now = Instant::now();
        // A std mutex: it is held for a look-up, and for a new client once per time to live. Never across an await.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        // The common key, `None`, is looked up without allocating.
        let key = socket.cloned();
        if let Some(aging) = clients.get(&key)
            && self.settings.ttl.is_none_or(|ttl| now.duration_since(aging.born) < ttl)
        {
            return Ok(aging.client.clone());
        }
        let client = self.build(socket)?;
        clients.insert(key, Aging { client: client.clone(), born: now });
        Ok(client)
    }

    fn build(&self, socket: Option<&PathBuf>) -> Result<Client, TransportError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM));
        headers.insert(ACCEPT, HeaderValue::from_static(OCTET_STREAM));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .http1_only()
            .tcp_nodelay(true)
            // Functions are called where the module says, not where the environment of this process points.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.settings.connect)
            .pool_max_idle_per_host(self.settings.idle_max)
            .pool_idle_timeout(self.settings.idle_ttl)
            .tls_backend_preconfigured(self.tls.clone());
        if let Some(path) = socket {
            builder = builder.unix_socket(path.as_path());
        }
        builder.build().map_err(|source| TransportError::Client { template: self.template.clone(), source })
    }
}
