use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::fake::Fake;
use crate::{Options, serve, serve_with};

/// Sends bytes as they are and reads until the connection ends.
async fn exchange(address: SocketAddr, request: String) -> String {
    let exchange = move || {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    actix_web::rt::task::spawn_blocking(exchange).await.unwrap()
}

fn get(host: &str) -> String {
    format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[actix_web::test]
async fn a_server_listens_until_it_is_stopped() {
    let server = serve(Arc::new(Fake::default()), "127.0.0.1:0").unwrap();
    let address = server.address;
    assert_ne!(address.port(), 0);
    let answer = exchange(address, get(&address.to_string())).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"status":"ok"}"#), "{answer}");

    server.stop().await;
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[actix_web::test]
async fn hosts_are_checked_on_the_wire_as_well() {
    let server = serve(Arc::new(Fake::default()), "127.0.0.1:0").unwrap();
    let foreign = exchange(server.address, get("evil.example")).await;
    assert!(foreign.starts_with("HTTP/1.1 403") && foreign.contains("host-not-local"), "{foreign}");
    let nameless = exchange(server.address, "GET /healthz HTTP/1.0\r\n\r\n".to_owned()).await;
    assert!(nameless.starts_with("HTTP/1.0 403"), "{nameless}");
    let head = exchange(server.address, get("localhost").replace("GET", "HEAD")).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "no body: {head}");
    server.stop().await;
}

#[actix_web::test]
async fn a_server_may_have_further_names() {
    let options = Options { hosts: vec!["statefun.internal".into()], ..Options::new("127.0.0.1:0") };
    let server = serve_with(Arc::new(Fake::default()), &options).unwrap();
    let answer = exchange(server.address, get("statefun.internal:8081")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop().await;
}

#[actix_web::test]
async fn an_address_that_is_taken_is_an_error_that_names_it() {
    let server = serve(Arc::new(Fake::default()), "127.0.0.1:0").unwrap();
    let taken = server.address.to_string();
    let error = serve(Arc::new(Fake::default()), &taken).err().unwrap();
    assert!(error.to_string().starts_with(&format!("the admin API cannot listen on {taken}: ")), "{error}");
    server.stop().await;
}
