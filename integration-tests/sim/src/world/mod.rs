//! The whole system in one thread.
//!
//! Participants are the engine's own cores. Everything around them is here: channels, a clock, remote functions,
//! connectors, a store, and a scheduler that draws from the seed what happens next. A crash drops everything except the
//! store and the world outside.

mod connectors;
mod coordination;
mod crash;
mod perform;
mod publisher;
mod recover;
mod remote;
mod schedule;
mod system;

use std::collections::BTreeMap;
use std::sync::Arc;

use statefun::Lineage;

use crate::app::Plan;
use crate::app::{Application, Moods, Names};
use crate::backend::Backend;
use crate::broker::Broker;
use crate::external::External;
use crate::plant::Plant;
use crate::rng::Rng;
use crate::trace::Trace;
pub use system::{Faults, System};

/// What a run is asked to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Decides everything.
    pub seed: u64,
    /// The chance of a crash at each step, in a million; `None`: the seed decides when.
    pub crash_per_million: Option<u64>,
    /// A bug on purpose.
    pub plant: Option<Plant>,
    /// Whether to keep the lines of the trace.
    pub is_traced: bool,
}

/// What a run was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records and requests of the plan.
    pub events: u64,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Envelopes that were delivered to shards.
    pub messages: u64,
    /// Crashes.
    pub crashes: u64,
    /// Epochs that came to exist.
    pub epochs: u64,
    /// Epochs that never did.
    pub abandoned: u64,
    /// Remote calls.
    pub calls: u64,
    /// Of those, the ones that failed and were made again.
    pub retries: u64,
}

/// Every step of the protocol at which something can go wrong, and every way it can, by name.
pub const NAMED_STEPS: &[&str] = &[
    "5.6 a commit failed",
    "5.6 an epoch without changes",
    "5.6 disk: no space left for a while",
    "5.6 nobody knows whether the manifest was committed",
    "5.7 broker: a commit arrived and its answer was lost",
    "5.7 broker: a commit is late",
    "5.7 broker: a commit never arrived",
    "5.7 broker: a late commit was done",
    "5.7 broker: a late commit was refused",
    "5.7 broker: aborted a transaction that took too long",
    "5.7 broker: away for a moment",
    "5.7 broker: away for longer than the transaction timeout",
    "5.7 broker: the control topic was compacted",
    "5.7 publisher: a record was refused",
    "5.7 publisher: a zombie found that it was superseded",
    "5.7 publisher: a zombie has records of its own",
    "5.7 publisher: fenced",
    "5.7 publisher: slept past the transaction timeout",
    "5.7 publisher: superseded by a zombie that claimed late",
    "5.7 publisher: trouble that passes",
    "6.1 the clock was set back",
    "6.3 the broker was asked and knew more",
    "6.4 another number of shards",
    "6.6 a reply for an older generation, dropped",
    "crash: 5.1 an epoch was opened and no source has begun it",
    "crash: 5.2 some sources have sent their markers",
    "crash: 5.3 markers are on their way to shards",
    "crash: 5.4 parts are on their way to the coordinator",
    "crash: 5.5 markers are on their way to sinks",
    "crash: 5.6 disk: in the middle of writing an epoch",
    "crash: 5.6 the epoch was durable and nobody knew",
    "crash: 5.6 the epoch was lost",
    "crash: 5.6 while an epoch is being committed",
    "crash: 5.7 a transaction is decided and not everywhere visible",
    "crash: 5.7 a transaction is open",
    "crash: 5.7 disk: in the middle of housekeeping",
    "crash: 5.7 not everybody knows that the epoch exists",
    "crash: 5.7 records were published and nobody knows",
    "crash: 5.7 while an outbox is being published",
    "crash: 5.x not everybody knows that the epoch was abandoned",
    "crash: 6.1 a generation was claimed",
    "crash: 6.1 the process goes on as a zombie",
    "crash: 6.2 the plan was made",
    "crash: 6.3 a publisher is finding out what was published",
    "crash: 6.3 outboxes are being published again",
    "crash: 6.4 shards were loaded",
    "crash: 6.5 calls in flight were sent again",
    "crash: 6.6 sources were positioned",
    "crash: between epochs, at rest",
    "crash: between epochs, with delayed messages",
    "crash: between epochs, with work under way",
    "egress: a connector was restarted",
    "remote: answered late",
    "remote: answered nonsense",
    "remote: answered twice",
    "remote: asked for states",
    "remote: failed",
    "remote: hung until its time-out",
    "remote: redeployed with other expirations",
    "remote: request too large",
    "remote: the endpoint was away",
];

/// How often each of [`NAMED_STEPS`] was met.
pub type Coverage = BTreeMap<&'static str, u64>;

/// More steps than this and the run is stuck.
const STEPS_MAX: u64 = 300_000;

/// See the [module documentation](self).
pub struct World<B: Backend> {
    pub(crate) options: RunOptions,
    pub(crate) plan: Arc<Plan>,
    pub(crate) names: Arc<Names>,
    pub(crate) application: Arc<Application>,
    pub(crate) backend: B,
    pub(crate) external: External,
    pub(crate) faults: Faults,
    pub(crate) rng: Rng,
    pub(crate) now: u64,
    pub(crate) generation: u64,
    pub(crate) lineage: Lineage,
    pub(crate) key_groups: u16,
    pub(crate) stats: Stats,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    /// How many messages have come through the door, over all generations.
    pub(crate) door_at: usize,
    /// Remote functions refuse connections before this.
    pub(crate) endpoint_away_until: u64,
    /// How many shards the newest generation had.
    pub(crate) shards: u16,
    /// The disk is full until then.
    pub(crate) full_until: u64,
    /// Deployments of the remote functions, by type.
    pub(crate) deployments: [u32; 2],
    pub(crate) system: System<B::State>,
    /// Replies on their way, also to generations that are over.
    pub(crate) replies: BTreeMap<(u64, u64), remote::PendingReply>,
    pub(crate) next_reply: u64,
    /// Where the ledger is written.
    pub(crate) broker: Broker,
    /// Publishers of processes that went on when their successors had begun.
    pub(crate) zombies: Vec<publisher::PublisherNode>,
    /// How many publishers there were.
    pub(crate) runs: u64,
    /// The step of the next crash that the seed decided.
    pub(crate) crash_at: u64,
    pub(crate) crashes_wanted: u64,
    actions: Vec<schedule::Action>,
}

impl<B: Backend> World<B> {
    /// The world of a seed, about to begin.
    pub fn new(options: RunOptions, backend: B) -> Self {
        let plan = Arc::new(Plan::of(options.seed));
        let names = Arc::new(Names::new());
        let mut rng = Rng::new(options.seed, 2);
        let faults = Faults::draw(&mut rng);
        let moods = Moods::new(faults.bad_mood, options.seed);
        let application = Application {
            plan: Arc::clone(&plan),
            names: Arc::clone(&names),
            moods: Arc::new(moods),
            batch_max: rng.one_of(&[1, 3, 1000]),
        };
        let key_groups = rng.one_of(&[6, 8, 16]);
        let crashes_wanted = rng.between(2, 6);
        let mut world = Self {
            options,
            stats: Stats { events: plan.event_count() as u64, ..Stats::default() },
            plan,
            names,
            application: Arc::new(application),
            backend,
            external: External::default(),
            faults,
            crash_at: rng.between(20, 800),
            rng,
            now: 1_000,
            generation: 0,
            lineage: Lineage(u128::from(options.seed) + 1),
            key_groups,
            coverage: Coverage::new(),
            trace: Trace::new(options.is_traced),
            door_at: 0,
            endpoint_away_until: 0,
            shards: 0,
            full_until: 0,
            deployments: [0; 2],
            system: System::default(),
            replies: BTreeMap::new(),
            next_reply: 0,
            broker: Broker::new(faults.transaction_timeout_ms),
            zombies: Vec::new(),
            runs: 0,
            crashes_wanted,
            actions: Vec::new(),
        };
        world.recover();
        world
    }

    /// Runs until everything is at rest.
    ///
    /// # Errors
    /// When it never comes to rest.
    pub fn run(&mut self) -> Result<(), String> {
        while self.stats.steps < STEPS_MAX {
            self.stats.steps += 1;
            if !self.external.faults.is_empty() {
                return Err(self.external.faults.join("; "));
            }
            if self.step() {
                return Ok(());
            }
        }
        // What is wrong outside may be why.
        let plan = Arc::clone(&self.plan);
        self.external.judge_ledger(self.broker.committed(), |uid| plan.refused.contains(&(uid / 2)));
        let mut faults = std::mem::take(&mut self.external.faults);
        faults.truncate(4);
        faults.push(format!("not at rest after {STEPS_MAX} steps: {}", self.unrest()));
        Err(faults.join("; "))
    }

    /// The shards, to look into.
    pub(crate) fn inspectable(
        &self,
    ) -> impl Iterator<Item = &statefun_engine::shard::Shard<crate::plant::PlantedState<B::State>>> {
        self.system.shards.iter().map(|node| &node.core)
    }

    pub(crate) fn cover(&mut self, what: &'static str) {
        debug_assert!(NAMED_STEPS.contains(&what), "{what:?} is not among the named steps");
        *self.coverage.entry(what).or_default() += 1;
    }
}
