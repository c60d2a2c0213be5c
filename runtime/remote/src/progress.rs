//! Telling a server that is slow to take from one that is slow to give.
//!
//! OkHttp limits each read and each write on the socket. The HTTP client here knows neither, so the body of the request
//! is handed out in slices and notes when each is taken: until the first, a connection is being made (which has its own
//! limit); between slices, we are writing; after the last, the server owes us an answer. A slice counts as written when
//! the client takes it, which is up to about 400 KiB before the server does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

const SLICE_BYTES: usize = 64 << 10;

/// Longer limits are as good as none, and cannot all be added to an instant.
const LIMIT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far a request has got.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    /// Microseconds from `started` to the latest step, times four, plus the phase.
    step: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting = 0,
    Writing = 1,
    Waiting = 2,
}

/// A limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stalled {
    /// The server does not take the request.
    Writing,
    /// The server does not answer.
    Waiting,
}

impl Progress {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), step: AtomicU64::new(Phase::Connecting as u64) })
    }

    /// The request's body, which reports here as it is taken.
    pub(crate) fn body(self: &Arc<Self>, bytes: Bytes) -> WatchedBody {
        WatchedBody { rest: bytes, progress: Arc::clone(self) }
    }

    fn step(&self, phase: Phase) {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.step.store(micros << 2 | phase as u64, Ordering::Relaxed);
    }

    fn latest(&self) -> (Phase, Instant) {
        let step = self.step.load(Ordering::Relaxed);
        let phase = match step & 3 {
            0 => Phase::Connecting,
            1 => Phase::Writing,
            _ => Phase::Waiting,
        };
        (phase, self.started + Duration::from_micros(step >> 2))
    }

    /// Returns when nothing has moved for longer than allowed.
    pub(crate) async fn stalled(&self, write: Duration, read: Duration) -> Stalled {
        // Nobody wakes us at a step, which would cost more than the odd look. A phase that starts after this look ends
        // no earlier than the shorter of the limits from now, so looking again by then is soon enough.
        let (write, read) = (write.min(LIMIT_MAX), read.min(LIMIT_MAX));
        let step_min = write.min(read);
        loop {
            let now = Instant::now();
            let (phase, since) = self.latest();
            let (deadline, stalled) = match phase {
                Phase::Connecting => (now + step_min, None),
                Phase::Writing => (since + write, Some(Stalled::Writing)),
                Phase::Waiting => (since + read, Some(Stalled::Waiting)),
            };
            match stalled {
                Some(stalled) if now >= deadline => return stalled,
                _ => tokio::time::sleep_until(deadline.min(now + step_min)).await,
            }
        }
    }
}

/// A body that is handed out in slices and reports each.
#[derive(Debug)]
pub(crate) struct WatchedBody {
    rest: Bytes,
    progress: Arc<Progress>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            this.progress.step(Phase::Waiting);
            return Poll::Ready(None);
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE_BYTES));
        this.progress.step(if this.rest.is_empty() { Phase::Waiting } else { Phase::Writing });
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
