//! The bridge between a reader that blocks and the engine's futures.
//!
//! ```text
//!  reader thread ── batches, at most BATCHES_AHEAD ──▶ drive() ──▶ SourceOutput::send   (waits for room)
//!                ◀───────────── events ─────────────── drive() ◀── SourceOutput::event
//! ```
//!
//! An engine without room lets `send` wait, the channel fills, the reader blocks in [`Feed::send`]: that is all the
//! back pressure there is, and it is enough, because a reader holds nothing else.

use std::future::Future;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use statefun::Symbol;
use statefun_ports::source::{Position, SourceError, SourceEvent, SourceOutput, SourceRecord};
use tokio::sync::{mpsc, oneshot};

/// Batches that wait between the reader and the engine. Small: what waits here is read, yet in no snapshot.
const BATCHES_AHEAD: usize = 4;

/// The reader's end.
pub(crate) struct Feed {
    batches: mpsc::Sender<Vec<SourceRecord>>,
    events: std_mpsc::Receiver<SourceEvent>,
    /// Only the newest matter, because positions only grow.
    committed: Option<Vec<Position>>,
    stopped: bool,
}

impl Feed {
    /// Hands a batch over, waiting for room. `false`: the engine has stopped.
    pub(crate) fn send(&mut self, batch: Vec<SourceRecord>) -> bool {
        // Takes in what the engine has said meanwhile, so that stop is noticed at full speed too.
        self.listen();
        if !self.stopped && !batch.is_empty() && self.batches.blocking_send(batch).is_err() {
            self.stopped = true;
        }
        !self.stopped
    }

    /// The newest positions an epoch holds, if one completed since the last call.
    pub(crate) fn committed(&mut self) -> Option<Vec<Position>> {
        self.listen();
        self.committed.take()
    }

    /// Whether the engine said stop.
    pub(crate) fn is_stopped(&mut self) -> bool {
        self.listen();
        self.stopped
    }

    /// Waits this long or until the engine says stop; whether to go on.
    pub(crate) fn pause(&mut self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        while !self.stopped {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) => self.hear(event),
                Err(std_mpsc::RecvTimeoutError::Disconnected) => self.stopped = true,
                Err(std_mpsc::RecvTimeoutError::Timeout) => break,
            }
        }
        !self.stopped
    }

    fn listen(&mut self) {
        while !self.stopped {
            match self.events.try_recv() {
                Ok(event) => self.hear(event),
                Err(std_mpsc::TryRecvError::Disconnected) => self.stopped = true,
                Err(std_mpsc::TryRecvError::Empty) => break,
            }
        }
    }

    fn hear(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::Committed(positions) => self.committed = Some(positions),
            // Tickets belong to sources whose senders wait for an answer.
            SourceEvent::Durable { .. } => {}
            SourceEvent::Stop => self.stopped = true,
        }
    }
}

/// Runs `reader` on a thread of its own and carries its batches to `output` until it ends or the engine says stop.
///
/// Relies on [`SourceOutput::event`] losing nothing when its future is dropped before it is ready, as channels do.
///
/// Returns after the reader has ended: a source that is started again never finds its predecessor still reading.
pub(crate) async fn drive<R>(source_id: Symbol, mut output: Box<dyn SourceOutput>, reader: R) -> Result<(), SourceError>
where
    R: FnOnce(&mut Feed) -> Result<(), SourceError> + Send + 'static,
{
    let (batches, mut incoming) = mpsc::channel(BATCHES_AHEAD);
    let (events, outgoing) = std_mpsc::channel();
    let (done, finished) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("source {source_id}"))
        .spawn(move || {
            let mut feed = Feed { batches, events: outgoing, committed: None, stopped: false };
            let result = reader(&mut feed);
            drop(feed);
            // Nobody listens when the engine has dropped the source; there is nobody left to tell then.
            let _ = done.send(result);
        })
        .map_err(|error| failed(source_id, true, format!("cannot start a reader thread: {error}")))?;

    loop {
        tokio::select! {
            biased;
            event = output.event() => {
                let stop = event == SourceEvent::Stop;
                // A reader that has ended needs no events.
                let _ = events.send(event);
                if stop {
                    break;
                }
            }
            batch = incoming.recv() => match batch {
                Some(batch) => if !output.send(batch).await {
                    let _ = events.send(SourceEvent::Stop);
                    break;
                },
                None => break,
            },
        }
    }
    // Unblocks a reader that waits for room.
    drop(incoming);
    drop(events);
    ended(source_id, finished).await
}

async fn ended(
    source_id: Symbol,
    finished: impl Future<Output = Result<Result<(), SourceError>, oneshot::error::RecvError>>,
) -> Result<(), SourceError> {
    finished.await.unwrap_or_else(|_| Err(failed(source_id, true, "the reader thread panicked".to_owned())))
}

/// An error of this source.
pub(crate) fn failed(source_id: Symbol, retryable: bool, message: String) -> SourceError {
    SourceError { source_id, message, retryable }
}
