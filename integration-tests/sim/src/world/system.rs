//! What a crash destroys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use statefun::{Address, CallId, Epoch, KeyGroups};
use statefun_engine::channel::{Item, Marker, SinkItem};
use statefun_engine::shard::{self, Shard};
use statefun_engine::sink::{self, SinkCore};
use statefun_engine::snapshot::{Command, Coordinator};
use statefun_engine::source::{self, SourceCore};
use statefun_engine::{Participant, Topology};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::sink::OutboxRecord;

use super::publisher::PublisherNode;
use crate::plant::PlantedState;
use crate::rng::Rng;

/// How often what goes wrong, in a million, unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Remote calls that fail at once.
    pub call_fails: u64,
    /// Remote calls that never answer, until a time-out.
    pub call_hangs: u64,
    /// Remote calls that answer twice.
    pub call_answers_twice: u64,
    /// Remote calls that answer nonsense.
    pub call_is_garbage: u64,
    /// Calls after which the endpoint refuses connections for a while.
    pub endpoint_leaves: u64,
    /// Calls that are answered just before their time-out.
    pub call_is_slow: u64,
    /// Redeployments, per call.
    pub redeploys: u64,
    /// The most messages a deployment takes in one request.
    pub request_max: usize,
    /// The longest a remote call takes, in milliseconds.
    pub latency_ms_max: u64,
    /// Embedded invocations that fail.
    pub bad_mood: u64,
    /// Commits that fail.
    pub commit_fails: u64,
    /// Commits after which nobody knows.
    pub commit_unknown: u64,
    /// Commits for which there is no space, and for the next ones neither.
    pub disk_fills: u64,
    /// The longest a commit takes, in milliseconds.
    pub commit_ms_max: u64,
    /// Connectors of egresses that end and are started again, per step.
    pub connector_restarts: u64,
    /// Steps at which time leaps.
    pub leaps: u64,
    /// Milliseconds between epochs.
    pub interval_ms: u64,
    /// Milliseconds after which an epoch is too late.
    pub timeout_ms: u64,
    /// Crashes in the course of a recovery, per step of it.
    pub crash_in_recovery: u64,
    /// Crashes while a commit is under way, per step.
    pub crash_in_commit: u64,
    /// How far the clock may be set back by a restart, in milliseconds.
    pub clock_back_ms: u64,
    /// The most items delivered at once.
    pub batch_max: u64,
    /// How long the broker lets a transaction stand open, in milliseconds.
    pub transaction_timeout_ms: u64,
    /// Records of a transaction, at most.
    pub transaction_records_max: usize,
    /// The longest a request to the broker takes, in milliseconds.
    pub broker_latency_ms_max: u64,
    /// Steps at which the broker goes away.
    pub broker_leaves: u64,
    /// Commits that never arrive.
    pub commit_request_lost: u64,
    /// Commits that arrive when nobody waits for the answer any more.
    pub commit_request_late: u64,
    /// Commits that are done and whose answer is lost.
    pub commit_answer_lost: u64,
    /// Publishers that are stopped for longer than the transaction timeout, per request.
    pub sleeps: u64,
    /// Publishers that go on when their process is believed to be dead, per crash.
    pub zombies: u64,
    /// Bounds of shards.
    pub shard: shard::Options,
}

impl Faults {
    /// What goes wrong in the run of a seed.
    pub fn draw(rng: &mut Rng) -> Self {
        let rare = |rng: &mut Rng| rng.one_of(&[0, 0, 10_000, 50_000, 150_000]);
        let shard = shard::Options {
            calls_max: rng.one_of(&[1, 2, 1024, 1024]),
            backlog_per_turn: rng.one_of(&[1, 3, 4096]),
            rows_per_slice: rng.one_of(&[1, 5, 4096]),
            ..shard::Options::default()
        };
        let transaction_timeout_ms = rng.one_of(&[20, 40, 100]);
        Self {
            call_fails: rare(rng),
            call_hangs: rare(rng),
            call_answers_twice: rare(rng),
            call_is_garbage: rare(rng),
            endpoint_leaves: rng.one_of(&[0, 0, 3_000, 20_000]),
            call_is_slow: rare(rng),
            redeploys: rng.one_of(&[0, 5_000, 20_000]),
            request_max: rng.one_of(&[1, 2, 5, 1000]),
            latency_ms_max: rng.one_of(&[0, 5, 40]),
            bad_mood: rare(rng),
            commit_fails: rare(rng),
            commit_unknown: rng.one_of(&[0, 10_000, 30_000]),
            disk_fills: rng.one_of(&[0, 0, 5_000, 30_000]),
            commit_ms_max: rng.one_of(&[0, 5, 60]),
            connector_restarts: rng.one_of(&[0, 300, 2_000]),
            leaps: rng.one_of(&[0, 500, 3_000]),
            interval_ms: rng.one_of(&[5, 20, 60]),
            timeout_ms: rng.one_of(&[15, 60, 400]),
            crash_in_recovery: rng.one_of(&[0, 20_000, 100_000]),
            crash_in_commit: rng.one_of(&[0, 1_000, 20_000]),
            clock_back_ms: rng.one_of(&[0, 0, 20, 300]),
            batch_max: rng.one_of(&[1, 4, 30]),
            transaction_timeout_ms,
            transaction_records_max: rng.one_of(&[1, 5, 100]),
            // A transaction is a handful of requests and must have a chance.
            broker_latency_ms_max: rng.one_of(&[0, 1, transaction_timeout_ms / 10]),
            broker_leaves: rng.one_of(&[0, 0, 500, 2_000]),
            commit_request_lost: rare(rng),
            commit_request_late: rare(rng),
            commit_answer_lost: rare(rng),
            sleeps: rng.one_of(&[0, 0, 2_000, 20_000]),
            zombies: rng.one_of(&[0, 300_000, 800_000]),
            shard,
        }
    }
}

/// What travels in channels.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// To a shard.
    Shard(Item),
    /// To a sink.
    Sink(SinkItem),
}

impl Parcel {
    pub(super) fn is_marker(&self) -> bool {
        matches!(self, Self::Shard(Item::Marker(_)) | Self::Sink(SinkItem::Marker(_)))
    }
}

/// What the coordinator tells participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum News {
    /// Close an epoch; for sources. The newest completed epoch goes along.
    Start(Epoch, Epoch),
    /// It exists.
    Completed(Epoch),
    /// It never will.
    Abandoned(Epoch),
}

impl News {
    pub(super) fn start(marker: Marker) -> Self {
        Self::Start(marker.epoch, marker.completed)
    }
}

/// What participants tell the coordinator.
#[derive(Debug)]
pub(crate) enum Word {
    /// A part.
    Part(EncodedPart),
    /// Somebody waits.
    Request,
}

/// What a connector tells its sink.
#[derive(Debug)]
pub(crate) enum Ack {
    /// Written.
    Published(Vec<u64>),
    /// Refused for good.
    Rejected(Vec<u64>),
}

pub(super) struct SourceNode {
    pub(super) core: SourceCore,
    pub(super) out: source::Output,
    /// The next record of each partition.
    pub(super) cursors: Vec<usize>,
}

pub(super) struct ShardNode<S> {
    pub(super) core: Shard<PlantedState<S>>,
    pub(super) out: shard::Output,
}

pub(super) struct SinkNode {
    pub(super) core: SinkCore,
    pub(super) out: sink::Output,
    /// What the connector was given and has not written.
    pub(super) queue: VecDeque<OutboxRecord>,
    /// The connector of the ledger.
    pub(super) publisher: Option<PublisherNode>,
    pub(super) acks: VecDeque<Ack>,
}

pub(super) struct Commit {
    pub(super) epoch: Epoch,
    pub(super) parts: Vec<EncodedPart>,
    pub(super) due: u64,
}

/// Everybody who takes part, and what is on its way between them.
pub struct System<S> {
    pub(super) topology: Topology,
    pub(super) groups: KeyGroups,
    pub(super) sources: Vec<SourceNode>,
    pub(super) shards: Vec<ShardNode<S>>,
    pub(super) sinks: Vec<SinkNode>,
    pub(super) coordinator: Option<Coordinator>,
    pub(super) commands: Vec<Command>,
    /// By sender and receiver.
    pub(super) channels: Vec<VecDeque<Parcel>>,
    /// Which channels are not empty.
    pub(super) busy: u128,
    pub(super) news: Vec<VecDeque<News>>,
    pub(super) words: Vec<VecDeque<Word>>,
    pub(super) commit: Option<Commit>,
    /// Calls in flight, by shard and address.
    pub(super) calls: BTreeMap<(usize, Address), CallId>,
    /// Calls in flight, by shard; for judging that no address has two.
    pub(super) in_flight: BTreeMap<(usize, CallId), Address>,
    /// Parts that were handed in, by participant and epoch; for judging that none is handed in twice.
    pub(super) handed_in: BTreeSet<(usize, Epoch)>,
    /// How many epochs completed since everything came to rest, and whether the last of them held nothing.
    pub(super) rest: Option<(u64, bool)>,
    /// How many shards the generation before this one had.
    pub(super) shards_before: u16,
    /// The first ticket of this generation.
    pub(super) first_ticket: u64,
}

impl<S> Default for System<S> {
    fn default() -> Self {
        Self {
            topology: Topology { sources: 0, shards: 0, sinks: 0 },
            groups: KeyGroups::new(1, 1),
            sources: Vec::new(),
            shards: Vec::new(),
            sinks: Vec::new(),
            coordinator: None,
            commands: Vec::new(),
            channels: Vec::new(),
            busy: 0,
            news: Vec::new(),
            words: Vec::new(),
            commit: None,
            calls: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            handed_in: BTreeSet::new(),
            rest: None,
            shards_before: 0,
            first_ticket: 0,
        }
    }
}

impl<S> System<S> {
    /// How many participants there are.
    pub(super) fn len(&self) -> usize {
        usize::from(self.topology.sources + self.topology.shards + self.topology.sinks)
    }

    /// The place of a shard among the participants.
    pub(super) fn shard_place(&self, shard: usize) -> usize {
        usize::from(self.topology.sources) + shard
    }

    /// The place of a sink among the participants.
    pub(super) fn sink_place(&self, sink: usize) -> usize {
        usize::from(self.topology.sources + self.topology.shards) + sink
    }

    /// Who has a place.
    pub(super) fn participant(&self, place: usize) -> Participant {
        self.topology.participants().nth(place).expect("a place of somebody")
    }

    /// Puts parcels into a channel, in order.
    pub(super) fn send(&mut self, from: usize, to: usize, parcels: impl Iterator<Item = Parcel>) {
        let channel = from * self.len() + to;
        let queue = &mut self.channels[channel];
        queue.extend(parcels);
        if !queue.is_empty() {
            self.busy |= 1 << channel;
        }
    }

    /// Takes up to so many parcels out of a channel.
    pub(super) fn take(&mut self, channel: usize, count: usize) -> Vec<Parcel> {
        let queue = &mut self.channels[channel];
        let parcels: Vec<_> = queue.drain(..count.min(queue.len())).collect();
        if queue.is_empty() {
            self.busy &= !(1 << channel);
        }
        parcels
    }
}
