//! Reading topics over HTTP, as the playground image does.
//!
//! | Request | Status | Body |
//! |---|---|---|
//! | any method on `/<topic>`, a payload is there | 200 | the payload |
//! | any method on `/<topic>`, none is there | 404 | empty |
//! | an unknown topic | 405 | empty |
//!
//! The image answers 200 in all three cases and tells them apart by a header `Status`. That header is sent here too, so
//! clients of either kind find out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::{PlaygroundStore, Take};

/// A server, bound and ready to be run.
pub struct PlaygroundServer {
    /// Run by awaiting it; ends when its handle says stop.
    pub server: Server,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Binds `port` on every interface; 0 lets the system choose. The process's signals are left alone.
///
/// # Errors
/// When the port cannot be bound.
pub fn serve(store: Arc<PlaygroundStore>, port: u16) -> io::Result<PlaygroundServer> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    let address = listener.local_addr()?;
    let app = move || App::new().configure(configure(Arc::clone(&store)));
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
    Ok(PlaygroundServer { server, address })
}

/// The routes, for a server of the caller's.
pub fn configure(store: Arc<PlaygroundStore>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(web::Data::from(store)).default_service(web::to(read));
    }
}

async fn read(store: web::Data<PlaygroundStore>, request: HttpRequest) -> HttpResponse {
    let topic = request.uri().path().trim_start_matches('/').trim_end_matches('/');
    let (status, payload) = match store.take(topic) {
        Take::Payload(payload) => (StatusCode::OK, Some(payload)),
        Take::Empty => (StatusCode::NOT_FOUND, None),
        Take::UnknownTopic => (StatusCode::METHOD_NOT_ALLOWED, None),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header(("Status", status.as_str()));
    match payload {
        Some(payload) => response.body(payload),
        None => response.finish(),
    }
}
