//! Watching and stopping a node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use statefun::{Epoch, FunctionType, Generation, KeyGroups, Lineage, RequestId};
use statefun_engine::shard::{FunctionStats, StateEntry};
use statefun_engine::{sink, snapshot, source};
use statefun_ports::rows::RequestProgress;
use statefun_ports::snapshot_store::FrozenEpoch;
use statefun_ports::source::Position;
use tokio::sync::oneshot;

use super::start::DEAD_LETTERS;
use super::{NodeError, NodeOptions};
use crate::actors::{CoordinatorMessage, CoordinatorReport, ShardMessage, SinkMessage, SourceMessage, Wiring};
use crate::application::{FunctionHome, FunctionPattern};
use crate::pressure::Pressure;
use crate::universe::Universe;

/// How often a node is looked at whether it is well, and whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a stop waits for connectors that still publish.
const PUBLISHING_MAX: Duration = Duration::from_secs(5);

/// A running node. Clones are handles to the same node.
#[derive(Clone)]
pub struct Node {
    wiring: Wiring,
    sources: Vec<Recipient<SourceMessage>>,
    doors: Vec<bool>,
    universe: Arc<Universe>,
    pressure: Arc<Pressure>,
    groups: KeyGroups,
    options: NodeOptions,
    generation: Generation,
    restored: Epoch,
    lineage: Lineage,
    started: Instant,
    arbiters: Arc<[ArbiterHandle]>,
}

/// How everything goes, at one moment.
#[derive(Clone, Debug)]
pub struct Report {
    /// The newest epoch that exists.
    pub completed: Epoch,
    /// What epochs have cost.
    pub epochs: snapshot::Stats,
    /// The durations of the newest epochs that went to disk, from start to durable, in microseconds.
    pub epoch_durations_us: Vec<u64>,
    /// Why an epoch was not made durable, the last time that happened.
    pub last_epoch_failure: Option<String>,
    /// How often an epoch could not be made durable.
    pub epoch_failures: u64,
    /// For how long no epoch could be made durable, and why, if that is so.
    pub failing: Option<(Duration, String)>,
    /// Why the node cannot go on, if so.
    pub fatal: Option<String>,
    /// Every function type met: whether somebody serves it, and its counters over all shards.
    pub functions: Vec<(FunctionType, bool, FunctionStats)>,
    /// Sources: name, counters, positions, whether the input has ended.
    pub sources: Vec<(statefun::Symbol, source::Stats, Vec<Position>, bool)>,
    /// Sinks: name, counters, records and bytes kept.
    pub sinks: Vec<(statefun::Symbol, sink::Stats, (usize, usize))>,
    /// Addresses that have state.
    pub addresses: usize,
    /// Delayed messages that wait.
    pub delayed: usize,
    /// Their bytes.
    pub delayed_bytes: usize,
    /// Messages that wait in channels and shards.
    pub waiting: usize,
    /// The longest that a shard was busy with one input, in microseconds.
    pub stall_us_max: u64,
}

impl Node {
    #[expect(clippy::too_many_arguments, reason = "called once, by `start`, with the parts it made")]
    pub(super) fn new(
        wiring: Wiring,
        sources: Vec<Recipient<SourceMessage>>,
        doors: Vec<bool>,
        universe: Arc<Universe>,
        pressure: Arc<Pressure>,
        groups: KeyGroups,
        options: NodeOptions,
        generation: Generation,
        restored: Epoch,
        lineage: Lineage,
        arbiters: Vec<Arbiter>,
    ) -> Self {
        Self {
            wiring,
            sources,
            doors,
            universe,
            pressure,
            groups,
            options,
            generation,
            restored,
            lineage,
            started: Instant::now(),
            arbiters: arbiters.iter().map(Arbiter::handle).collect(),
        }
    }

    /// How the key groups are dealt.
    #[must_use]
    pub fn groups(&self) -> KeyGroups {
        self.groups
    }

    /// Which incarnation this is.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The epoch it went on from.
    #[must_use]
    pub fn restored(&self) -> Epoch {
        self.restored
    }

    /// The history it belongs to.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// How long it has run.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// What waits anywhere.
    #[must_use]
    pub fn pressure(&self) -> &Arc<Pressure> {
        &self.pressure
    }

    /// Whether anybody serves a type.
    #[must_use]
    pub fn serves(&self, function: FunctionType) -> bool {
        self.universe.serves(function)
    }

    /// Every binding and the URL of remote ones.
    #[must_use]
    pub fn bindings(&self) -> Vec<(FunctionPattern, Option<String>)> {
        self.universe.bindings()
    }

    /// Binds a pattern while running; messages that wait for it go on.
    pub fn bind(&self, pattern: FunctionPattern, home: FunctionHome) {
        self.universe.bind(pattern, home);
        self.rebind();
    }

    /// Unbinds a pattern; whether it was bound.
    #[must_use]
    pub fn unbind(&self, pattern: &FunctionPattern) -> bool {
        let was_bound = self.universe.unbind(pattern);
        self.rebind();
        was_bound
    }

    fn rebind(&self) {
        for shard in &self.wiring.shards {
            shard.do_send(ShardMessage::Rebind);
        }
    }

    /// Stored values of a function type: of one id, or the first `limit`.
    ///
    /// # Errors
    /// When a shard has died.
    pub async fn inspect(
        &self,
        function: FunctionType,
        id: Option<String>,
        limit: usize,
    ) -> Result<Vec<StateEntry>, NodeError> {
        let mut entries = Vec::new();
        for shard in &self.wiring.shards {
            let (reply, answer) = oneshot::channel();
            shard.do_send(ShardMessage::Inspect { function, id: id.clone(), limit, reply });
            entries.extend(answer.await.map_err(|_| NodeError::Died)?);
        }
        entries.truncate(limit);
        Ok(entries)
    }

    /// How far a request is, as far as that is durable; `None` when it is not remembered.
    ///
    /// # Errors
    /// When its shard has died.
    pub async fn request(&self, request: RequestId) -> Result<Option<RequestProgress>, NodeError> {
        let shard = self.groups.shard(request.home());
        let (reply, answer) = oneshot::channel();
        self.wiring.shards[usize::from(shard.0)].do_send(ShardMessage::Request(request, reply));
        died(answer.await)
    }

    /// Waits for an epoch that begins after now, so that everything routed before is durable.
    ///
    /// # Errors
    /// When the coordinator has died.
    pub async fn epoch(&self) -> Result<Epoch, NodeError> {
        let (waiter, answer) = oneshot::channel();
        self.wiring.coordinator.do_send(CoordinatorMessage::Await(waiter));
        answer.await.map_err(|_| NodeError::Died)
    }

    /// An epoch that begins after now and holds everything taken in before, to be read while the node goes on. `None`
    /// when nothing was ever taken in.
    ///
    /// # Errors
    /// When the coordinator has died or the store cannot be read.
    pub async fn freeze(&self) -> Result<Option<Box<dyn FrozenEpoch>>, NodeError> {
        self.epoch().await?;
        let (reply, answer) = oneshot::channel();
        self.wiring.coordinator.do_send(CoordinatorMessage::Freeze(reply));
        Ok(died(answer.await)??)
    }

    /// Which records of egresses have not left, by egress, up to the sequence numbers in `up_to`. An egress that is not
    /// in the answer has none, or is not there.
    ///
    /// # Errors
    /// When a sink has died.
    pub async fn unpublished(
        &self,
        up_to: &Arc<BTreeMap<String, u64>>,
    ) -> Result<BTreeMap<String, BTreeSet<u64>>, NodeError> {
        let mut unpublished = BTreeMap::new();
        for sink in &self.wiring.sinks {
            let (reply, answer) = oneshot::channel();
            sink.do_send(SinkMessage::Unpublished(Arc::clone(up_to), reply));
            let (name, seqs) = died(answer.await)?;
            if !seqs.is_empty() {
                unpublished.insert(name.to_string(), seqs.into_iter().collect());
            }
        }
        Ok(unpublished)
    }

    /// The egress that keeps dead letters, whose records stay until somebody removes them.
    #[must_use]
    pub fn dead_letters(&self) -> &'static str {
        DEAD_LETTERS
    }

    /// How everything goes.
    ///
    /// # Errors
    /// When a part of the node has died.
    pub async fn report(&self) -> Result<Report, NodeError> {
        let (reply, answer) = oneshot::channel();
        self.wiring.coordinator.do_send(CoordinatorMessage::Report(reply));
        let CoordinatorReport { completed, stats, fatal, last_failure, failures, failing, durations_us, .. } =
            died(answer.await)?;
        let mut report = Report {
            completed,
            epochs: stats,
            epoch_durations_us: durations_us,
            last_epoch_failure: last_failure,
            epoch_failures: failures,
            failing,
            fatal,
            functions: Vec::new(),
            sources: Vec::new(),
            sinks: Vec::new(),
            addresses: 0,
            delayed: 0,
            delayed_bytes: self.pressure.delayed_bytes(),
            waiting: self.pressure.messages(),
            stall_us_max: 0,
        };
        for source in &self.sources {
            let (reply, answer) = oneshot::channel();
            source.do_send(SourceMessage::Report(reply));
            let source = died(answer.await)?;
            report.sources.push((source.name, source.stats, source.positions, source.has_ended));
        }
        let mut functions = BTreeMap::<FunctionType, (bool, FunctionStats)>::new();
        for shard in &self.wiring.shards {
            let (reply, answer) = oneshot::channel();
            shard.do_send(ShardMessage::Report(reply));
            let shard = died(answer.await)?;
            report.addresses += shard.addresses;
            report.delayed += shard.delayed;
            report.stall_us_max = report.stall_us_max.max(shard.stall_us_max);
            for (function, is_served, stats) in shard.functions {
                let entry = functions.entry(function).or_default();
                entry.0 |= is_served;
                entry.1.add(&stats);
            }
        }
        report.functions = functions.into_iter().map(|(function, (served, stats))| (function, served, stats)).collect();
        for sink in &self.wiring.sinks {
            let (reply, answer) = oneshot::channel();
            sink.do_send(SinkMessage::Report(reply));
            let sink = died(answer.await)?;
            report.sinks.push((sink.name, sink.stats, sink.backlog));
        }
        Ok(report)
    }

    /// Runs until every bounded input has ended and all it caused is done, or something cannot go on. Never returns
    /// while an input may bring more, which listeners on the door (`is_open`) always may.
    ///
    /// # Errors
    /// When something cannot go on.
    pub async fn done(&self, is_open: bool) -> Result<(), NodeError> {
        let may_end = !is_open && !self.doors.iter().all(|is_door| *is_door);
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.check_alive()?;
            let (reply, answer) = oneshot::channel();
            self.wiring.coordinator.do_send(CoordinatorMessage::Report(reply));
            if let Some(fatal) = died(answer.await)?.fatal {
                return Err(NodeError::Fatal(fatal));
            }
            if !may_end {
                continue;
            }
            let settled = self.settled().await?;
            if settled.is_some() && settled == before {
                self.epoch().await?;
                return Ok(());
            }
            before = settled;
        }
    }

    /// How many messages each shard has got so far, if every input has ended and nothing is unfinished where one looks.
    ///
    /// One look proves nothing, for shards are looked at one after the other and a message may be wherever nobody looks
    /// just then. Two that see the same do: no shard has got a message between its two looks, so from the last of the
    /// first looks to the first of the second ones all were at rest, and whatever was in a channel then would have
    /// arrived ahead of the second look.
    async fn settled(&self) -> Result<Option<Vec<u64>>, NodeError> {
        for (source, _) in self.sources.iter().zip(&self.doors).filter(|(_, is_door)| !**is_door) {
            let (reply, answer) = oneshot::channel();
            source.do_send(SourceMessage::Report(reply));
            if !died(answer.await)?.has_ended {
                return Ok(None);
            }
        }
        // The end of their inputs is the end of time, which has to reach everybody and fire what waits for it. Sources have
        // said so before they were asked above, so the coordinator has heard it.
        let (reply, answer) = oneshot::channel();
        self.wiring.coordinator.do_send(CoordinatorMessage::Report(reply));
        let Some(progress) = died(answer.await)?.time_settled else { return Ok(None) };
        let mut arrived = Vec::with_capacity(self.wiring.shards.len());
        for shard in &self.wiring.shards {
            let (reply, answer) = oneshot::channel();
            shard.do_send(ShardMessage::Settled(progress, reply));
            let Some(messages) = died(answer.await)? else { return Ok(None) };
            arrived.push(messages);
        }
        Ok(Some(arrived))
    }

    /// An actor that panicked takes its messages with it, so nothing may go on without it: the next start recovers.
    fn check_alive(&self) -> Result<(), NodeError> {
        let Wiring { shards, sinks, coordinator } = &self.wiring;
        let is_alive = coordinator.connected()
            && shards.iter().all(Recipient::connected)
            && sinks.iter().all(Recipient::connected)
            && self.sources.iter().all(Recipient::connected);
        if is_alive { Ok(()) } else { Err(NodeError::Died) }
    }

    /// Stops: sources read no more, a last epoch holds everything, connectors publish what they have.
    ///
    /// # Errors
    /// When the last epoch does not complete in time; nothing is lost by that.
    pub async fn stop(&self) -> Result<Epoch, NodeError> {
        self.pressure.stop();
        for source in &self.sources {
            source.do_send(SourceMessage::Stop);
        }
        let timeout = self.options.stop_timeout;
        let last = tokio::time::timeout(timeout, self.epoch()).await.map_err(|_| NodeError::StopTimeout(timeout))??;
        for sink in &self.wiring.sinks {
            sink.do_send(SinkMessage::Stop);
        }
        // Callers whom the last epoch holds get their answer meanwhile.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if tokio::time::timeout(PUBLISHING_MAX, self.published()).await.is_err() {
            tracing::warn!("an egress still has records; they are kept and leave after the next start");
        }
        // What has left since is not to leave again after the next start, where nothing else would tell.
        let last = match tokio::time::timeout(PUBLISHING_MAX, self.epoch()).await {
            Ok(Ok(epoch)) => epoch,
            Ok(Err(_)) | Err(_) => last,
        };
        let (closed, is_closed) = oneshot::channel();
        self.wiring.coordinator.do_send(CoordinatorMessage::Close(closed));
        // Housekeeping that takes longer is cut off, which a store must survive anyway.
        let _ = tokio::time::timeout(PUBLISHING_MAX, is_closed).await;
        for arbiter in self.arbiters.iter() {
            arbiter.stop();
        }
        Ok(last)
    }

    /// Returns when every connector has published what it had and ended.
    async fn published(&self) {
        for sink in &self.wiring.sinks {
            loop {
                let (reply, answer) = oneshot::channel();
                sink.do_send(SinkMessage::Report(reply));
                // One that has died publishes nothing more.
                if answer.await.map_or(true, |report| report.has_ended) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

fn died<T>(answer: Result<T, oneshot::error::RecvError>) -> Result<T, NodeError> {
    answer.map_err(|_| NodeError::Died)
}
