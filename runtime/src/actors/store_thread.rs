//! The thread that makes epochs durable, and keeps house while there is nothing to commit.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use actix::Addr;
use statefun::Epoch;
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::snapshot_store::{FrozenEpoch, Manifest, SnapshotStore, StoreError};
use tokio::sync::oneshot;

use super::{CoordinatorActor, CoordinatorMessage};

/// The newest epoch, to be read while the store goes on.
pub(crate) type Frozen = Result<Option<Box<dyn FrozenEpoch>>, StoreError>;

enum Job {
    Commit { epoch: Epoch, parts: Vec<EncodedPart>, reply: Reply },
    Freeze(oneshot::Sender<Frozen>),
}

/// Says what came of a commit, and that nobody will ever know when it is dropped before.
struct Reply(Option<Addr<CoordinatorActor>>);

impl Reply {
    fn send(mut self, message: CoordinatorMessage) {
        if let Some(coordinator) = self.0.take() {
            coordinator.do_send(message);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(coordinator) = self.0.take() {
            coordinator.do_send(CoordinatorMessage::Fatal("the thread that makes epochs durable has died".to_owned()));
        }
    }
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
            // The thread only ends before its handle when it panicked; the job that comes back says so.
            let _ = jobs.send(Job::Commit { epoch, parts, reply: Reply(Some(reply)) });
        }
    }

    /// Has the newest epoch frozen, behind every commit so far. Whoever asked hears nothing when the thread has ended.
    pub(crate) fn freeze(&self, reply: oneshot::Sender<Frozen>) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(Job::Freeze(reply));
        }
    }

    /// Waits for what it was given and closes the store.
    pub(crate) fn close(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        self.close();
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
        match job {
            None => return,
            Some(Job::Commit { epoch, parts, reply }) => {
                let result = store.commit(Manifest { epoch, ..pattern }, &parts).map_err(|error| error.to_string());
                reply.send(CoordinatorMessage::Committed { epoch, result });
                is_tidy = false;
            }
            Some(Job::Freeze(reply)) => {
                // Whoever asked may have gone away.
                let _ = reply.send(store.freeze());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix::prelude::*;
    use statefun::{Epoch, Generation, ProcessingTime};
    use statefun_engine::Topology;
    use statefun_engine::snapshot::{Coordinator, Options};
    use statefun_engine::time::Tracker;
    use tokio::sync::oneshot;

    use super::super::{CoordinatorActor, CoordinatorMessage};
    use super::{Reply, StoreThread};
    use crate::pressure::{Pressure, PressureLimits};

    #[test]
    fn a_commit_that_is_lost_with_its_thread_is_not_waited_for() {
        System::new().block_on(async {
            let topology = Topology { sources: 0, shards: 1, sinks: 1 };
            let core =
                Coordinator::new(Options::default(), topology, Generation(1), Epoch(0), ProcessingTime::default());
            let pressure = Arc::new(Pressure::new(PressureLimits::default(), topology));
            let coordinator = CoordinatorActor::new(
                core,
                Tracker::new([]),
                StoreThread { jobs: None, thread: None },
                pressure,
                |_, _, _| panic!("nothing is written"),
            )
            .start();
            drop(Reply(Some(coordinator.clone())));
            let (reply, report) = oneshot::channel();
            coordinator.do_send(CoordinatorMessage::Report(reply));
            assert!(report.await.unwrap().fatal.is_some_and(|why| why.contains("died")));
        });
    }
}
