//! An HTTP server for functions, on actix-web: HTTP/1.1 and, for runtimes and proxies that want it, HTTP/2 without TLS.
//!
//! | Request | Answer |
//! |---|---|
//! | POST, any path | 200 and the reply; 400, 500 with the reason as text |
//! | POST with another content type than `application/octet-stream` | 415 |
//! | POST with a body above the limit | 413 |
//! | GET `/healthz` | 200 |
//! | anything else | 405 |

use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, FromRequest, HttpRequest, HttpResponse, HttpServer};

use crate::{Functions, remote::HandleError};

const OCTET_STREAM: &str = "application/octet-stream";

impl Functions {
    /// Serves these functions over HTTP until the process is told to end (SIGTERM or SIGINT), then answers what is
    /// under way and returns. [`Server`] has settings.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve(self, address: impl ToSocketAddrs) -> io::Result<()> {
        Server::new(self).serve(address)
    }
}

/// An HTTP server for functions, about to start.
///
/// ```no_run
/// use std::time::Duration;
/// use statefun_sdk::{Functions, Server};
///
/// # fn main() -> std::io::Result<()> {
/// let functions = Functions::new();
/// Server::new(functions).drain_time(Duration::from_secs(5)).serve("0.0.0.0:8000")
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    functions: Functions,
    workers: Option<NonZeroUsize>,
    request_bytes_max: usize,
    drain_time: Duration,
    inline: bool,
}

impl Server {
    /// A server with settings that work.
    #[must_use]
    pub fn new(functions: Functions) -> Self {
        Self {
            functions,
            workers: None,
            request_bytes_max: 64 << 20,
            drain_time: Duration::from_secs(30),
            inline: false,
        }
    }

    /// How many threads read requests; by default one per core.
    #[must_use]
    pub fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The largest request to accept, in bytes; by default 64 MiB. The runtime gathers messages into batches and
    /// splits a batch that is answered 413.
    #[must_use]
    pub fn request_bytes_max(mut self, bytes: usize) -> Self {
        self.request_bytes_max = bytes;
        self
    }

    /// How long requests under way may take after the process was told to end; by default 30 s. Whole seconds count.
    #[must_use]
    pub fn drain_time(mut self, time: Duration) -> Self {
        self.drain_time = time;
        self
    }

    /// Runs functions on the threads that read requests. Saves a change of thread per request, and is right for
    /// functions that only compute; one that waits (for a database, for a file) would make others wait too, so by
    /// default functions run on threads of their own.
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    /// Listens on `address` and serves until the process is told to end (SIGTERM or SIGINT).
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn serve(self, address: impl ToSocketAddrs) -> io::Result<()> {
        let listener = TcpListener::bind(address)?;
        actix_web::rt::System::new().block_on(async move { self.listen(listener)?.await })
    }

    /// The server as a future, for programs with an actix system of their own. Ends like [`serve`](Self::serve), or
    /// when it is told to by its handle.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn listen(self, listener: TcpListener) -> io::Result<actix_web::dev::Server> {
        let Self { functions, workers, request_bytes_max, drain_time, inline } = self;
        let awaits = functions.any_awaits();
        let service = Data::new(Service { functions, awaits, inline });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&service))
                .app_data(PayloadConfig::new(request_bytes_max))
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .default_service(web::to(answer))
        })
        .shutdown_timeout(drain_time.as_secs());
        let server = match workers {
            Some(workers) => server.workers(workers.get()),
            None => server,
        };
        Ok(server.listen_auto_h2c(listener)?.run())
    }
}

struct Service {
    functions: Functions,
    /// Whether any of them awaits, so that requests are looked into.
    awaits: bool,
    inline: bool,
}

async fn answer(service: Data<Service>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if request.method() != Method::POST {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "POST")).body("only POST is answered\n");
    }
    if let Some(other) = request.headers().get(header::CONTENT_TYPE).filter(|value| !is_octet_stream(value)) {
        let text = format!("the content type must be {OCTET_STREAM}, not {other:?}\n");
        return HttpResponse::UnsupportedMediaType().body(text);
    }
    let body = match Bytes::from_request(&request, &mut payload.into_inner()).await {
        Ok(body) => body,
        Err(error) => return error.as_response_error().error_response(),
    };
    let reply = if service.awaits && service.functions.awaits(&body) {
        service.functions.handle_async(body).await
    } else if service.inline {
        service.functions.handle(body)
    } else {
        let service = Data::clone(&service);
        match web::block(move || service.functions.handle(body)).await {
            Ok(reply) => reply,
            Err(cancelled) => return HttpResponse::ServiceUnavailable().body(format!("{cancelled}\n")),
        }
    };
    match reply {
        Ok(reply) => HttpResponse::Ok().content_type(OCTET_STREAM).body(reply),
        Err(error) => failure(&error),
    }
}

fn failure(error: &HandleError) -> HttpResponse {
    // The runtime logs it too, but the author of a function looks here first.
    tracing::warn!(%error, "a request failed");
    let status = actix_web::http::StatusCode::from_u16(error.status()).expect("400 and 500 are statuses");
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(format!("{error}\n"))
}

/// Parameters behind the type say nothing here.
fn is_octet_stream(value: &header::HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(OCTET_STREAM.as_bytes())
}
