//! The system of cores, its channels and clocks, and a scheduler that draws what happens next.

mod judge;
mod perform;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use statefun::watermark::Strategy;
use statefun::{
    CallId, Domain, Epoch, EventTime, Generation, KeyGroups, ProcessingTime, ShardId, SinkId, SourceId, Symbol,
    ValueType, WatermarkStrategy,
};
use statefun_engine::channel::Marker;
use statefun_engine::shard::{self, Input, Shard};
use statefun_engine::sink::{self, SinkCore};
use statefun_engine::snapshot::{Coordinator, Options};
use statefun_engine::source::{self, Route, SourceCore};
use statefun_engine::time::{Delta, Progress, Tracker};
use statefun_engine::{Delivery, Item, Participant, SinkItem, Topology};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::remote::CallOutcome;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::SnapshotStore;
use statefun_ports::source::{Position, SourceRecord};

use super::app::{self, Application, Event};
use crate::backend::{Backend, Real};
use crate::rng::Rng;

macro_rules! plants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A bug on purpose, to prove that the checker would notice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Plant {
            $($(#[$doc])* $variant,)*
        }

        impl Plant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

plants! {
    /// A shard begins again without the watermarks that it had come to.
    WatermarkNotRestored = "watermark-not-restored",
    /// What a step finished is counted before what it made.
    MinusBeforePlus = "minus-before-plus",
    /// News is applied although it rests on an epoch that the shard has not frozen.
    AheadOfTheCut = "ahead-of-the-cut",
    /// Everybody has a queue of its own to the tracker.
    CausesOvertaken = "causes-overtaken",
    /// Timers are in no snapshot.
    TimersNotRestored = "timers-not-restored",
}

/// What a run was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events of all partitions.
    pub events: u64,
    /// Steps drawn.
    pub steps: u64,
    /// Crashes.
    pub crashes: u64,
    /// Epochs completed.
    pub epochs: u64,
    /// News of time given out.
    pub progress: u64,
    /// News that had to wait for an epoch.
    pub deferred: u64,
    /// Windows that fired.
    pub windows: u64,
}

impl Stats {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.epochs += other.epochs;
        self.progress += other.progress;
        self.deferred += other.deferred;
        self.windows += other.windows;
    }
}

const SOURCES: usize = 2;
const PARTITIONS: usize = 2;
const KEY_GROUPS: u16 = 16;
/// More steps than any run needs.
const STEPS_MAX: u64 = 1_000_000;

type State = <Real as Backend>::State;

enum Parcel {
    Shard(Item),
    Sink(SinkItem),
}

#[derive(Clone, Copy)]
enum News {
    Start(Marker),
    Completed(Epoch),
    Abandoned(Epoch),
}

struct SourceNode {
    core: SourceCore,
    out: source::Output,
    cursors: [usize; PARTITIONS],
    has_ended: bool,
}

/// What a crash takes.
struct System {
    topology: Topology,
    coordinator: Coordinator,
    tracker: Tracker,
    sources: Vec<SourceNode>,
    shards: Vec<(Shard<State>, shard::Output)>,
    sink: (SinkCore, sink::Output),
    /// By sender and receiver.
    channels: BTreeMap<(Participant, Participant), VecDeque<Parcel>>,
    /// The tracker's one queue; one per sender where that bug is planted.
    deltas: Vec<VecDeque<Delta>>,
    progress: Vec<VecDeque<Arc<Progress>>>,
    news: BTreeMap<Participant, VecDeque<News>>,
    words: VecDeque<(Participant, EncodedPart)>,
    replies: BTreeMap<(u64, u64), (usize, CallId, CallOutcome)>,
    commit: Option<(Epoch, Vec<EncodedPart>)>,
}

/// See the [module documentation](super).
pub struct World {
    rng: Rng,
    plant: Option<Plant>,
    now: u64,
    generation: u64,
    backend: Real,
    application: Arc<Application>,
    plan: [[Vec<Event>; PARTITIONS]; SOURCES],
    delays: [i64; SOURCES],
    idle_after: Option<Duration>,
    options: shard::Options,
    latency_max: u64,
    crashes_left: u64,
    commit_fails: u64,
    next_reply: u64,
    domains: Vec<Domain>,
    stats: Stats,
}

enum Action {
    Deliver(Participant, Participant),
    Delta(usize),
    Progress(usize),
    News(Participant),
    Word,
    Poll(usize),
    Tick(usize),
    Reply,
    Commit,
    Coordinate,
}

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut rng = Rng::new(seed, 50);
        // In order, or out of order within a bound.
        let delays = [0, rng.between(1, 150) as i64];
        let mut plan: [[Vec<Event>; PARTITIONS]; SOURCES] = Default::default();
        for (source, partitions) in plan.iter_mut().enumerate() {
            for events in partitions {
                let mut latest = rng.between(1, 300) as i64;
                for _ in 0..rng.between(5, 40) {
                    latest += rng.between(0, 60) as i64;
                    let at = (latest - rng.below(delays[source] as u64 + 1) as i64).max(1);
                    events.push(Event { at, walk: rng.next() });
                }
            }
        }
        let sources: Vec<_> =
            ["time/one", "time/two"].map(|name| Symbol::intern(name).expect("a handful of names fit")).into();
        let options = shard::Options {
            calls_max: rng.between(1, 8) as usize,
            backlog_per_turn: rng.between(1, 8) as usize,
            rows_per_slice: rng.between(1, 20) as usize,
            timers_per_turn: rng.between(1, 4) as usize,
            hold_time_max: None,
            ..shard::Options::default()
        };
        let domains = sources.iter().map(|name| Domain::of(*name)).collect();
        // One at a time: what a batch causes has the time of its latest message, which no sequential count foresees.
        let application = Arc::new(Application { sources, batch_max: 1 });
        let latency_max = rng.one_of(&[5, 50, 5000]);
        let stats = Stats { events: plan.iter().flatten().map(|events| events.len() as u64).sum(), ..Stats::default() };
        Self {
            plant,
            now: 1_000_000,
            generation: 0,
            backend: Real::default(),
            application,
            plan,
            delays,
            idle_after: None,
            options,
            latency_max,
            crashes_left: rng.between(1, 4),
            commit_fails: rng.one_of(&[0, 0, 200_000]),
            next_reply: 0,
            domains,
            stats,
            rng,
        }
    }

    /// Runs until everything has been counted, and judges.
    ///
    /// # Errors
    /// What was wrong.
    pub fn run(mut self) -> Result<Stats, String> {
        let mut system = self.recover();
        loop {
            self.stats.steps += 1;
            if self.stats.steps > STEPS_MAX {
                return Err(format!("no end: {}", self.unrest(&system)));
            }
            if self.crashes_left > 0 && self.rng.chance(3_000) {
                self.crashes_left -= 1;
                self.stats.crashes += 1;
                drop(system);
                system = self.recover();
                continue;
            }
            match self.draw(&system) {
                Some(action) => self.perform(&mut system, action),
                None if self.is_done(&system) => break,
                None => self.pause(&system),
            }
            self.judge_watermarks(&system)?;
        }
        self.judge_windows(&system)?;
        Ok(self.stats)
    }

    fn recover(&mut self) -> System {
        self.generation += 1;
        let manifest = self.backend.store().manifest().expect("nothing damages the store");
        let epoch = manifest.map_or(Epoch(0), |manifest| manifest.epoch);
        let mut rows = Vec::new();
        if manifest.is_some() {
            self.backend
                .store()
                .load_system(&mut |key, value| rows.push((key, value)))
                .expect("nothing damages the store");
        }
        let topology = Topology { sources: SOURCES as u16, shards: self.rng.between(1, 4) as u16, sinks: 1 };
        let groups = KeyGroups::new(KEY_GROUPS, topology.shards);
        let mut tracker = Tracker::new(self.application.sources.iter().copied());
        let now = ProcessingTime(self.now);
        let mut shards = Vec::new();
        for id in 0..topology.shards {
            let id = ShardId(id);
            let directory = Arc::clone(&self.application) as Arc<dyn statefun_engine::Directory>;
            let state = self.backend.state(groups, id);
            let mut shard = Shard::new(id, groups, topology, directory, state, epoch, self.options);
            for (key, value) in &rows {
                let is_shards = matches!(key, RowKey::Time { participant } if participant.starts_with("shard-"));
                if (is_shards && self.plant != Some(Plant::WatermarkNotRestored)) || matches!(key, RowKey::Specs { .. })
                {
                    shard.restore(key.clone(), value.clone());
                }
            }
            if manifest.is_some() {
                let forgets = self.plant == Some(Plant::TimersNotRestored);
                let load = self.backend.store().load(groups.range(id), &mut |key, value| {
                    if !(forgets && matches!(key, RowKey::Timer { .. })) {
                        shard.restore(key, value);
                    }
                });
                load.expect("nothing damages the store");
            }
            tracker.on_delta(now, &shard.opening());
            shards.push((shard, shard::Output::new(topology)));
        }
        let options = Options {
            // Where calls take long, epochs would be most of what happens.
            interval: Duration::from_millis(20.max(self.latency_max / 10)),
            timeout: Duration::from_secs(60),
            retry_after: Duration::from_millis(5),
        };
        let senders = if self.plant == Some(Plant::CausesOvertaken) { SOURCES + shards.len() } else { 1 };
        let letters = Symbol::intern("time/dead-letters").expect("a handful of names fit");
        let mut system = System {
            topology,
            coordinator: Coordinator::new(options, topology, Generation(self.generation), epoch, now),
            tracker,
            sources: Vec::new(),
            progress: shards.iter().map(|_| VecDeque::new()).collect(),
            shards,
            sink: (
                SinkCore::new(SinkId(0), letters, topology, Delivery::AtLeastOnce, Vec::new(), epoch),
                sink::Output::default(),
            ),
            channels: BTreeMap::new(),
            deltas: (0..senders).map(|_| VecDeque::new()).collect(),
            news: BTreeMap::new(),
            words: VecDeque::new(),
            replies: BTreeMap::new(),
            commit: None,
        };
        self.publish(&mut system);
        for shard in 0..system.shards.len() {
            self.drive(&mut system, shard, Input::Tick);
        }
        for index in 0..SOURCES {
            let node = self.open_source(index, groups, topology, epoch, &rows);
            system.sources.push(node);
            self.poll_nothing(&mut system, index);
        }
        system
    }

    fn open_source(
        &self,
        index: usize,
        groups: KeyGroups,
        topology: Topology,
        epoch: Epoch,
        rows: &[(RowKey, RowValue)],
    ) -> SourceNode {
        let name = self.application.sources[index];
        let (mut positions, mut time) = (Vec::new(), None);
        let mut cursors = [0; PARTITIONS];
        for (key, value) in rows {
            match (key, value) {
                (RowKey::Position { source, partition }, RowValue::Position(next)) if *source == name => {
                    cursors[partition.parse::<usize>().expect("a number")] = next.parse().expect("a number");
                    positions.push(Position { partition: partition.clone(), next: next.clone() });
                }
                (RowKey::Time { participant }, RowValue::Time(row)) if participant == name.as_str() => {
                    time = Some(row.clone());
                }
                _ => {}
            }
        }
        let value_type = ValueType::named("time/bytes").expect("a handful of names fit");
        let route = Route { value_type, targets: vec![app::function("time/walker")] };
        let delay = self.delays[index];
        let strategy = if delay == 0 { Strategy::Ascending } else { Strategy::Bounded { delay } };
        let strategy = WatermarkStrategy { idle_after: self.idle_after, ..WatermarkStrategy::new(strategy) };
        let core = SourceCore::new(SourceId(index as u16), name, groups, topology, vec![route], positions, epoch);
        let core = core.telling_time(strategy, time.as_deref()).expect("nothing damages the store");
        SourceNode { core, out: source::Output::new(topology), cursors, has_ended: false }
    }

    /// A source announces its partitions before it reads any.
    fn poll_nothing(&mut self, system: &mut System, index: usize) {
        let announce = (0..PARTITIONS)
            .map(|partition| SourceRecord::Status { partition: partition.to_string().into(), idle: false });
        let node = &mut system.sources[index];
        node.core.on_tick(ProcessingTime(self.now), &mut node.out);
        node.core.on_records(announce.collect(), &mut node.out);
        self.perform_source(system, index);
    }

    fn draw(&mut self, system: &System) -> Option<Action> {
        let mut actions = Vec::new();
        for ((from, to), queue) in &system.channels {
            if !queue.is_empty() {
                actions.push(Action::Deliver(*from, *to));
            }
        }
        let filled = |(index, queue): (usize, &VecDeque<_>)| (!queue.is_empty()).then_some(index);
        actions.extend(system.deltas.iter().enumerate().filter_map(filled).map(Action::Delta));
        for (index, queue) in system.progress.iter().enumerate() {
            if !queue.is_empty() {
                actions.push(Action::Progress(index));
            }
        }
        for (to, queue) in &system.news {
            if !queue.is_empty() {
                actions.push(Action::News(*to));
            }
        }
        if !system.words.is_empty() {
            actions.push(Action::Word);
        }
        actions.extend((0..SOURCES).filter(|source| !system.sources[*source].has_ended).map(Action::Poll));
        let now = ProcessingTime(self.now);
        for (index, (shard, _)) in system.shards.iter().enumerate() {
            if shard.has_work() || shard.deadline().is_some_and(|deadline| deadline <= now) {
                actions.push(Action::Tick(index));
            }
        }
        if system.replies.first_key_value().is_some_and(|((due, _), _)| *due <= self.now) {
            actions.push(Action::Reply);
        }
        if system.commit.is_some() {
            actions.push(Action::Commit);
        }
        if system.coordinator.deadline().is_some_and(|deadline| deadline <= now) {
            actions.push(Action::Coordinate);
        }
        if self.rng.chance(50_000) {
            self.now += self.rng.between(1, 5);
        }
        if actions.is_empty() {
            return None;
        }
        let index = self.rng.index(actions.len());
        Some(actions.swap_remove(index))
    }

    /// Everything was read, and the end of time has come everywhere.
    fn is_done(&self, system: &System) -> bool {
        system.sources.iter().all(|node| node.has_ended)
            && system.shards.iter().all(|(shard, _)| {
                let at_end = |domain: &Domain| shard.frontier().of(*domain, u8::MAX).at == EventTime::MAX;
                shard.is_idle() && shard.is_time_settled() && self.domains.iter().all(at_end)
            })
    }

    /// Nothing can happen now, so time passes.
    fn pause(&mut self, system: &System) {
        let reply = system.replies.first_key_value().map(|((due, _), _)| *due);
        let shards = system.shards.iter().filter_map(|(shard, _)| shard.deadline());
        let coordinator = system.coordinator.deadline();
        let next = shards.chain(coordinator).map(|deadline| deadline.0).chain(reply).min();
        self.now = next.unwrap_or(self.now).max(self.now + 1);
    }

    fn unrest(&self, system: &System) -> String {
        let shards: Vec<_> = system
            .shards
            .iter()
            .map(|(shard, _)| (shard.load().messages, shard.is_time_settled(), shard.components(), shard.frontier()))
            .collect();
        format!("{:?}; {shards:?}; {:?}; at {}", system.tracker.report(), system.topology, self.now)
    }
}

fn send(system: &mut System, from: Participant, to: Participant, parcels: impl Iterator<Item = Parcel>) {
    let mut parcels = parcels.peekable();
    if parcels.peek().is_some() {
        system.channels.entry((from, to)).or_default().extend(parcels);
    }
}

fn tell_everybody(system: &mut System, news: News) {
    for to in system.topology.participants() {
        system.news.entry(to).or_default().push_back(news);
    }
}
