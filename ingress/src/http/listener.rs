//! An HTTP server in front of the door.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use statefun::{Envelope, RequestId};
use statefun_ports::rows::RequestProgress;

use super::answer;
use super::door::{Admission, Answer, Door, Terms};
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
    if options.dialect == Dialect::Native
        && request.method() == actix_web::http::Method::GET
        && let Some(asked) = request::asked_about(request.uri().path())
    {
        return look_up(asked?, shared).await;
    }
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
    let key = match options.dialect {
        Dialect::Native => request::idempotency_key(request.headers())?,
        Dialect::Playground => None,
    };
    if shared.door.is_closed() {
        return Err(Refusal::new(503, "stopping", "the node is stopping"));
    }
    if !shared.admission.has_room() {
        return Err(Refusal::new(429, "overloaded", "more work waits than the limits allow; try again"));
    }
    let stopping = |_| Refusal::new(503, "stopping", "the node is stopping");
    let envelope = Envelope::new(target, argument);
    if wait.is_none() && key.is_none() {
        return match tokio::time::timeout(options.durable_max, shared.door.submit(envelope)).await {
            Ok(durable) => durable.map(|()| answer::durable(options.dialect)).map_err(stopping),
            Err(_) => Err(outcome_unknown("the message is not durable yet; it may still become so")),
        };
    }
    let terms = Terms { key, keep: options.retention };
    let answer = match wait {
        None => shared.door.submit_once(envelope, options.durable_max, terms).await,
        Some(wait) => shared.door.ask(envelope, wait, terms).await,
    };
    match answer.map_err(stopping)? {
        Answer::Reply(value) => Ok(answer::reply(&value)),
        Answer::Durable => Ok(answer::durable(options.dialect)),
        Answer::Accepted { request } => Ok(answer::accepted(request)),
        Answer::Conflict => Err(Refusal::new(
            422,
            "idempotency-conflict",
            "another message came under this Idempotency-Key before; give each message a key of its own",
        )),
        Answer::Full => Err(Refusal::new(
            429,
            "too-many-keys",
            "no further Idempotency-Key can be remembered until older ones expire; try again, or send without one",
        )),
        Answer::Unknown => Err(outcome_unknown("neither a reply nor durability in time; it may still be handled")),
    }
}

fn outcome_unknown(detail: &str) -> Refusal {
    Refusal::new(504, "outcome-unknown", detail)
}

/// What is known about a request: the reply, or that there is none yet.
async fn look_up(request: RequestId, shared: &Shared) -> Result<HttpResponse, Refusal> {
    // The engine first: what it does not know any more, it has handed over before.
    let progress = shared.admission.request(request).await;
    let late = shared.door.late_reply(request);
    match (late, progress) {
        (Some(value), _) | (None, Some(RequestProgress::Replied(value))) => Ok(answer::reply(&value)),
        (None, Some(RequestProgress::Accepted)) => Ok(answer::durable(shared.options.dialect)),
        (None, Some(RequestProgress::Pending)) => Ok(answer::accepted(request)),
        (None, None) => Err(request::unknown_request(&request.to_string())),
    }
}
