//! Ports that nobody uses.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of loopback that is free now and is given out once by this process.
///
/// From below the range that systems hand out to clients, so that a server that is killed finds its port again.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let begin = (std::process::id() % 160) as u16 * 64;
    for _ in 0..20_000 {
        let port = 12_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 12000 and 32000");
}
