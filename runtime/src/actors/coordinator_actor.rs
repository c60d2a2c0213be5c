//! Drives the [`Coordinator`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use statefun::{Epoch, ProcessingTime};
use statefun_engine::Participant;
use statefun_engine::snapshot::{Command, Coordinator, Stats};
use statefun_engine::time::{Delta, DomainReport, Tracker};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::{RowKey, RowValue};
use tokio::sync::oneshot;

use super::{Frozen, RowEncoder, ShardMessage, SinkMessage, SourceMessage, StoreThread, Wiring};
use crate::clock;
use crate::pressure::Pressure;

/// What the coordinator may be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum CoordinatorMessage {
    /// Everybody's address; epochs begin.
    Wire(Wiring, Vec<Recipient<SourceMessage>>),
    /// Somebody waits for durability.
    Request,
    /// What a step of a participant changed about event time. Sent before what the step sends, to one queue: so what it
    /// caused is heard of later.
    Delta(Delta),
    /// Tell the shards how far event time has come.
    Publish,
    Part {
        from: Participant,
        part: EncodedPart,
    },
    Committed {
        epoch: Epoch,
        result: Result<(), String>,
    },
    /// Answered when an epoch has completed that began after now.
    Await(oneshot::Sender<Epoch>),
    /// Freeze the newest epoch in the store.
    Freeze(oneshot::Sender<Frozen>),
    /// Something cannot go on.
    Fatal(String),
    /// Close the store; answered when it is closed.
    Close(oneshot::Sender<()>),
    /// How it goes.
    Report(oneshot::Sender<CoordinatorReport>),
}

/// How snapshots go.
#[derive(Debug, Clone)]
pub(crate) struct CoordinatorReport {
    pub(crate) completed: Epoch,
    pub(crate) stats: Stats,
    pub(crate) fatal: Option<String>,
    pub(crate) last_failure: Option<String>,
    /// Commits that failed.
    pub(crate) failures: u64,
    /// Since when no epoch could be made durable, and why the newest one could not.
    pub(crate) failing: Option<(Duration, String)>,
    /// The durations of the newest epochs that held anything, from start to durable, in microseconds.
    pub(crate) durations_us: Vec<u64>,
    /// How event time stands, by ingress.
    #[expect(dead_code, reason = "the admin API does not show it yet")]
    pub(crate) domains: Vec<DomainReport>,
    /// The newest news of event time that shards were told, if nothing holds any back and there is no other to tell.
    pub(crate) time_settled: Option<u64>,
}

/// Under this name the coordinator has rows of its own.
const PARTICIPANT: &str = "node";

/// How many durations are kept for medians.
const DURATIONS_KEPT: usize = 4096;

pub(crate) struct CoordinatorActor {
    core: Coordinator,
    tracker: Tracker,
    /// Whether [`CoordinatorMessage::Publish`] is on its way: what is said meanwhile goes out with it.
    is_publishing: bool,
    commands: Vec<Command>,
    wiring: Option<(Wiring, Vec<Recipient<SourceMessage>>)>,
    store: StoreThread,
    waiters: Vec<(Epoch, oneshot::Sender<Epoch>)>,
    timer: Option<(ProcessingTime, SpawnHandle)>,
    started: Option<Instant>,
    wrote: bool,
    durations_us: VecDeque<u64>,
    fatal: Option<String>,
    last_failure: Option<String>,
    failures: u64,
    failing_since: Option<Instant>,
    /// Failures since then, after the first.
    attempts: u64,
    pressure: Arc<Pressure>,
    encode: RowEncoder,
}

impl CoordinatorActor {
    pub(crate) fn new(
        core: Coordinator,
        tracker: Tracker,
        store: StoreThread,
        pressure: Arc<Pressure>,
        encode: RowEncoder,
    ) -> Self {
        Self {
            core,
            tracker,
            is_publishing: false,
            commands: Vec::new(),
            wiring: None,
            store,
            waiters: Vec::new(),
            timer: None,
            started: None,
            wrote: false,
            durations_us: VecDeque::new(),
            fatal: None,
            last_failure: None,
            failures: 0,
            failing_since: None,
            attempts: 0,
            pressure,
            encode,
        }
    }

    /// The clock that the next start goes on from, as a part of its own: one row, whatever the shards wrote.
    fn clock_part(&self, epoch: Epoch) -> EncodedPart {
        let key = RowKey::Clock { participant: PARTICIPANT.into() };
        (self.encode)(PARTICIPANT, epoch, &[(key, Some(RowValue::Clock(clock::now())))])
    }

    /// While nothing can be made durable, nothing is taken in: it would have to be kept all the while.
    fn note_commit(&mut self, epoch: Epoch, result: &Result<(), String>) {
        match result {
            Err(error) => {
                // Not once per attempt, five of which are made in a second.
                let attempts = if self.failing_since.is_none() { 0 } else { self.attempts + 1 };
                self.attempts = attempts;
                if attempts == 0 || attempts.is_power_of_two() {
                    tracing::error!(%epoch, error, "the epoch could not be made durable; sources wait until one can be");
                }
                self.failures += 1;
                self.failing_since.get_or_insert_with(Instant::now);
                self.last_failure = Some(error.clone());
            }
            Ok(()) => {
                if let Some(since) = self.failing_since.take() {
                    tracing::info!(%epoch, after_ms = since.elapsed().as_millis(), "epochs can be made durable again");
                }
            }
        }
        self.pressure.set_not_durable(self.failing_since.is_some());
    }

    fn perform(&mut self, context: &mut Context<Self>) {
        let Some((wiring, sources)) = &self.wiring else { return };
        // A commit of nothing answers at once, with more commands.
        while !self.commands.is_empty() {
            for command in std::mem::take(&mut self.commands) {
                match command {
                    Command::Start(marker) => {
                        self.started = Some(Instant::now());
                        self.wrote = false;
                        for source in sources {
                            source.do_send(SourceMessage::Start(marker));
                        }
                    }
                    Command::Commit { epoch, parts } if parts.is_empty() => {
                        self.core.on_committed(clock::now(), epoch, true, &mut self.commands);
                    }
                    Command::Commit { epoch, mut parts } => {
                        self.wrote = true;
                        parts.push(self.clock_part(epoch));
                        self.store.commit(epoch, parts, context.address());
                    }
                    Command::Completed(permit) => {
                        let epoch = permit.epoch();
                        for shard in &wiring.shards {
                            shard.do_send(ShardMessage::Completed(epoch));
                        }
                        for sink in &wiring.sinks {
                            sink.do_send(SinkMessage::Completed(epoch));
                        }
                        for source in sources {
                            source.do_send(SourceMessage::Completed(epoch));
                        }
                        for (_, waiter) in self.waiters.extract_if(.., |(after, _)| *after < epoch) {
                            let _ = waiter.send(epoch);
                        }
                        if let Some(started) = self.started.take()
                            && self.wrote
                        {
                            self.durations_us.push_back(started.elapsed().as_micros() as u64);
                            if self.durations_us.len() > DURATIONS_KEPT {
                                self.durations_us.pop_front();
                            }
                        }
                    }
                    Command::Abandoned(epoch) => {
                        for shard in &wiring.shards {
                            shard.do_send(ShardMessage::Abandoned(epoch));
                        }
                        for sink in &wiring.sinks {
                            sink.do_send(SinkMessage::Abandoned(epoch));
                        }
                        for source in sources {
                            source.do_send(SourceMessage::Abandoned(epoch));
                        }
                    }
                }
            }
        }
        self.arm(context);
    }

    /// Tells the shards how far event time has come.
    fn publish(&mut self) {
        let Some((wiring, _)) = &self.wiring else { return };
        while let Some(progress) = self.tracker.publish() {
            let progress = Arc::new(progress);
            for shard in &wiring.shards {
                shard.do_send(ShardMessage::Progress(Arc::clone(&progress)));
            }
        }
    }

    fn arm(&mut self, context: &mut Context<Self>) {
        let deadline = self.core.deadline();
        if self.timer.as_ref().map(|(at, _)| *at) == deadline {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            context.cancel_future(timer);
        }
        if let Some(at) = deadline {
            let wait = at.since(clock::now()).clamp(Duration::from_millis(1), Duration::from_secs(60));
            let timer = context.run_later(wait, |actor, context| {
                actor.timer = None;
                actor.core.on_tick(clock::now(), &mut actor.commands);
                actor.perform(context);
            });
            self.timer = Some((at, timer));
        }
    }
}

impl Actor for CoordinatorActor {
    type Context = Context<Self>;
}

impl Handler<CoordinatorMessage> for CoordinatorActor {
    type Result = ();

    fn handle(&mut self, message: CoordinatorMessage, context: &mut Self::Context) {
        match message {
            CoordinatorMessage::Wire(wiring, sources) => {
                self.wiring = Some((wiring, sources));
                self.publish();
            }
            CoordinatorMessage::Delta(delta) => {
                self.tracker.on_delta(clock::now(), &delta);
                if !std::mem::replace(&mut self.is_publishing, true) {
                    context.notify(CoordinatorMessage::Publish);
                }
                return;
            }
            CoordinatorMessage::Publish => {
                self.is_publishing = false;
                self.publish();
                return;
            }
            CoordinatorMessage::Request => self.core.on_request(clock::now(), &mut self.commands),
            CoordinatorMessage::Part { from, part } => self.core.on_part(from, part, &mut self.commands),
            CoordinatorMessage::Committed { epoch, result } => {
                self.note_commit(epoch, &result);
                self.core.on_committed(clock::now(), epoch, result.is_ok(), &mut self.commands);
            }
            CoordinatorMessage::Await(waiter) => {
                self.waiters.push((self.core.last(), waiter));
                self.core.on_request(clock::now(), &mut self.commands);
            }
            CoordinatorMessage::Freeze(reply) => self.store.freeze(reply),
            // The first is the cause, what follows are its consequences.
            CoordinatorMessage::Fatal(why) => {
                self.fatal.get_or_insert(why);
            }
            CoordinatorMessage::Close(closed) => {
                self.store.close();
                let _ = closed.send(());
            }
            CoordinatorMessage::Report(reply) => {
                let _ = reply.send(CoordinatorReport {
                    completed: self.core.completed(),
                    stats: self.core.stats(),
                    fatal: self.fatal.clone(),
                    last_failure: self.last_failure.clone(),
                    failures: self.failures,
                    failing: self.failing_since.map(|since| since.elapsed()).zip(self.last_failure.clone()),
                    durations_us: self.durations_us.iter().copied().collect(),
                    domains: self.tracker.report(),
                    time_settled: (!self.is_publishing && self.tracker.is_quiet()).then(|| self.tracker.seq()),
                });
            }
        }
        self.perform(context);
    }
}
