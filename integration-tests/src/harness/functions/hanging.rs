//! Functions that take calls and do not answer, any number of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Answer, Effects};

/// A server that does what it is told by a few calls, which is nothing, and reads all others without a word. Dropped, it
/// closes its connections.
pub struct HangingServer {
    /// Where it listens.
    pub port: u16,
    open: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl HangingServer {
    /// Listens; answers the first calls, as many as that, so that a runtime which asks for the function's states first
    /// goes on to call all who wait.
    ///
    /// # Panics
    /// When there is no port for it.
    #[must_use]
    pub fn start(answered: usize) -> Self {
        let port = crate::harness::ports::free_port();
        // One thread for all: a thread for each of thousands of connections is what a real server avoids as well.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).expect("the port is free");
        let open = Arc::new(AtomicUsize::new(0));
        let (counter, to_answer) = (Arc::clone(&open), Arc::new(AtomicUsize::new(answered)));
        runtime.spawn(async move {
            loop {
                // Out of descriptors, or a client that went away: the next one may be luckier.
                let Ok((connection, _)) = listener.accept().await else { continue };
                let (counter, to_answer) = (Arc::clone(&counter), Arc::clone(&to_answer));
                tokio::spawn(async move {
                    counter.fetch_add(1, Relaxed);
                    // An error is the end of a connection, which is the client's business.
                    let _ = serve(connection, &to_answer).await;
                    counter.fetch_sub(1, Relaxed);
                });
            }
        });
        Self { port, open, runtime: Some(runtime) }
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.load(Relaxed)
    }
}

impl Drop for HangingServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(mut connection: TcpStream, to_answer: &AtomicUsize) -> std::io::Result<()> {
    let Answer::Body(nothing) = Effects::new().into() else { unreachable!("effects are a body") };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ";
    let answer = [format!("{head}{}\r\n\r\n", nothing.len()).as_bytes(), &nothing].concat();
    let (mut received, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let read = connection.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if to_answer.load(Relaxed) == 0 {
            continue;
        }
        received.extend_from_slice(&buffer[..read]);
        let is_whole = whole_request(&received).is_some_and(|length| length <= received.len());
        if is_whole && to_answer.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            received.clear();
            connection.write_all(&answer).await?;
        }
    }
}

/// How long the request is, once its headers are there.
fn whole_request(received: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(received);
    let head = text.find("\r\n\r\n")? + 4;
    let mut headers = text[..head].lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1;
    Some(head + length.trim().parse::<usize>().ok()?)
}
