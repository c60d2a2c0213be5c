//! The thread that makes epochs durable, and keeps house while there is nothing to commit.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use actix::Addr;
use statefun::Epoch;
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};

use super::{CoordinatorActor, CoordinatorMessage};

struct Job {
    epoch: Epoch,
    parts: Vec<EncodedPart>,
    reply: Addr<CoordinatorActor>,
}

/// A handle to the thread; the thread ends, and the store is closed, when it is dropped.
pub(crate) struct StoreThread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    /// Starts the thread. Manifests are written after the pattern of `manifest`.
    pub(crate) fn start(store: Box<dyn SnapshotStore>, manifest: Manifest) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let thread =
            std::thread::Builder::new().name("store".to_owned()).spawn(move || run(store, manifest, &inbox))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes an epoch durable and reports to `reply`.
    pub(crate) fn commit(&self, epoch: Epoch, parts: Vec<EncodedPart>, reply: Addr<CoordinatorActor>) {
        if let Some(jobs) = &self.jobs {
            // The thread only ends before its handle when it panicked; then nothing is durable and nobody is told so.
            let _ = jobs.send(Job { epoch, parts, reply });
        }
    }
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut store: Box<dyn SnapshotStore>, pattern: Manifest, inbox: &Receiver<Job>) {
    let mut is_tidy = false;
    loop {
        let job = if is_tidy {
            inbox.recv().ok()
        } else {
            match inbox.try_recv() {
                Ok(job) => Some(job),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    is_tidy = match store.tidy() {
                        Ok(more) => !more,
                        Err(error) => {
                            tracing::warn!(%error, "housekeeping failed, it is tried again after the next epoch");
                            true
                        }
                    };
                    continue;
                }
            }
        };
        let Some(Job { epoch, parts, reply }) = job else { return };
        let result = store.commit(Manifest { epoch, ..pattern }, &parts).map_err(|error| error.to_string());
        reply.do_send(CoordinatorMessage::Committed { epoch, result });
        is_tidy = false;
    }
}
