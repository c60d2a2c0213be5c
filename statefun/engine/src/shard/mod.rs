//! A shard: all functions of a range of key groups, run by one thread.
//!
//! ```text
//!  Batch ─▶ arrive ─┬─ embedded, idle ─▶ invoke ──────────────┐
//!                   └─ else ─▶ activation queue ─▶ Call ─▶ Reply ─▶ apply ─▶ out: shards, sinks
//!                                    ▲                          │
//!                                    └──── backlog (own sends) ◀┘
//! ```
//!
//! Addresses are virtual: an `Activation` exists only while an address has work that waits, so millions of
//! idle addresses cost nothing but their values. At most one invocation per address runs at a time, and messages of one
//! sender reach one target in the order they were sent.
//!
//! # The driving contract
//! [`Shard::handle`] is called with one input and a time that never goes back; the caller then performs what `out`
//! holds, in order, before the next call. When [`Shard::has_work`] says so it calls again with [`Input::Tick`] without
//! waiting, and no later than [`Shard::deadline`] otherwise. Extra ticks are harmless.
//!
//! # Invariants
//! * Every message is in exactly one place: a channel, the backlog or one activation's queue, until it is finished.
//! * A message leaves its queue in the same step in which its effects are applied.
//! * What is durable about a message is one row, written by the first epoch that finds it unfinished and removed by a
//!   tombstone in the first epoch after it was finished.

mod activation;
mod apply;
mod calls;
mod cut;
mod delayed;
mod embedded;
mod idempotency;
mod inspect;
mod restore;
mod time;
mod timers;
mod types;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use statefun::function::Effects;
use statefun::{
    Address, CallId, DeadLetter, DeadLetterCause, EgressRecord, Envelope, Epoch, FunctionType, KeyGroups,
    ProcessingTime, ShardId, SinkId,
};
use statefun_ports::keyed_state::{EncodedPart, KeyedState, Slot};
use statefun_ports::remote::{CallOutcome, InvocationBatch};
use statefun_ports::rows::RowKey;

use crate::channel::{Item, Participant, SinkItem, Topology};
use crate::directory::Directory;
use crate::time::{Delta, Progress};
use activation::{Activation, Durable, Queued};
use cut::Cut;
use delayed::DelayedMessages;
use idempotency::Requests;
use time::ShardTime;
use types::{Bound, Types};

pub use inspect::{FunctionStats, StateEntry};
pub use types::{RegisteredState, StateError};

/// For how many messages values are looked up ahead of handling them: enough for their waits for memory to overlap, and
/// so few that what was fetched is still in the nearest cache when it is its turn.
const LOOK_AHEAD: usize = 32;

/// Bounds of a shard's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most remote calls in flight for one function type; further addresses of it wait. One bound for all types
    /// would let an endpoint that hangs keep every other from being called.
    pub calls_max: usize,
    /// The most messages of its own that a shard handles per call of [`Shard::handle`].
    pub backlog_per_turn: usize,
    /// The most frozen rows encoded per call of [`Shard::handle`].
    pub rows_per_slice: usize,
    /// The most bytes that the requests it remembers may take; further ones are refused.
    pub requests_bytes_max: usize,
    /// The most event-time timers fired per call of [`Shard::handle`], at least one.
    pub timers_per_turn: usize,
    /// An address that makes no progress for longer than this holds event time back no more: its later outputs may be
    /// late. `None`: it holds as long as it takes.
    pub hold_time_max: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            calls_max: 1024,
            backlog_per_turn: 4096,
            rows_per_slice: 4096,
            requests_bytes_max: 256 << 20,
            timers_per_turn: 4096,
            hold_time_max: Some(Duration::from_secs(300)),
        }
    }
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// Items of one channel, in order.
    Batch {
        /// The channel's other end.
        from: Participant,
        /// What it carried.
        items: Vec<Item>,
    },
    /// What came of a remote call.
    Reply {
        /// Which call. A second reply, or one from before a restart, is ignored.
        call: CallId,
        /// What came of it.
        outcome: CallOutcome,
    },
    /// Time has passed, or there is work left.
    Tick,
    /// An epoch exists.
    Completed(Epoch),
    /// An epoch will never exist.
    Abandoned(Epoch),
    /// How far event time has come.
    Progress(Arc<Progress>),
}

/// What is to be done. The buffers are reused from call to call: the caller drains them.
#[derive(Debug, Default)]
pub struct Output {
    /// Items for other shards, by shard.
    pub shards: Vec<Vec<Item>>,
    /// Items for sinks, by sink.
    pub sinks: Vec<Vec<SinkItem>>,
    /// Remote calls to make.
    pub calls: Vec<(CallId, InvocationBatch)>,
    /// Finished parts of epochs.
    pub parts: Vec<EncodedPart>,
    /// What to tell the tracker, before the items are put into their channels.
    pub delta: Option<Delta>,
}

impl Output {
    /// Empty buffers for a topology.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self {
            shards: (0..topology.shards).map(|_| Vec::new()).collect(),
            sinks: (0..topology.sinks).map(|_| Vec::new()).collect(),
            calls: Vec::new(),
            parts: Vec::new(),
            delta: None,
        }
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.parts.is_empty()
            && self.delta.is_none()
            && self.shards.iter().all(Vec::is_empty)
            && self.sinks.iter().all(Vec::is_empty)
    }
}

/// What waits in a shard, for backpressure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages that are not finished.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Bytes of messages that are to be sent later.
    pub delayed_bytes: usize,
}

/// See the [module documentation](self).
pub struct Shard<S> {
    id: ShardId,
    groups: KeyGroups,
    topology: Topology,
    options: Options,
    directory: Arc<dyn Directory>,
    state: S,
    types: Types,
    activations: HashMap<Address, Activation>,
    calls: HashMap<CallId, Address>,
    ready: VecDeque<Address>,
    backing_off: BTreeMap<(ProcessingTime, u64), Address>,
    backlog: VecDeque<Queued>,
    /// How many messages of the backlog come before anything that arrives: what a snapshot held, and what arrived since
    /// and had to queue behind that.
    ahead: usize,
    /// Types whose states are being asked for.
    probing: Vec<FunctionType>,
    delayed: DelayedMessages,
    requests: Requests,
    /// The function type whose messages are answers to requests, and the sink that gives them.
    replies: Option<(FunctionType, SinkId)>,
    load: Load,
    /// Position of the next message in the order of arrival; never reused within a key group.
    next_seq: u64,
    next_call: u64,
    /// Addresses with messages that no epoch has written.
    fresh: Vec<Address>,
    /// Rows that the next epoch removes.
    tombstones: Vec<RowKey>,
    clock: ProcessingTime,
    cut: Option<Cut>,
    /// Epochs up to this one are over for this shard; their markers are ignored.
    closed: Epoch,
    scratch: Option<Box<Effects>>,
    /// Where the values of the messages under way are, kept for its buffer.
    slots: Vec<Option<Slot>>,
    /// Egress records of the invocation under way, decoded; kept for its buffer.
    egress: Vec<(SinkId, EgressRecord)>,
    time: ShardTime,
}

impl<S: KeyedState> Shard<S> {
    /// A shard without work, over `state`. `closed` is the newest epoch that exists.
    pub fn new(
        id: ShardId,
        groups: KeyGroups,
        topology: Topology,
        directory: Arc<dyn Directory>,
        state: S,
        closed: Epoch,
        options: Options,
    ) -> Self {
        let time = ShardTime::new(&directory.timed(), topology.shards);
        Self {
            id,
            groups,
            topology,
            options,
            replies: directory.replies(),
            directory,
            state,
            types: Types::default(),
            activations: HashMap::new(),
            calls: HashMap::new(),
            ready: VecDeque::new(),
            backing_off: BTreeMap::new(),
            backlog: VecDeque::new(),
            ahead: 0,
            probing: Vec::new(),
            delayed: DelayedMessages::default(),
            requests: Requests::default(),
            load: Load::default(),
            next_seq: 1,
            next_call: 1,
            fresh: Vec::new(),
            tombstones: Vec::new(),
            clock: ProcessingTime::default(),
            cut: None,
            closed,
            scratch: None,
            slots: Vec::new(),
            egress: Vec::new(),
            time,
        }
    }

    /// Handles one input at `now`; see the driving contract in the [module documentation](self).
    pub fn handle(&mut self, now: ProcessingTime, input: Input, out: &mut Output) {
        // A clock that was set back must not make deadlines unreachable or values younger.
        self.clock = self.clock.max(now);
        let now = self.clock;
        match input {
            Input::Batch { from, items } => self.on_batch(now, from, items, out),
            Input::Reply { call, outcome } => self.on_reply(now, call, outcome, out),
            Input::Tick => {}
            Input::Completed(epoch) => self.on_completed(epoch),
            Input::Abandoned(epoch) => self.on_abandoned(epoch),
            Input::Progress(progress) => self.on_progress(progress),
        }
        if self.time.frontier.has_deferred() {
            self.advance_time();
        }
        self.fire_timers(now, out);
        self.fire_delayed(now, out);
        self.wake(now);
        self.renew_probes(now);
        if !self.time.is_firing {
            self.drain_backlog(now, out);
            self.start_calls(now, out);
        }
        self.release_stuck(now);
        self.advance_part(out);
        self.close_step(out);
    }

    /// Whether there is work that waits for nothing but another call of [`Shard::handle`].
    pub fn has_work(&self) -> bool {
        !self.backlog.is_empty() || self.time.is_firing || self.cut.as_ref().is_some_and(Cut::has_work)
    }

    /// When to call [`Shard::handle`] if nothing else happens.
    pub fn deadline(&self) -> Option<ProcessingTime> {
        let retry = self.backing_off.keys().next().map(|(until, _)| *until);
        [retry, self.next_probe(), self.delayed.next_due(), self.look_at()].into_iter().flatten().min()
    }

    /// What waits in this shard.
    pub fn load(&self) -> Load {
        Load { delayed_bytes: self.delayed.bytes(), ..self.load }
    }

    /// Which shard this is.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// Whether anything is unfinished, delayed messages aside.
    pub fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.activations.is_empty()
    }

    /// Items of one channel.
    fn on_batch(&mut self, now: ProcessingTime, from: Participant, items: Vec<Item>, out: &mut Output) {
        let mut slots = std::mem::take(&mut self.slots);
        let mut items = items.into_iter();
        loop {
            // Nothing but messages: slots hold as long as values are only looked up, read and written.
            let run = items.as_slice().iter().take(LOOK_AHEAD).map_while(|item| match item {
                Item::Envelope(envelope) => Some(envelope),
                Item::Marker(_) | Item::Release(_) | Item::Ask(_) => None,
            });
            let is_recorded = self.cut.as_ref().is_some_and(|cut| cut.records(from));
            slots.clear();
            self.state.find_all(run.clone().map(|envelope| (&envelope.target, envelope.hash)), &mut slots);
            for (envelope, slot) in run.zip(&slots) {
                if is_recorded || self.ahead > 0 || self.time.is_firing || !self.runs_at_once(envelope) {
                    self.arrive(now, from, envelope.clone(), *slot, out);
                } else {
                    self.run_at_once(now, envelope, *slot, out);
                }
            }
            // Dropped while they are in the nearest cache.
            items.by_ref().take(slots.len()).for_each(drop);
            if matches!(items.as_slice().first(), Some(Item::Envelope(_))) {
                continue;
            }
            match items.next() {
                None => break,
                Some(Item::Ask(ask)) => self.on_ask(now, from, *ask, out),
                Some(Item::Marker(marker)) => self.on_marker(from, marker, out),
                Some(Item::Release(points)) => self.time.releases(&points),
                Some(Item::Envelope(_)) => unreachable!("it was looked at in the line above"),
            }
        }
        self.slots = slots;
    }

    /// What most messages are: nothing is ahead of it, and nothing need remember it once it was handled.
    #[inline]
    fn run_at_once(&mut self, now: ProcessingTime, envelope: &Envelope, slot: Option<Slot>, out: &mut Output) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.types.met(envelope.target.function).stats.received += 1;
        match self.run_embedded(now, envelope, slot, out) {
            Ok(()) => self.finish(seq, Durable::No, envelope),
            Err(error) => {
                let queued = Queued { seq, durable: Durable::No, envelope: envelope.clone() };
                self.embedded_failed(now, queued, error, out);
            }
        }
    }

    /// An envelope from a channel. `slot` is where the values of its target are, if it had any a moment ago.
    fn arrive(
        &mut self,
        now: ProcessingTime,
        from: Participant,
        envelope: Envelope,
        slot: Option<Slot>,
        out: &mut Output,
    ) {
        let mut queued = self.number(envelope);
        self.record_if_open(from, &mut queued);
        if self.ahead > 0 || self.time.is_firing {
            // Its sender may have sent one of those that are ahead, and this must not overtake it. And while timers fire,
            // nobody may see a watermark before its own timers have.
            self.postpone(queued);
            self.ahead = self.backlog.len();
        } else {
            self.deliver(now, queued, slot, out);
        }
    }

    /// Whether a message's target is an embedded function that has nothing else to do.
    #[inline]
    fn runs_at_once(&mut self, envelope: &Envelope) -> bool {
        let entry = self.types.entry(envelope.target.function, &*self.directory, &mut self.state, &mut self.time);
        matches!(entry.bound, Bound::Embedded(..))
            && (self.activations.is_empty() || !self.activations.contains_key(&envelope.target))
    }

    /// Adds a message to the backlog.
    fn postpone(&mut self, queued: Queued) {
        self.load.messages += 1;
        self.load.bytes += queued.envelope.footprint();
        self.time.waits(&queued.envelope);
        self.backlog.push_back(queued);
    }

    /// Gives an envelope its place in the order of arrival.
    fn number(&mut self, envelope: Envelope) -> Queued {
        let seq = self.next_seq;
        self.next_seq += 1;
        Queued { seq, durable: Durable::No, envelope }
    }

    /// Brings a message to its function: invokes it, or queues it.
    fn deliver(&mut self, now: ProcessingTime, queued: Queued, slot: Option<Slot>, out: &mut Output) {
        let function = queued.envelope.target.function;
        if self.is_reply(function) {
            self.finish(queued.seq, queued.durable, &queued.envelope);
            self.on_answer(queued.envelope, out);
            return;
        }
        self.types.entry(function, &*self.directory, &mut self.state, &mut self.time).stats.received += 1;
        if self.runs_at_once(&queued.envelope) {
            match self.run_embedded(now, &queued.envelope, slot, out) {
                Ok(()) => self.finish(queued.seq, queued.durable, &queued.envelope),
                Err(error) => self.embedded_failed(now, queued, error, out),
            }
            return;
        }
        match &self.types.met(function).bound {
            Bound::Nobody => {
                let letter = DeadLetter {
                    cause: DeadLetterCause::UnknownFunction,
                    detail: format!("no endpoint and no embedded function serves {function}"),
                    origin: queued.envelope.caller.as_ref().map_or_else(|| "ingress".to_owned(), Address::to_string),
                    envelope: Some(queued.envelope.clone()),
                    raw: None,
                };
                self.dead_letter(letter, out);
                self.finish(queued.seq, queued.durable, &queued.envelope);
            }
            Bound::Embedded(..) | Bound::Remote(_) => self.enqueue(queued),
        }
    }

    /// Queues a message behind what its target has already.
    fn enqueue(&mut self, queued: Queued) {
        self.load.messages += 1;
        self.load.bytes += queued.envelope.footprint();
        self.time.waits(&queued.envelope);
        if queued.envelope.hold.counted {
            self.watch_hold();
        }
        let address = &queued.envelope.target;
        if !self.activations.contains_key(address) {
            self.activations.insert(address.clone(), Activation { since: self.clock, ..Activation::default() });
            self.ready.push_back(address.clone());
        }
        let activation = self.activations.get_mut(address).expect("inserted above when it was missing");
        if queued.durable == Durable::No && !activation.fresh {
            activation.fresh = true;
            self.fresh.push(address.clone());
        }
        activation.queue.push_back(queued);
    }

    /// Forgets the durable row of a message that is finished.
    #[inline]
    fn finish(&mut self, seq: u64, durable: Durable, envelope: &Envelope) {
        if durable != Durable::No {
            let group = self.groups.group(envelope.hash);
            self.tombstones.push(RowKey::Waiting { group, seq });
        }
    }

    /// Sends an envelope to whichever shard runs its target.
    fn send(&mut self, mut envelope: Envelope, out: &mut Output) {
        if self.is_reply(envelope.target.function) && !self.lead_home(&mut envelope) {
            self.on_answer(envelope, out);
            return;
        }
        let shard = self.groups.shard(envelope.hash);
        if shard == self.id {
            let queued = self.number(envelope);
            self.postpone(queued);
        } else {
            self.time.sends(shard, &envelope);
            out.shards[usize::from(shard.0)].push(Item::Envelope(envelope));
        }
    }

    /// Sends a record to a sink.
    fn emit(&mut self, sink: SinkId, record: EgressRecord, out: &mut Output) {
        out.sinks[usize::from(sink.0)].push(SinkItem::Record(record));
    }

    fn dead_letter(&mut self, letter: DeadLetter, out: &mut Output) {
        self.emit(self.topology.dead_letters(), EgressRecord::DeadLetter(Box::new(letter)), out);
    }

    /// Handles what this shard sent to itself, boundedly: a cycle of messages must not keep markers waiting.
    fn drain_backlog(&mut self, now: ProcessingTime, out: &mut Output) {
        let mut slots = std::mem::take(&mut self.slots);
        let mut left = self.options.backlog_per_turn;
        while left > 0 && !self.backlog.is_empty() {
            slots.clear();
            let (run, _) = self.backlog.as_slices();
            let run = run.iter().take(LOOK_AHEAD.min(left)).map(|queued| &queued.envelope);
            self.state.find_all(run.map(|envelope| (&envelope.target, envelope.hash)), &mut slots);
            left -= slots.len();
            for slot in &slots {
                let queued = self.backlog.pop_front().expect("looked at just now, and others are added behind it");
                self.ahead = self.ahead.saturating_sub(1);
                self.load.messages -= 1;
                self.load.bytes -= queued.envelope.footprint();
                self.time.waits_no_more(&queued.envelope);
                self.deliver(now, queued, *slot, out);
            }
        }
        self.slots = slots;
    }

    /// Sends delayed messages that are due.
    fn fire_delayed(&mut self, now: ProcessingTime, out: &mut Output) {
        while let Some((key, delayed)) = self.delayed.pop_due(now) {
            if delayed.durable != Durable::No {
                self.tombstones.push(key);
            }
            let mut envelope = delayed.message.envelope;
            envelope.event_time = self.event_time_of_delayed(&envelope);
            self.send(envelope, out);
        }
    }
}
