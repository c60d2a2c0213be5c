//! Functions that take calls and never answer, any number of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A server that reads what it is sent and says nothing. Dropped, it closes its connections.
pub struct HangingServer {
    /// Where it listens.
    pub port: u16,
    open: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl HangingServer {
    /// Listens.
    ///
    /// # Panics
    /// When there is no port for it.
    #[must_use]
    pub fn start() -> Self {
        let port = crate::harness::ports::free_port();
        // One thread for all: a thread for each of thousands of connections is what a real server avoids as well.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).expect("the port is free");
        let open = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&open);
        runtime.spawn(async move {
            loop {
                // Out of descriptors, or a client that went away: the next one may be luckier.
                let Ok((mut connection, _)) = listener.accept().await else { continue };
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    counter.fetch_add(1, Relaxed);
                    let mut buffer = [0; 1024];
                    while matches!(connection.read(&mut buffer).await, Ok(read) if read > 0) {}
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
