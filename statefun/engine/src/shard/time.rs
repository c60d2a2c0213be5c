//! A shard's side of event time: what it counts, how far its components have come, and which of their timers fire.
//!
//! What is counted and why that is safe stands in [`crate::time`]. An application in which nobody tells time pays one
//! branch per message.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use statefun::function::TimeRole;
use statefun::{
    Address, Domain, Envelope, Epoch, EventTime, FunctionType, Hold, IdHash, ProcessingTime, ShardId, Symbol,
    TypedValue, ValueType,
};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::RowKey;

use super::activation::Durable;
use super::apply::Cause;
use super::timers::{Timer, Timers};
use super::{Output, Shard};
use crate::channel::Item;
use crate::time::{Delta, Frontier, Point, Progress};

/// The type of what dead letters of timers say.
const TIMER: &str = "io.statefun/timer";

/// A shard's side of event time.
pub(super) struct ShardTime {
    /// The domains of this application.
    timed: Vec<Domain>,
    pub(super) frontier: Frontier,
    /// What this step made and finished.
    counts: HashMap<Point, i64>,
    /// By shard: the earliest counted time that went there in this step, by domain and level.
    sent: Vec<Vec<Point>>,
    /// Components met, by level and name: the order in which they fire.
    components: Vec<(u8, FunctionType)>,
    /// Whether timers are due that have not fired.
    pub(super) is_firing: bool,
    /// The newest epoch frozen.
    frozen: Epoch,
    /// Watermarks of components that a snapshot holds and nobody has taken.
    restored: HashMap<FunctionType, EventTime>,
    restored_domains: HashMap<(Domain, u8), EventTime>,
    /// Whether the durable row is out of date.
    dirty: bool,
    /// When to look for addresses that hold time back for too long.
    look_at: Option<ProcessingTime>,
}

/// A component's side of event time.
#[derive(Debug)]
pub(super) struct ComponentTime {
    pub(super) level: u8,
    pub(super) inputs: Vec<Domain>,
    pub(super) watermark: EventTime,
    pub(super) timers: Timers,
    /// Whether the watermark has moved and the timers up to it have not all fired.
    is_firing: bool,
}

/// What is durable about a shard's time.
#[derive(Serialize, Deserialize, Default)]
struct Saved {
    components: Vec<(String, i64)>,
    domains: Vec<(String, u8, i64)>,
}

impl ShardTime {
    pub(super) fn new(timed: &[Symbol], shards: u16) -> Self {
        Self {
            timed: timed.iter().map(|name| Domain::of(*name)).collect(),
            frontier: Frontier::default(),
            counts: HashMap::new(),
            sent: (0..shards).map(|_| Vec::new()).collect(),
            components: Vec::new(),
            is_firing: false,
            frozen: Epoch::default(),
            restored: HashMap::new(),
            restored_domains: HashMap::new(),
            dirty: false,
            look_at: None,
        }
    }

    /// What a function that follows time needs; `None` for a plain one.
    pub(super) fn component(&mut self, function: FunctionType, role: &TimeRole) -> Option<Box<ComponentTime>> {
        if !role.is_component() {
            return None;
        }
        let follows = |domain: &Domain| role.inputs.is_empty() || role.inputs.contains(&domain.name());
        let inputs = self.timed.iter().copied().filter(follows).collect();
        let place = (role.level, function);
        if let Err(index) = self.components.binary_search(&place) {
            self.components.insert(index, place);
        }
        let watermark = self.restored.get(&function).copied().unwrap_or(EventTime::NONE);
        let mut time =
            ComponentTime { level: role.level, inputs, watermark, timers: Timers::default(), is_firing: false };
        time.follow(&self.frontier);
        Some(Box::new(time))
    }

    pub(super) fn count(&mut self, point: Point, count: i64) {
        *self.counts.entry(point).or_default() += count;
    }

    /// A message that is not finished on arrival waits.
    pub(super) fn waits(&mut self, envelope: &Envelope) {
        if let Some(point) = point_of(envelope) {
            self.count(point, 1);
        }
    }

    /// It waits no more.
    pub(super) fn waits_no_more(&mut self, envelope: &Envelope) {
        if let Some(point) = point_of(envelope) {
            self.count(point, -1);
        }
    }

    /// A message leaves for another shard.
    pub(super) fn sends(&mut self, shard: ShardId, envelope: &Envelope) {
        let Some(point) = point_of(envelope) else { return };
        let sent = &mut self.sent[usize::from(shard.0)];
        match sent.iter_mut().find(|known| known.domain == point.domain && known.level == point.level) {
            Some(known) => known.at = known.at.min(point.at),
            None => sent.push(point),
        }
    }

    /// The receiver has come to what its sender counted.
    pub(super) fn releases(&mut self, points: &[Point]) {
        for point in points {
            self.count(*point, -1);
        }
    }

    /// Whether anybody waits for what was held there when a snapshot was taken.
    fn still_holds(&self, point: Point) -> bool {
        let mut levels = (1..=point.level.saturating_add(1)).rev();
        let reached = levels.find_map(|level| self.restored_domains.get(&(point.domain, level)));
        self.timed.contains(&point.domain) && reached.is_none_or(|reached| *reached < point.at)
    }

    /// Which epochs' news may be applied.
    fn reached(&self, closed: Epoch) -> Epoch {
        self.frozen.max(closed)
    }

    pub(super) fn freezes(&mut self, epoch: Epoch) {
        self.frozen = self.frozen.max(epoch);
    }

    /// Ends a step: puts releases behind what was sent, and says what changed.
    fn close_step(&mut self, closed: Epoch, out: &mut Output) {
        for (shard, sent) in self.sent.iter_mut().enumerate() {
            if sent.is_empty() {
                continue;
            }
            let points = std::mem::take(sent).into_boxed_slice();
            for point in &points {
                *self.counts.entry(*point).or_default() += 1;
            }
            out.shards[shard].push(Item::Release(points));
        }
        if self.counts.is_empty() {
            return;
        }
        let mut counts: Vec<_> = self.counts.drain().filter(|(_, count)| *count != 0).collect();
        if counts.is_empty() {
            return;
        }
        // The table's order is arbitrary.
        counts.sort_unstable();
        let epoch = self.reached(closed);
        match &mut out.delta {
            Some(delta) => {
                delta.counts.append(&mut counts);
                delta.epoch = epoch;
            }
            None => out.delta = Some(Delta { epoch, counts, domain: None }),
        }
    }
}

impl ComponentTime {
    /// Moves on with the domains; whether it did.
    fn follow(&mut self, frontier: &Frontier) -> bool {
        match frontier.watermark(self.level, &self.inputs) {
            Some(watermark) if watermark > self.watermark && !self.inputs.is_empty() => {
                self.watermark = watermark;
                true
            }
            _ => false,
        }
    }

    fn is_due(&self) -> bool {
        self.timers.earliest().is_some_and(|earliest| earliest <= self.watermark)
    }
}

/// What an envelope holds, if it is counted.
fn point_of(envelope: &Envelope) -> Option<Point> {
    let Hold { domain, level, counted, .. } = envelope.hold;
    let domain = domain.filter(|_| counted)?;
    Some(Point { domain, level, at: envelope.event_time })
}

impl<S: KeyedState> Shard<S> {
    /// News of how far time has come.
    pub(super) fn on_progress(&mut self, progress: Arc<Progress>) {
        self.time.frontier.on_progress(progress);
        self.advance_time();
    }

    /// Applies the news that no epoch keeps aside.
    pub(super) fn advance_time(&mut self) {
        while self.time.frontier.advance(self.time.reached(self.closed)) {
            self.time.dirty = true;
            for (_, function) in &self.time.components {
                let Some(time) = &mut self.types.met(*function).time else { continue };
                if time.follow(&self.time.frontier) && time.is_due() {
                    time.is_firing = true;
                    self.time.is_firing = true;
                }
            }
        }
    }

    /// Fires timers that are due, boundedly. While some are left, what arrives waits behind them, so that nobody sees a new
    /// watermark before its own timers have fired.
    pub(super) fn fire_timers(&mut self, now: ProcessingTime, out: &mut Output) {
        if !self.time.is_firing {
            return;
        }
        let mut left = self.options.timers_per_turn;
        for index in 0..self.time.components.len() {
            let (level, function) = self.time.components[index];
            while let Some(time) = &mut self.types.met(function).time
                && time.is_firing
            {
                let due = time.timers.pop_due(time.watermark);
                time.is_firing = due.is_some();
                let first = time.inputs.first().copied();
                self.count_timers(function);
                let Some(due) = due else { break };
                let hash = IdHash::of(&due.id);
                let target = Address::new(function, due.id);
                if due.timer.durable != Durable::No {
                    let group = self.groups.group(hash);
                    self.tombstones.push(RowKey::Timer { group, address: target.clone(), at: due.at });
                }
                let value_type = ValueType::named(TIMER).expect("a name that is interned once");
                let envelope = Envelope {
                    target,
                    hash,
                    caller: None,
                    argument: TypedValue::new(value_type, Bytes::new()),
                    event_time: due.at,
                    hold: Hold {
                        domain: due.timer.domain.or(first),
                        level,
                        counted: due.timer.domain.is_some(),
                        is_timer: true,
                    },
                };
                let queued = self.number(envelope);
                self.deliver(now, queued, None, out);
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
        self.time.is_firing = false;
    }

    /// Counts the moments of a component that began and ended to be held.
    pub(super) fn count_timers(&mut self, function: FunctionType) {
        let Some(time) = &mut self.types.met(function).time else { return };
        for (at, domain, count) in time.timers.take_held() {
            self.time.count(Point { domain, level: time.level, at }, count);
        }
    }

    /// A timer is set by an invocation. It holds what its cause held, as a message would: only there is it certain that no
    /// shard's watermark has passed it yet.
    pub(super) fn set_timer(&mut self, cause: &Cause<'_>, at: EventTime) {
        let Some(time) = &mut self.types.met(cause.address.function).time else { return };
        let counted = cause.hold.counted && at >= cause.event_time && cause.hold.level <= time.level;
        let domain = cause.hold.domain.filter(|_| counted);
        time.timers.set(at, &cause.address.id, Timer { durable: Durable::No, domain });
        // Behind the end of time there is no other advance to wait for.
        if time.watermark == EventTime::MAX {
            time.is_firing = true;
            self.time.is_firing = true;
        }
    }

    /// A timer is deleted by an invocation.
    pub(super) fn delete_timer(&mut self, address: &Address, hash: IdHash, at: EventTime) {
        let Some(time) = &mut self.types.met(address.function).time else { return };
        if time.timers.delete(at, &address.id) {
            let group = self.groups.group(hash);
            self.tombstones.push(RowKey::Timer { group, address: address.clone(), at });
        }
    }

    /// The event time of a delayed message that is sent now: it was not waited for, so it is not late only if it moves with
    /// the watermark.
    pub(super) fn event_time_of_delayed(&self, envelope: &Envelope) -> EventTime {
        match envelope.hold.domain {
            Some(domain) if envelope.event_time.is_some() => {
                let watermark = self.time.frontier.of(domain, envelope.hold.level.saturating_add(1));
                if watermark.is_aside || watermark.at == EventTime::MAX {
                    envelope.event_time
                } else {
                    envelope.event_time.max(EventTime(watermark.at.0.saturating_add(1)))
                }
            }
            _ => envelope.event_time,
        }
    }

    /// Ends a step.
    pub(super) fn close_step(&mut self, out: &mut Output) {
        if !self.time.timed.is_empty() {
            self.time.close_step(self.closed, out);
        }
    }

    /// Lets go of what addresses hold that have made no progress for too long: what they cause later may be late.
    pub(super) fn release_stuck(&mut self, now: ProcessingTime) {
        if self.time.look_at.is_none_or(|at| at > now) {
            return;
        }
        let Some(limit) = self.options.hold_time_max else { return };
        let mut next = None;
        for (address, activation) in &mut self.activations {
            if !activation.queue.iter().any(|queued| queued.envelope.hold.counted) {
                continue;
            }
            let until = activation.since.after(limit);
            if until > now {
                next = Some(next.map_or(until, |next: ProcessingTime| next.min(until)));
                continue;
            }
            for queued in activation.queue.iter_mut().filter(|queued| queued.envelope.hold.counted) {
                self.time.waits_no_more(&queued.envelope);
                queued.envelope.hold.counted = false;
                self.types.met(address.function).stats.released += 1;
            }
        }
        self.time.look_at = next;
    }

    /// A counted message waits for an address: somebody has to look whether it does so for too long.
    pub(super) fn watch_hold(&mut self) {
        if self.time.look_at.is_none()
            && let Some(limit) = self.options.hold_time_max
        {
            self.time.look_at = Some(self.clock.after(limit));
        }
    }

    /// When to look for addresses that hold time back for too long.
    pub(super) fn look_at(&self) -> Option<ProcessingTime> {
        self.time.look_at
    }

    /// The durable row, if it is out of date.
    pub(super) fn take_time_row(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.time.dirty) {
            return None;
        }
        let mut saved = Saved::default();
        for (_, function) in &self.time.components {
            if let Some(time) = &self.types.met(*function).time {
                saved.components.push((function.as_str().to_owned(), time.watermark.0));
            }
        }
        // A component that this shard has not met yet must not go back either.
        for (function, watermark) in &self.time.restored {
            if !saved.components.iter().any(|(known, _)| known == function.as_str()) {
                saved.components.push((function.as_str().to_owned(), watermark.0));
            }
        }
        saved.components.sort_unstable();
        for (domain, levels) in self.time.frontier.domains() {
            for (index, time) in levels.iter().enumerate().filter(|(_, time)| !time.is_aside) {
                saved.domains.push((domain.name().as_str().to_owned(), index as u8 + 1, time.at.0));
            }
        }
        Some(Bytes::from(serde_json::to_vec(&saved).expect("numbers and names can be written")))
    }

    pub(super) fn untake_time_row(&mut self) {
        self.time.dirty = true;
    }

    /// Takes back how far time had come, as some shard of the snapshot knew it: of several the furthest counts. Before any
    /// row of a key group, so that whoever is restored knows its time. What cannot be read is passed over: nothing is lost
    /// but that time may seem to go back.
    pub(super) fn restore_time(&mut self, row: &[u8]) {
        let Ok(saved) = serde_json::from_slice::<Saved>(row) else { return };
        for (function, watermark) in saved.components {
            if let Ok(function) = FunctionType::parse(&function) {
                let known = self.time.restored.entry(function).or_insert(EventTime::NONE);
                *known = (*known).max(EventTime(watermark));
            }
        }
        for (domain, level, watermark) in saved.domains {
            if let Ok(name) = Symbol::intern(&domain) {
                let known = self.time.restored_domains.entry((Domain::of(name), level)).or_insert(EventTime::NONE);
                *known = (*known).max(EventTime(watermark));
            }
        }
        self.time.dirty = true;
    }

    /// A restored message: what it held and time has passed anyway, or nobody follows any more, it holds no longer.
    pub(super) fn recount(&mut self, envelope: &mut Envelope) {
        envelope.hold.counted = point_of(envelope).is_some_and(|point| self.time.still_holds(point));
        self.time.waits(envelope);
    }

    /// A restored timer. One of a function that is no component any more stays in the snapshot, untouched.
    pub(super) fn restore_timer(&mut self, address: &Address, at: EventTime, domain: Option<Domain>, durable: Durable) {
        self.types.entry(address.function, &*self.directory, &mut self.state, &mut self.time);
        if let Some(time) = &mut self.types.met(address.function).time {
            let level = time.level;
            let domain = domain.filter(|domain| self.time.still_holds(Point { domain: *domain, level, at }));
            time.timers.set(at, &address.id, Timer { durable, domain });
            // It was firing when the snapshot was taken, or was set behind the watermark; then it fires early, which nobody
            // can tell from an advance.
            time.is_firing |= time.is_due();
            self.time.is_firing |= time.is_firing;
        }
        self.count_timers(address.function);
    }

    /// What this shard holds, to begin counting with: after everything was restored, before anything else happens.
    pub fn opening(&mut self) -> Delta {
        let mut out = Output::new(self.topology);
        self.close_step(&mut out);
        out.delta.unwrap_or_default()
    }

    /// How far time has come for a component, if the function is one that was met.
    pub fn watermark(&self, function: FunctionType) -> Option<EventTime> {
        self.types.get(function)?.time.as_ref().map(|time| time.watermark)
    }

    /// The components met and how far time has come for them.
    pub fn components(&self) -> Vec<(FunctionType, u8, EventTime, usize)> {
        let each = self.types.iter().filter_map(|entry| {
            let time = entry.time.as_ref()?;
            Some((entry.function, time.level, time.watermark, time.timers.len()))
        });
        let mut components: Vec<_> = each.collect();
        components.sort_unstable_by_key(|(function, level, ..)| (*level, *function));
        components
    }

    /// What this shard knows of time.
    pub fn frontier(&self) -> &Frontier {
        &self.time.frontier
    }

    /// Whether nothing of event time is under way here: no timer is due and no news waits.
    pub fn is_time_settled(&self) -> bool {
        !self.time.is_firing && !self.time.frontier.has_deferred()
    }

    /// Everything counted that is unfinished here: what waits, and moments with timers. For whoever checks the tracker.
    pub fn outstanding(&self) -> Vec<Point> {
        let queued = self.activations.values().flat_map(|activation| &activation.queue);
        let mut points: Vec<_> = queued.chain(&self.backlog).filter_map(|queued| point_of(&queued.envelope)).collect();
        for time in self.types.iter().filter_map(|entry| entry.time.as_ref()) {
            let level = time.level;
            points.extend(time.timers.counted().map(|(at, domain)| Point { domain, level, at }));
        }
        points
    }

    /// Addresses whose waiting messages hold `domain` back at or before `at`, at most `limit`.
    pub fn holders(&self, domain: Domain, at: EventTime, limit: usize) -> Vec<Address> {
        let holds =
            |envelope: &Envelope| point_of(envelope).is_some_and(|point| point.domain == domain && point.at <= at);
        let queued = self
            .activations
            .iter()
            .filter(|(_, activation)| activation.queue.iter().any(|queued| holds(&queued.envelope)));
        let backlog = self.backlog.iter().filter(|queued| holds(&queued.envelope));
        let mut holders: Vec<_> = queued
            .map(|(address, _)| address.clone())
            .chain(backlog.map(|queued| queued.envelope.target.clone()))
            .collect();
        holders.sort_unstable();
        holders.dedup();
        holders.truncate(limit);
        holders
    }
}
