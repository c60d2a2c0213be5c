//! A server that says exactly what a test wants to be said, byte by byte, and remembers what it was asked.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use statefun::{Address, CallId, EventTime, TypedValue, ValueType};
use statefun_ports::remote::{
    CallFailure, CallFailureKind, CallOutcome, Invocation, InvocationBatch, RemoteTransport as _,
};
use statefun_remote::{EndpointOptions, HttpTransport, TransportKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

/// What the server was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// In order, names as they were written.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Which connection it came over, counted from 0.
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What the server does for an answer.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Write(Vec<u8>),
    Wait(Duration),
    /// Never anything more.
    Hang,
    Close,
}

pub(crate) type Script = Vec<Step>;

/// An answer with a head as given and a body with its length.
pub(crate) fn response(head: &str, body: &[u8]) -> Script {
    let mut bytes = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Write(bytes)]
}

/// A success without effects.
pub(crate) fn ok(body: &[u8]) -> Script {
    response("200 OK\r\ncontent-type: application/octet-stream", body)
}

pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Script {
    vec![Step::Write(bytes.as_ref().to_vec()), Step::Close]
}

/// `FromFunction` with an empty result, in the bytes of the SDKs.
pub(crate) const NO_EFFECTS: &[u8] = &[0xa2, 0x06, 0x00];

type Handler = Arc<dyn Fn(&Request) -> Script + Send + Sync>;

/// The server. It lives as long as the test's runtime.
#[derive(Clone)]
pub(crate) struct Server {
    handler: Handler,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) async fn tcp(handler: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self::tcp_with(handler, async |stream| Some(stream)).await
    }

    /// A server whose connections go through `upgrade` first, for instance a TLS handshake.
    pub(crate) async fn tcp_with<S, F>(
        handler: impl Fn(&Request) -> Script + Send + Sync + 'static,
        upgrade: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::new(handler, listener.local_addr().unwrap().to_string());
        let serving = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                if let Some(stream) = upgrade(stream).await {
                    serving.spawn(stream);
                }
            }
        });
        server
    }

    pub(crate) async fn unix_with<S, F>(
        path: &std::path::Path,
        handler: impl Fn(&Request) -> Script + Send + Sync + 'static,
        upgrade: impl Fn(tokio::net::UnixStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send,
    {
        let listener = UnixListener::bind(path).unwrap();
        let server = Self::new(handler, path.to_str().unwrap().to_owned());
        let serving = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Some(stream) = upgrade(stream).await {
                    serving.spawn(stream);
                }
            }
        });
        server
    }

    fn new(handler: impl Fn(&Request) -> Script + Send + Sync + 'static, address: String) -> Self {
        Self { handler: Arc::new(handler), requests: Arc::default(), connections: Arc::default(), address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The connections that requests came over, in the order of the requests.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.requests().iter().map(|request| request.connection).collect()
    }

    fn spawn(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let server = self.clone();
        tokio::spawn(async move { server.serve(stream, connection).await });
    }

    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin, connection: usize) {
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer, connection).await {
            let script = (self.handler)(&request);
            self.requests.lock().unwrap().push(request);
            for step in script {
                match step {
                    Step::Write(bytes) => {
                        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                    }
                    Step::Wait(time) => tokio::time::sleep(time).await,
                    Step::Hang => std::future::pending().await,
                    Step::Close => {
                        let _ = stream.shutdown().await;
                        return;
                    }
                }
            }
        }
    }
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    connection: usize,
) -> Option<Request> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut start = lines.next()?.split(' ');
    let mut request = Request {
        method: start.next()?.to_owned(),
        path: start.next()?.to_owned(),
        headers: lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        connection,
        ..Default::default()
    };
    let len: usize = request.header("content-length").map_or(0, |len| len.parse().unwrap());
    buffer.drain(..end + 4);
    while buffer.len() < len {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    request.body = buffer.drain(..len).collect();
    Some(request)
}

pub(crate) fn transport(url: &str, kind: impl Into<TransportKind>) -> Arc<HttpTransport> {
    HttpTransport::new(EndpointOptions::new(url).with_transport(kind)).unwrap()
}

/// A batch of one message for `shop/cart/ann`.
pub(crate) fn batch(argument: &[u8]) -> InvocationBatch {
    InvocationBatch {
        target: Address::parse("shop/cart/ann").unwrap(),
        state: vec![],
        invocations: vec![Invocation {
            caller: None,
            argument: TypedValue::new(ValueType::named("shop/Add").unwrap(), argument),
            event_time: EventTime::NONE,
        }],
    }
}

pub(crate) async fn call(transport: &Arc<HttpTransport>) -> CallOutcome {
    call_with(transport, batch(b"pen"), None).await
}

pub(crate) async fn call_with(
    transport: &Arc<HttpTransport>,
    batch: InvocationBatch,
    trace: Option<&str>,
) -> CallOutcome {
    Arc::clone(transport).call(CallId(1), batch, trace.map(str::to_owned)).await
}

#[track_caller]
pub(crate) fn assert_done(outcome: CallOutcome) {
    assert!(matches!(outcome, CallOutcome::Done(_)), "{outcome:?}");
}

#[track_caller]
pub(crate) fn assert_fails(outcome: CallOutcome, kind: CallFailureKind, says: &str) {
    let CallOutcome::Failed(CallFailure { kind: found, message }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(found, kind, "{message}");
    assert!(message.contains(says), "{message:?} does not say {says:?}");
}
