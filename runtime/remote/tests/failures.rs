//! Every way to fail, as the kind that the engine decides by.

mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use statefun_ports::remote::CallFailureKind::{Connection, Status, Timeout};
use statefun_ports::remote::CallOutcome;
use statefun_remote::{AsyncOptions, OkHttpOptions, TransportKind};
use support::{
    NO_EFFECTS, Server, Step, assert_done, assert_fails, batch, call, call_with, ok, raw, response, transport,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const SHORT: Duration = Duration::from_millis(200);

fn both() -> [TransportKind; 2] {
    [AsyncOptions::default().into(), OkHttpOptions::default().into()]
}

#[tokio::test]
async fn nobody_listening_is_a_failed_connection() {
    for kind in both() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/fn", listener.local_addr().unwrap());
        drop(listener);
        let outcome = call(&transport(&url, kind)).await;
        assert_fails(outcome.clone(), Connection, &url);
        assert_fails(outcome, Connection, "refused");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_failed_connection() {
    let outcome = call(&transport("http://functions.invalid:8000/", AsyncOptions::default())).await;
    assert_fails(outcome, Connection, "http://functions.invalid:8000/");
}

#[tokio::test]
async fn a_connection_that_closes_before_the_answer_is_a_failed_connection() {
    for kind in both() {
        let server = Server::tcp(|_| vec![Step::Close]).await;
        assert_fails(call(&transport(&server.url("/"), kind)).await, Connection, "http://127.0.0.1");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_within_the_answer_is_a_failed_connection() {
    let heads = ["content-length: 10\r\n\r\n\u{6}", "transfer-encoding: chunked\r\n\r\n5\r\nab"];
    for (head, kind) in heads.into_iter().flat_map(|head| both().map(|kind| (head, kind))) {
        let server =
            Server::tcp(move |_| raw(format!("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n{head}")))
                .await;
        assert_fails(call(&transport(&server.url("/"), kind)).await, Connection, "http://127.0.0.1");
    }
}

#[tokio::test]
async fn something_that_does_not_speak_http_is_a_failed_connection() {
    let server = Server::tcp(|_| raw("SSH-2.0-OpenSSH_9.6\r\n")).await;
    assert_fails(call(&transport(&server.url("/"), AsyncOptions::default())).await, Connection, "HTTP");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let server = Server::tcp(|_| ok(NO_EFFECTS).into_iter().chain([Step::Close]).collect()).await;
    let transport = transport(&server.url("/"), AsyncOptions::default());
    for _ in 0..5 {
        // The next call may be on its way before the end of the connection is known: then it fails, once.
        match call(&transport).await {
            CallOutcome::Done(_) => {}
            failed => {
                assert_fails(failed, Connection, "http://127.0.0.1");
                assert_done(call(&transport).await);
            }
        }
    }
}

#[tokio::test]
async fn a_status_comes_with_the_beginning_of_its_body() {
    for kind in both() {
        let page = format!("Traceback:\n  boom {}", "x".repeat(100_000));
        let server = Server::tcp(move |_| response("503 Service Unavailable", page.as_bytes())).await;
        let outcome = call(&transport(&server.url("/fn?token=secret"), kind)).await;
        let says = format!("{} answered 503 Service Unavailable: Traceback:   boom xxx", server.url("/fn"));
        assert_fails(outcome.clone(), Status(503), &says);
        let CallOutcome::Failed(failure) = outcome else { unreachable!() };
        assert!(failure.message.len() < 300, "{}", failure.message);
    }
}

#[tokio::test]
async fn every_status_outside_2xx_is_a_failure_of_that_status() {
    for status in [400, 404, 408, 413, 429, 500, 502, 599] {
        let server = Server::tcp(move |_| {
            response(&format!("{status} So\r\ncontent-type: application/octet-stream"), NO_EFFECTS)
        })
        .await;
        for kind in both() {
            assert_fails(call(&transport(&server.url("/"), kind)).await, Status(status), &status.to_string());
        }
    }
}

#[tokio::test]
async fn a_status_is_told_even_if_its_body_never_ends() {
    let server = Server::tcp(|_| {
        vec![Step::Write(b"HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nboom".to_vec()), Step::Hang]
    })
    .await;
    assert_fails(call(&transport(&server.url("/"), AsyncOptions::default())).await, Status(500), "boom");
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout_of_the_call() {
    let kinds: [TransportKind; 2] = [
        AsyncOptions { call: SHORT, ..Default::default() }.into(),
        OkHttpOptions { call: SHORT, connect: SHORT, read: SHORT, write: SHORT, ..Default::default() }.into(),
    ];
    for kind in kinds {
        let server = Server::tcp(|_| vec![Step::Hang]).await;
        assert_fails(call(&transport(&server.url("/"), kind)).await, Timeout, "within 200ms");
        assert_eq!(server.requests().len(), 1, "the request had arrived");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_a_timeout_of_the_call() {
    let server = Server::tcp(|_| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 9\r\n\r\n";
        vec![Step::Write(head.to_vec()), Step::Hang]
    })
    .await;
    let options = AsyncOptions { call: SHORT, ..Default::default() };
    assert_fails(call(&transport(&server.url("/"), options)).await, Timeout, "no complete answer within 200ms (call)");
}

#[tokio::test]
async fn after_a_timeout_the_late_answer_is_not_taken_for_the_next() {
    let server = Server::tcp(|request| match request.connection {
        0 => vec![Step::Wait(SHORT * 2), ok(b"<html>").remove(0)],
        _ => ok(NO_EFFECTS),
    })
    .await;
    let transport = transport(&server.url("/"), AsyncOptions { call: SHORT, ..Default::default() });
    assert_fails(call(&transport).await, Timeout, "call");
    assert_done(call(&transport).await);
    assert_eq!(server.connections(), [0, 1]);
}

#[tokio::test]
async fn okhttp_limits_silence_not_slowness() {
    let read = Duration::from_millis(400);
    let options = OkHttpOptions { read, ..Default::default() };
    let slow = Server::tcp(|_| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 3\r\n\r\n".to_vec();
        let pieces = [head, vec![0xa2], vec![0x06], vec![0x00]];
        let pause = Step::Wait(Duration::from_millis(150));
        pieces.into_iter().flat_map(|piece| [pause.clone(), Step::Write(piece)]).collect()
    })
    .await;
    assert_done(call(&transport(&slow.url("/"), options.clone())).await);

    let silent = Server::tcp(|_| vec![Step::Hang]).await;
    let outcome = call(&transport(&silent.url("/"), options.clone())).await;
    assert_fails(outcome, Timeout, "nothing to read within 400ms (timeouts.read)");

    let stuck = Server::tcp(|_| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 3\r\n\r\n\xa2";
        vec![Step::Write(head.to_vec()), Step::Hang]
    })
    .await;
    assert_fails(call(&transport(&stuck.url("/"), options)).await, Timeout, "(timeouts.read)");
}

#[tokio::test]
async fn okhttp_limits_how_long_a_server_may_not_take_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let holding = tokio::spawn(async move {
        let stream = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(stream);
    });
    let options = OkHttpOptions { write: Duration::from_millis(300), ..Default::default() };
    let outcome = call_with(&transport(&url, options), batch(&vec![7; 64 << 20]), None).await;
    assert_fails(outcome, Timeout, "request not taken within 300ms (timeouts.write)");
    holding.abort();
}

/// A listener that lets nobody in: its queue is as short as can be, and full of the streams.
async fn crowded() -> std::io::Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr()?;
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        queued.push(stream?);
    }
    Ok((listener, queued))
}

#[tokio::test]
async fn a_server_that_does_not_accept_is_a_timeout_of_connecting() {
    let (listener, _queued) = crowded().await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let kinds: [TransportKind; 2] = [
        AsyncOptions { connect: SHORT, ..Default::default() }.into(),
        OkHttpOptions { connect: SHORT, ..Default::default() }.into(),
    ];
    for kind in kinds {
        assert_fails(call(&transport(&url, kind)).await, Timeout, "no connection within 200ms (connect)");
    }
}

#[tokio::test]
async fn a_full_pool_is_a_timeout_of_connecting() {
    let server = Server::tcp(|_| vec![Step::Hang]).await;
    let options = AsyncOptions { pool_size: NonZeroUsize::MIN, connect: SHORT, ..Default::default() };
    let transport = transport(&server.url("/"), options);
    let first = tokio::spawn({
        let transport = transport.clone();
        async move { call(&transport).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_fails(call(&transport).await, Timeout, "no free connection in the pool within 200ms (connect)");
    assert_eq!(server.requests().len(), 1);
    first.abort();
    let _ = first.await;
}
