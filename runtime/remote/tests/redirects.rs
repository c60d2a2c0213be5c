//! Redirects: one transport follows, the other does not.

mod support;

use statefun_ports::remote::CallFailureKind::Status;
use statefun_remote::{AsyncOptions, OkHttpOptions};
use support::{NO_EFFECTS, Request, Script, Server, assert_done, assert_fails, call, ok, response, transport};

fn moved(status: u16) -> impl Fn(&Request) -> Script + Send + Sync + 'static {
    move |request| match request.path.as_str() {
        "/old" => response(&format!("{status} Moved\r\nlocation: /new?a=b"), b"gone there"),
        _ => ok(NO_EFFECTS),
    }
}

#[tokio::test]
async fn okhttp_repeats_the_call_at_the_new_place() {
    for status in [301, 302, 307, 308] {
        let server = Server::tcp(moved(status)).await;
        assert_done(call(&transport(&server.url("/old"), OkHttpOptions::default())).await);
        let requests = server.requests();
        assert_eq!((requests[1].method.as_str(), requests[1].path.as_str()), ("POST", "/new?a=b"), "{status}");
        assert_eq!(requests[1].body, requests[0].body);
        assert_eq!(requests[1].header("content-length"), requests[0].header("content-length"));
        assert_eq!(requests[1].connection, 0, "the redirect's body was read");
    }
}

#[tokio::test]
async fn see_other_is_fetched() {
    let server = Server::tcp(moved(303)).await;
    assert_done(call(&transport(&server.url("/old"), OkHttpOptions::default())).await);
    let request = server.requests().remove(1);
    assert_eq!((request.method.as_str(), request.body.len()), ("GET", 0));
}

#[tokio::test]
async fn okhttp_follows_to_another_host() {
    let new = Server::tcp(|_| ok(NO_EFFECTS)).await;
    let location = new.url("/elsewhere");
    let old = Server::tcp(move |_| response(&format!("308 Moved\r\nLocation: {location}"), b"")).await;
    assert_done(call(&transport(&old.url("/"), OkHttpOptions::default())).await);
    assert_eq!(new.requests()[0].header("host"), Some(new.address.as_str()));
}

#[tokio::test]
async fn the_async_transport_takes_a_redirect_for_a_failure() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::tcp(moved(status)).await;
        let outcome = call(&transport(&server.url("/old"), AsyncOptions::default())).await;
        assert_fails(outcome, Status(status), "gone there");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_a_failure_of_its_status() {
    for head in ["302 Found", "302 Found\r\nlocation: ftp://f/", "304 Not Modified\r\nlocation: /new"] {
        let server = Server::tcp(move |_| response(head, b"")).await;
        let status = head[..3].parse().unwrap();
        assert_fails(
            call(&transport(&server.url("/old"), OkHttpOptions::default())).await,
            Status(status),
            head.get(..3).unwrap(),
        );
    }
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let server = Server::tcp(|_| response("307 Around\r\nlocation: /", b"")).await;
    let outcome = call(&transport(&server.url("/"), OkHttpOptions::default())).await;
    assert_fails(outcome, Status(307), "after 20 redirects");
    assert_eq!(server.requests().len(), 21);
}
