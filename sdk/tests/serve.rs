//! The HTTP server, asked by hand over a plain socket.
#![allow(clippy::unwrap_used, reason = "in tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use statefun_protocol::request_reply::{InvocationParts, Reply, encode_to_function};
use statefun_sdk::prelude::*;
use statefun_sdk::{Encode, Server};

/// Replies what it was told; waits, fails or panics when it is told to.
struct Echo {
    entered: SyncSender<()>,
    gate: Mutex<Receiver<()>>,
}

impl StatefulFunction for Echo {
    const TYPE: &'static str = "test/echo";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        match &*message.text()? {
            "wait" => {
                self.entered.send(()).or_retry()?;
                self.gate.lock().or_retry()?.recv().or_retry()?;
            }
            "fail" => return Err(FunctionError::Retry("as told".to_owned())),
            "panic" => panic!("as told"),
            _ => {}
        }
        context.reply(&*message.text()?)?;
        Ok(())
    }
}

struct Running {
    address: SocketAddr,
    /// Tells that a function waits.
    entered: Receiver<()>,
    /// Lets it go on.
    gate: Sender<()>,
    handle: actix_web::dev::ServerHandle,
    thread: JoinHandle<()>,
}

fn start(configure: impl FnOnce(Server) -> Server) -> Running {
    let (entered_sender, entered) = mpsc::sync_channel(1);
    let (gate, gate_receiver) = mpsc::channel();
    let functions = Functions::new().with(|_| Echo { entered: entered_sender, gate: Mutex::new(gate_receiver) });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = configure(Server::new(functions).workers(1.try_into().unwrap()));
    let (handles, handle) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = server.listen(listener).unwrap();
            handles.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    Running { address, entered, gate, handle: handle.recv().unwrap(), thread }
}

impl Running {
    fn ask(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request).unwrap();
        Answer::read(stream)
    }

    fn call(&self, text: &str) -> Answer {
        self.ask(&post("application/octet-stream", &body(text)))
    }

    /// Stops without waiting for anything, so that no test leaves a thread behind.
    fn stop(self) {
        drop(self.handle.stop(false));
        self.thread.join().unwrap();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// Requests ask for the connection to be closed, so the answer ends where the stream does.
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        Self { status: head[9..12].parse().unwrap(), head, body: bytes[end + 4..].to_vec() }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What the function replied.
    fn reply(self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.head.contains("content-type: application/octet-stream"), "{}", self.head);
        let Reply::Done(result) = Reply::decode(self.body.into()).unwrap() else { panic!("incomplete") };
        let argument = result.outgoing_messages[0].argument.as_ref().unwrap();
        statefun_protocol::types::decode_string(&argument.value).unwrap().into_owned()
    }
}

fn body(text: &str) -> Vec<u8> {
    let value = text.to_value().unwrap();
    let message = InvocationParts {
        caller: Some(("test", "caller", "c")),
        typename: value.value_type.as_str(),
        value: &value.bytes,
        event_time: None,
    };
    encode_to_function(("test", "echo", "a"), [].into_iter(), [message].into_iter()).to_vec()
}

fn post(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /statefun HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn a_post_to_any_path_is_answered() {
    let server = start(|server| server);
    assert_eq!(server.call("hello").reply(), "hello");
    let elsewhere = String::from_utf8_lossy(&post("application/octet-stream", b"")).replace("/statefun", "/a/b?c=d");
    let request = elsewhere.replace("content-length: 0", &format!("content-length: {}", body("x").len()));
    assert_eq!(server.ask(&[request.as_bytes(), &body("x")].concat()).reply(), "x");
    server.stop();
}

#[test]
fn functions_may_run_on_the_threads_that_read() {
    let server = start(Server::inline);
    assert_eq!(server.call("hello").reply(), "hello");
    assert_eq!(server.call("panic").status, 500);
    assert_eq!(server.call("hello").reply(), "hello");
    server.stop();
}

#[test]
fn health_is_a_get() {
    let server = start(|server| server);
    let answer = server.ask(b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    server.stop();
}

#[test]
fn other_methods_and_types_are_refused_with_a_reason() {
    let server = start(|server| server);
    let answer = server.ask(b"GET /statefun HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: post"), "{}", answer.head);
    let answer = server.ask(&post("application/json", b"{}"));
    assert_eq!(answer.status, 415);
    assert_eq!(answer.text(), "the content type must be application/octet-stream, not \"application/json\"\n");
    assert_eq!(server.ask(&post("Application/Octet-Stream; v=1", &body("x"))).reply(), "x");
    server.stop();
}

#[test]
fn a_request_above_the_limit_is_413() {
    let server = start(|server| server.request_bytes_max(1000));
    assert_eq!(server.call(&"x".repeat(2000)).status, 413);
    assert_eq!(server.call("small").reply(), "small");
    server.stop();
}

#[test]
fn failures_panics_and_nonsense_are_told() {
    let server = start(|server| server);
    let answer = server.call("fail");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text(), "test/echo/a did not handle message 0 of the request: as told\n");
    let answer = server.call("panic");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text(), "test/echo/a panicked at message 0 of the request: as told\n");
    let answer = server.ask(&post("application/octet-stream", b"<html>"));
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("the request is no ToFunction message: "), "{}", answer.text());
    server.stop();
}

#[test]
fn a_function_that_waits_does_not_keep_others_waiting() {
    let server = start(|server| server);
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(&post("application/octet-stream", &body("wait"))).unwrap();
    server.entered.recv().unwrap();
    assert_eq!(server.call("hello").reply(), "hello");
    server.gate.send(()).unwrap();
    assert_eq!(Answer::read(slow).reply(), "wait");
    server.stop();
}

#[test]
fn what_is_under_way_is_answered_when_the_server_ends() {
    let server = start(|server| server);
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(&post("application/octet-stream", &body("wait"))).unwrap();
    server.entered.recv().unwrap();
    drop(server.handle.stop(true));
    // The listener closes first; what was accepted before is still answered.
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.gate.send(()).unwrap();
    assert_eq!(Answer::read(slow).reply(), "wait");
    server.thread.join().unwrap();
}

#[test]
fn http_2_is_spoken_without_tls_to_who_begins_with_it() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const SETTINGS: u8 = 4;
    let server = start(|server| server);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&[PREFACE, &EMPTY_SETTINGS].concat()).unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], SETTINGS, "{frame:?}");
    drop(stream);
    server.stop();
}
