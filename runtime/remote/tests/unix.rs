//! Functions behind Unix sockets, by either transport.

mod certificates;
mod support;

use certificates::Authority;
use statefun_ports::remote::CallFailureKind::Connection;
use statefun_remote::{AsyncOptions, OkHttpOptions, TransportKind};
use support::{NO_EFFECTS, Server, assert_done, assert_fails, call, ok, response, transport};

fn both() -> [TransportKind; 2] {
    [AsyncOptions::default().into(), OkHttpOptions::default().into()]
}

#[tokio::test]
async fn the_socket_is_called_with_what_follows_it_as_path() {
    for kind in both() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("functions.sock");
        let server = Server::unix_with(&path, |_| ok(NO_EFFECTS), async |stream| Some(stream)).await;
        let transport = transport(&format!("http+unix://{}/serve/{{function.name}}?a=b", server.address), kind);
        assert_done(call(&transport).await);
        assert_done(call(&transport).await);
        let request = server.requests().remove(0);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/serve/cart?a=b"));
        assert_eq!(request.header("host"), Some("localhost"));
        assert_eq!(server.connections(), [0, 0], "the connection is kept");
    }
}

#[tokio::test]
async fn each_function_may_have_its_own_socket() {
    let directory = tempfile::tempdir().unwrap();
    let server =
        Server::unix_with(&directory.path().join("cart.sock"), |_| ok(NO_EFFECTS), async |stream| Some(stream)).await;
    let template = format!("http+unix://{}/{{function.name}}.sock", directory.path().display());
    assert_done(call(&transport(&template, AsyncOptions::default())).await);
    assert_eq!(server.requests()[0].path, "/");
}

#[tokio::test]
async fn a_redirect_stays_within_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let answer = |request: &support::Request| match request.path.as_str() {
        "/old" => response("307 Moved\r\nlocation: /new", b""),
        _ => ok(NO_EFFECTS),
    };
    let server = Server::unix_with(&directory.path().join("f.sock"), answer, async |stream| Some(stream)).await;
    let url = format!("http+unix://{}/old", server.address);
    assert_done(call(&transport(&url, OkHttpOptions::default())).await);
    assert_eq!(server.requests()[1].path, "/new");
}

#[tokio::test]
async fn a_socket_without_a_server_is_a_failed_connection() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http+unix://{}/f.sock/x", directory.path().display());
    for kind in both() {
        assert_fails(call(&transport(&url, kind)).await, Connection, &url);
    }
}

#[tokio::test]
async fn a_socket_may_speak_tls_as_localhost() {
    let authority = Authority::of("us");
    let acceptor = authority.acceptor(&["localhost"], None);
    let server = Server::unix_with(
        &authority.directory.path().join("f.sock"),
        |_| ok(NO_EFFECTS),
        move |stream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(stream).await.ok() }
        },
    )
    .await;
    let options = AsyncOptions { trust_cacerts: Some(authority.pem_file()), ..Default::default() };
    assert_done(call(&transport(&format!("https+unix://{}/x", server.address), options)).await);
    assert_eq!(server.requests()[0].path, "/x");
}
