//! The HTTP server: a thread per connection, because a test has few and may want to hang on any of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, Call};
use crate::harness::ports;

type Behaviour = dyn Fn(&Call) -> Answer + Send + Sync;

struct Shared {
    behaviour: Box<Behaviour>,
    calls: AtomicU64,
    is_over: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

/// A server of remote functions. Dropped, it closes its port and its connections.
pub struct FunctionServer {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

impl FunctionServer {
    /// Serves every call with `behaviour`.
    ///
    /// # Panics
    /// When there is no port for it.
    #[must_use]
    pub fn start(behaviour: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_at(ports::free_port(), behaviour)
    }

    /// The same at a port of choice, as after a restart.
    ///
    /// # Panics
    /// When the port is taken.
    #[must_use]
    pub fn start_at(port: u16, behaviour: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let shared = Arc::new(Shared {
            behaviour: Box::new(behaviour),
            calls: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { port, shared }
    }

    /// Requests received so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }
}

impl Drop for FunctionServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the accepting thread, which closes the port by ending.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for connection in self.shared.connections().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.is_over() {
            return;
        }
        let Ok(connection) = connection else { continue };
        let _ = connection.set_nodelay(true);
        if let Ok(clone) = connection.try_clone() {
            shared.connections().push(clone);
        }
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let closing = connection.try_clone();
            // An error is the end of a connection, which is the client's business.
            let _ = serve(connection, &shared);
            if let Ok(closing) = closing {
                let _ = closing.shutdown(Shutdown::Both);
            }
        });
    }
}

fn serve(connection: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    while let Some((path, headers, body)) = request(&mut reader)? {
        shared.calls.fetch_add(1, Ordering::Relaxed);
        let mut answer = (shared.behaviour)(&Call::decode(path, headers, &body));
        while let Answer::Late(delay, then) = answer {
            std::thread::sleep(delay);
            answer = *then;
        }
        match answer {
            Answer::Body(body) => respond(&mut writer, 200, &body)?,
            Answer::Garbage => respond(&mut writer, 200, b"<html>this is no function</html>")?,
            Answer::Status(status) => respond(&mut writer, status, b"")?,
            Answer::Flood(size) => flood(&mut writer, size)?,
            Answer::Close => return Ok(()),
            Answer::Hang => {
                while !shared.is_over() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
            Answer::Late(..) => {}
        }
    }
    Ok(())
}

type Request = (String, Vec<(String, String)>, Vec<u8>);

fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some((path, headers, body)))
}

fn respond(writer: &mut TcpStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    let mut bytes = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    writer.write_all(&bytes)
}

fn flood(writer: &mut TcpStream, size: u64) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {size}\r\n\r\n");
    writer.write_all(head.as_bytes())?;
    std::io::copy(&mut std::io::repeat(b'x').take(size), writer)?;
    Ok(())
}
