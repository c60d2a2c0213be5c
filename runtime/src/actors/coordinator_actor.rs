//! Drives the [`Coordinator`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use actix::prelude::*;
use statefun::{Epoch, ProcessingTime};
use statefun_engine::Participant;
use statefun_engine::snapshot::{Command, Coordinator, Stats};
use statefun_ports::keyed_state::EncodedPart;
use tokio::sync::oneshot;

use super::{ShardMessage, SinkMessage, SourceMessage, StoreThread, Wiring};
use crate::clock;

/// What the coordinator may be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum CoordinatorMessage {
    /// Everybody's address; epochs begin.
    Wire(Wiring, Vec<Recipient<SourceMessage>>),
    /// Somebody waits for durability.
    Request,
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
    /// The durations of the newest epochs that held anything, from start to durable, in microseconds.
    pub(crate) durations_us: Vec<u64>,
}

/// How many durations are kept for medians.
const DURATIONS_KEPT: usize = 4096;

pub(crate) struct CoordinatorActor {
    core: Coordinator,
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
}

impl CoordinatorActor {
    pub(crate) fn new(core: Coordinator, store: StoreThread) -> Self {
        Self {
            core,
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
        }
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
                    Command::Commit { epoch, parts } => {
                        self.wrote = true;
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
            CoordinatorMessage::Wire(wiring, sources) => self.wiring = Some((wiring, sources)),
            CoordinatorMessage::Request => self.core.on_request(clock::now(), &mut self.commands),
            CoordinatorMessage::Part { from, part } => self.core.on_part(from, part, &mut self.commands),
            CoordinatorMessage::Committed { epoch, result } => {
                if let Err(error) = &result {
                    tracing::error!(%epoch, error, "the epoch could not be made durable, trying again with the next");
                    self.last_failure = Some(error.clone());
                }
                self.core.on_committed(clock::now(), epoch, result.is_ok(), &mut self.commands);
            }
            CoordinatorMessage::Await(waiter) => {
                self.waiters.push((self.core.last(), waiter));
                self.core.on_request(clock::now(), &mut self.commands);
            }
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
                    durations_us: self.durations_us.iter().copied().collect(),
                });
            }
        }
        self.perform(context);
    }
}
