//! What goes over the wire, and what counts as an answer.

mod support;

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use statefun_ports::remote::CallFailureKind::Malformed;
use statefun_ports::remote::CallOutcome;
use statefun_remote::{AsyncOptions, OkHttpOptions, TransportKind};
use support::{
    NO_EFFECTS, Server, Step, assert_done, assert_fails, batch, call, call_with, ok, raw, response, transport,
};

fn both() -> [TransportKind; 2] {
    [AsyncOptions::default().into(), OkHttpOptions::default().into()]
}

#[tokio::test]
async fn a_call_is_a_post_with_the_headers_of_statefun() {
    for kind in both() {
        let server = Server::tcp(|_| ok(NO_EFFECTS)).await;
        let transport = transport(&server.url("/fn/{function.name}?a=b#c"), kind);
        assert_done(call_with(&transport, batch(b"pen"), Some("00-0af7-b7ad-01")).await);
        let request = server.requests().remove(0);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/fn/cart?a=b"));
        let body_len = request.body.len().to_string();
        for (name, value) in [
            ("content-type", "application/octet-stream"),
            ("accept", "application/octet-stream"),
            ("user-agent", "statefun"),
            ("connection", "keep-alive"),
            ("content-length", body_len.as_str()),
            ("host", server.address.as_str()),
            ("traceparent", "00-0af7-b7ad-01"),
        ] {
            assert_eq!(request.header(name), Some(value), "{name} of {request:?}");
        }
        let encodings = request.header("accept-encoding").unwrap();
        assert!(encodings.contains("gzip") && encodings.contains("deflate"), "{encodings}");
        assert_eq!(request.header("transfer-encoding"), None);
        assert_eq!(request.header("content-encoding"), None);
        assert_eq!(request.headers.len(), 8, "nothing else: {request:?}");
        assert_eq!(request.body[..2], [0xa2, 0x06]);
    }
}

#[tokio::test]
async fn a_trace_that_is_no_header_value_does_not_fail_the_call() {
    let server = Server::tcp(|_| ok(NO_EFFECTS)).await;
    let transport = transport(&server.url("/"), AsyncOptions::default());
    assert_done(call_with(&transport, batch(b"pen"), Some("a\nb")).await);
    assert_eq!(server.requests()[0].header("traceparent"), None);
}

#[tokio::test]
async fn a_large_request_has_a_length_and_is_not_chunked() {
    for kind in both() {
        let server = Server::tcp(|_| ok(NO_EFFECTS)).await;
        let transport = transport(&server.url("/"), kind);
        assert_done(call_with(&transport, batch(&vec![7; 3 << 20]), None).await);
        let request = server.requests().remove(0);
        assert!(request.body.len() > 3 << 20);
        assert_eq!(request.header("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection() {
    for kind in both() {
        let server = Server::tcp(|_| ok(NO_EFFECTS)).await;
        let transport = transport(&server.url("/"), kind);
        for _ in 0..5 {
            assert_done(call(&transport).await);
        }
        assert_eq!(server.connections(), [0; 5]);
    }
}

#[tokio::test]
async fn a_failed_answer_leaves_the_connection_usable() {
    let server = Server::tcp(|request| match request.connection {
        0 if request.body.len() < 100 => response("500 Internal Server Error", b"boom"),
        _ => ok(NO_EFFECTS),
    })
    .await;
    let transport = transport(&server.url("/"), AsyncOptions::default());
    assert!(matches!(call(&transport).await, CallOutcome::Failed(_)));
    assert_done(call_with(&transport, batch(&[7; 100]), None).await);
    assert_eq!(server.connections(), [0, 0]);
}

#[test]
fn a_runtime_that_ends_takes_only_its_connections_with_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            tell.send(Server::tcp(|_| ok(NO_EFFECTS)).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let server = told.recv().unwrap();
    let transport = transport(&server.url("/"), AsyncOptions::default());
    for _ in 0..3 {
        let runtime = runtime();
        assert_done(runtime.block_on(call(&transport)));
        assert_done(runtime.block_on(call(&transport)));
    }
    assert_eq!(server.connections(), [0, 0, 1, 1, 2, 2]);
}

#[tokio::test]
async fn an_old_connection_is_not_used_again() {
    let server = Server::tcp(|_| ok(NO_EFFECTS)).await;
    let options = AsyncOptions { pool_ttl: Some(Duration::from_nanos(1)), ..Default::default() };
    let transport = transport(&server.url("/"), options);
    for _ in 0..3 {
        assert_done(call(&transport).await);
    }
    assert_eq!(server.connections(), [0, 1, 2]);
}

#[tokio::test]
async fn an_empty_body_is_an_answer_only_with_the_content_type() {
    for kind in both() {
        let server = Server::tcp(|_| ok(b"")).await;
        assert_done(call(&transport(&server.url("/"), kind.clone())).await);
        // Servers glued around the Java SDK report exceptions so: a header called Status, and status 200.
        let server = Server::tcp(|_| response("200 OK\r\nStatus: 500", b"")).await;
        let outcome = call(&transport(&server.url("/"), kind)).await;
        assert_fails(outcome, Malformed, "answered 200 OK with no content type instead of application/octet-stream");
    }
}

#[tokio::test]
async fn any_2xx_status_is_a_success() {
    let server = Server::tcp(|_| response("202 Accepted\r\ncontent-type: application/octet-stream", NO_EFFECTS)).await;
    assert_done(call(&transport(&server.url("/"), AsyncOptions::default())).await);
    let server =
        Server::tcp(|_| raw("HTTP/1.1 204 No Content\r\ncontent-type: application/octet-stream\r\n\r\n")).await;
    assert_done(call(&transport(&server.url("/"), AsyncOptions::default())).await);
}

#[tokio::test]
async fn each_transport_reads_the_content_type_in_its_way() {
    // Header lines, then whether the async and the OkHttp transport take them for an answer.
    let cases = [
        ("Content-Type: application/octet-stream", true, true),
        ("CONTENT-TYPE:application/octet-stream", true, true),
        ("cOnTeNt-TyPe:   application/octet-stream  ", true, true),
        ("content-type: Application/Octet-Stream", true, false),
        ("content-type: application/octet-stream; charset=utf-8", false, false),
        ("content-type: text/plain, application/octet-stream", true, false),
        ("content-type: text/plain\r\ncontent-type: application/octet-stream", true, true),
        ("content-type: application/octet-stream\r\ncontent-type: text/plain", true, false),
        ("content-type: application/protobuf", false, false),
        ("content-type: ", false, false),
        ("x-other: application/octet-stream", false, false),
    ];
    for (lines, async_takes, okhttp_takes) in cases {
        let server = Server::tcp(move |_| response(&format!("200 OK\r\n{lines}"), NO_EFFECTS)).await;
        for (kind, takes) in both().into_iter().zip([async_takes, okhttp_takes]) {
            let outcome = call(&transport(&server.url("/"), kind.clone())).await;
            match takes {
                true => assert!(matches!(outcome, CallOutcome::Done(_)), "{lines:?} {kind:?}: {outcome:?}"),
                false => assert_fails(outcome, Malformed, "instead of application/octet-stream"),
            }
        }
    }
}

#[tokio::test]
async fn an_answer_may_come_chunked_and_in_crumbs() {
    for kind in both() {
        let server = Server::tcp(|_| {
            let text =
                b"HTTP/1.1 200 OK\r\nCONTENT-TYPE: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
                         1\r\n\xa2\r\n2;x=y\r\n\x06\x00\r\n0\r\n\r\n";
            text.iter().map(|byte| Step::Write(vec![*byte])).collect()
        })
        .await;
        let transport = transport(&server.url("/"), kind);
        assert_done(call(&transport).await);
        assert_done(call(&transport).await);
        assert_eq!(server.connections(), [0, 0]);
    }
}

#[tokio::test]
async fn an_answer_without_length_ends_with_the_connection() {
    let server =
        Server::tcp(|_| raw(b"HTTP/1.0 200 OK\r\ncontent-type: application/octet-stream\r\n\r\n\xa2\x06\x00")).await;
    let transport = transport(&server.url("/"), AsyncOptions::default());
    assert_done(call(&transport).await);
    assert_done(call(&transport).await);
    assert_eq!(server.connections(), [0, 1]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn encoded(encoding: &str, bytes: &[u8]) -> support::Script {
    response(&format!("200 OK\r\ncontent-type: application/octet-stream\r\ncontent-encoding: {encoding}"), bytes)
}

#[tokio::test]
async fn compressed_answers_are_decompressed() {
    for (encoding, bytes) in [("gzip", gzip(NO_EFFECTS)), ("deflate", deflate(NO_EFFECTS))] {
        for kind in both() {
            let bytes = bytes.clone();
            let server = Server::tcp(move |_| encoded(encoding, &bytes)).await;
            assert_done(call(&transport(&server.url("/"), kind)).await);
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_decompress_is_malformed() {
    let server = Server::tcp(|_| encoded("gzip", b"this is not gzip at all")).await;
    assert_fails(call(&transport(&server.url("/"), AsyncOptions::default())).await, Malformed, "gzip");
}

#[tokio::test]
async fn the_limit_of_an_answer_is_exact_and_counts_decompressed_bytes() {
    // Field 900, which nobody knows, with 95 bytes.
    let mut answer = vec![0xa2, 0x38, 95];
    answer.extend_from_slice(&[0; 95]);
    let len = answer.len() as u64;
    let plain = ok(&answer);
    let chunked = raw([
        b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n62\r\n"
            .as_slice(),
        &answer,
        b"\r\n0\r\n\r\n",
    ]
    .concat());
    let compressed = encoded("gzip", &gzip(&answer));
    for script in [plain, chunked, compressed] {
        let server = Server::tcp(move |_| script.clone()).await;
        let limited = |payload_bytes_max| AsyncOptions { payload_bytes_max, ..Default::default() };
        assert_done(call(&transport(&server.url("/"), limited(len))).await);
        let outcome = call(&transport(&server.url("/"), limited(len - 1))).await;
        assert_fails(outcome, Malformed, "the answer exceeds 97 bytes");
    }
}

#[tokio::test]
async fn garbage_with_the_right_content_type_is_malformed() {
    let server = Server::tcp(|_| ok(b"<html>")).await;
    let outcome = call(&transport(&server.url("/"), AsyncOptions::default())).await;
    assert_fails(outcome, Malformed, "malformed answer: 6 bytes of body are no FromFunction");
}

#[tokio::test]
async fn states_that_are_missing_come_back_as_specs() {
    // incomplete_invocation_context { missing_values { state_name: "n", type_typename: "a/b" } }
    let body = [0xaa, 0x06, 0x0a, 0x0a, 0x08, 0x0a, 0x01, b'n', 0x1a, 0x03, b'a', b'/', b'b'];
    let server = Server::tcp(move |_| ok(&body)).await;
    let outcome = call(&transport(&server.url("/"), AsyncOptions::default())).await;
    let CallOutcome::Incomplete(specs) = outcome else { panic!("{outcome:?}") };
    assert_eq!((specs[0].name.as_str(), specs[0].value_type.as_str()), ("n", "a/b"));
}
