//! Listening, and the way of every request: guard, route, content type, handler.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tracing::{info, warn};

use crate::guard::Guard;
use crate::handle;
use crate::problem::Problem;
use crate::routes;
use crate::view::AdminView;

/// The largest body accepted: a message of the size the HTTP door takes, in base64, with room to spare.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `host:port`; port 0 lets the system choose.
    pub address: String,
    /// Further names under which requests may address it, such as that of a service in front of it.
    pub hosts: Vec<String>,
}

impl Options {
    /// Under no other name than its own.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), hosts: Vec::new() }
    }
}

/// An admin API that listens.
pub struct AdminServer {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl AdminServer {
    /// Takes no more connections, and answers those it has.
    pub async fn stop(&self) {
        self.handle.stop(true).await;
    }
}

/// The admin API could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the admin API cannot listen on {address}: {cause}")]
pub struct ServeError {
    /// Where it should have listened.
    pub address: String,
    /// What is in the way.
    #[source]
    pub cause: std::io::Error,
}

/// Starts the admin API of `view` at `address`. Must be called within an actix system.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve(view: Arc<dyn AdminView>, address: &str) -> Result<AdminServer, ServeError> {
    serve_with(view, &Options::new(address))
}

/// Like [`serve`], with further options.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve_with(view: Arc<dyn AdminView>, options: &Options) -> Result<AdminServer, ServeError> {
    let failed = |cause| ServeError { address: options.address.clone(), cause };
    let socket = std::net::TcpListener::bind(&options.address).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let named = options.address.rsplit_once(':').map(|(host, _)| host.to_owned()).filter(|host| !host.is_empty());
    let guard = Guard::new(address, options.hosts.iter().cloned().chain(named));
    let shared = web::Data::new(Shared { view, guard });
    let server = HttpServer::new(move || App::new().configure(|config| configure(config, shared.clone())))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(2)
        .listen(socket)
        .map_err(failed)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(AdminServer { address, handle })
}

pub(crate) struct Shared {
    pub(crate) view: Arc<dyn AdminView>,
    pub(crate) guard: Guard,
}

pub(crate) fn configure(config: &mut web::ServiceConfig, shared: web::Data<Shared>) {
    config.app_data(shared).app_data(web::PayloadConfig::new(BODY_BYTES_MAX)).default_service(web::to(answer));
}

async fn answer(
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let mut response = match admitted(&request, body, &shared).await {
        Ok(response) => response,
        Err(problem) => problem.respond(),
    };
    let (method, path, status) = (request.method(), request.uri().path(), response.status().as_u16());
    if response.status().is_server_error() && !matches!(status, 501 | 503) {
        warn!(%method, path, status, "the admin API could not do what it was asked");
    } else if !method.is_safe() {
        info!(%method, path, status, "a change was asked of the admin API");
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    response
}

async fn admitted(
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    shared: &Shared,
) -> Result<HttpResponse, Problem> {
    shared.guard.admit(request)?;
    let matched = routes::find(request.method(), request.uri().path())?;
    Guard::check_content_type(request)?;
    let body = body.map_err(|error| {
        let status = error.as_response_error().status_code();
        match status.as_u16() {
            413 => Problem::new(status, "body-too-large", format!("the body is larger than {BODY_BYTES_MAX} bytes")),
            _ => Problem::bad("bad-body", error.to_string()),
        }
    })?;
    handle::handle(&*shared.view, matched, request.query_string(), &body).await
}
