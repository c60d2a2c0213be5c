//! A source's side: routing, positions, tickets and markers.
//!
//! A connector offers records; this core turns each into envelopes for the module's targets, or into a dead letter, and
//! remembers how far it has come. On `Start` it closes its epoch: positions are its part, a marker goes out on every
//! channel behind all it sent before.

mod clock;
mod router;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use statefun::{
    DeadLetter, EgressRecord, Envelope, Epoch, KeyGroups, ProcessingTime, SourceId, Symbol, WatermarkStrategy,
};
use statefun_ports::rows::{Change, RowKey, RowValue};
use statefun_ports::source::{Position, SourceEvent, SourceRecord};

use crate::channel::{Item, Marker, SinkItem, Topology};
use crate::time::{Delta, DomainState};
use clock::SourceClock;
pub use clock::TimeRowError;
pub use router::Route;
use router::Unroutable;

/// What is to be done. The buffers are reused from call to call: the caller drains them.
#[derive(Debug, Default)]
pub struct Output {
    /// Items for shards, by shard.
    pub shards: Vec<Vec<Item>>,
    /// Items for sinks, by sink.
    pub sinks: Vec<Vec<SinkItem>>,
    /// A part of an epoch.
    pub part: Option<(Epoch, Vec<Change>)>,
    /// What to tell the connector.
    pub events: Vec<SourceEvent>,
    /// Somebody waits for durability: ask for an epoch.
    pub epoch_wanted: bool,
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
            ..Self::default()
        }
    }
}

/// See the [module documentation](self).
#[derive(Debug)]
pub struct SourceCore {
    id: SourceId,
    name: Symbol,
    groups: KeyGroups,
    topology: Topology,
    routes: Arc<[Route]>,
    positions: BTreeMap<CompactString, CompactString>,
    /// Partitions that moved since the last cut.
    moved: BTreeMap<CompactString, CompactString>,
    /// The highest ticket routed.
    ticket: Option<u64>,
    cut: Option<Cut>,
    closed: Epoch,
    stats: Stats,
    /// How it tells event time, if it does.
    clock: Option<Box<SourceClock>>,
}

/// Counters of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records offered.
    pub records: u64,
    /// Envelopes sent.
    pub envelopes: u64,
    /// Records that became dead letters.
    pub dead_letters: u64,
}

/// The epoch whose fate is open.
#[derive(Debug)]
struct Cut {
    epoch: Epoch,
    moved: BTreeMap<CompactString, CompactString>,
    ticket: Option<u64>,
}

impl SourceCore {
    /// A source that begins where `positions` say. `closed` is the newest epoch that exists.
    pub fn new(
        id: SourceId,
        name: Symbol,
        groups: KeyGroups,
        topology: Topology,
        routes: Vec<Route>,
        positions: Vec<Position>,
        closed: Epoch,
    ) -> Self {
        let positions = positions.into_iter().map(|position| (position.partition, position.next)).collect();
        Self {
            id,
            name,
            groups,
            topology,
            routes: routes.into(),
            positions,
            moved: BTreeMap::new(),
            ticket: None,
            cut: None,
            closed,
            stats: Stats::default(),
            clock: None,
        }
    }

    /// The same source, telling time from where `row` left off, which a snapshot holds.
    ///
    /// # Errors
    /// When the row cannot be read.
    pub fn telling_time(mut self, strategy: WatermarkStrategy, row: Option<&[u8]>) -> Result<Self, TimeRowError> {
        let mut clock = SourceClock::new(self.name, strategy, self.topology.shards);
        if let Some(row) = row {
            clock.restore(row)?;
        }
        self.clock = Some(Box::new(clock));
        Ok(self)
    }

    /// Time has passed. Before anything else of that moment, if it tells time.
    pub fn on_tick(&mut self, now: ProcessingTime, out: &mut Output) {
        if let Some(clock) = &mut self.clock {
            clock.on_tick(now);
            self.close_step(out);
        }
    }

    /// When to call [`SourceCore::on_tick`] if nothing else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<ProcessingTime> {
        self.clock.as_ref()?.deadline()
    }

    /// The input has ended.
    pub fn on_end(&mut self, out: &mut Output) {
        if let Some(clock) = &mut self.clock {
            clock.on_end();
            self.close_step(out);
        }
    }

    /// How its domain of event time stands, if it tells time.
    #[must_use]
    pub fn time(&self) -> Option<DomainState> {
        self.clock.as_ref().map(|clock| clock.state())
    }

    /// Puts releases behind what was sent in this step, and says what changed.
    fn close_step(&mut self, out: &mut Output) {
        let Some(clock) = &mut self.clock else { return };
        let mut delta = out.delta.take().unwrap_or_default();
        clock.close_step(&mut out.shards, &mut delta);
        delta.epoch = self.cut.as_ref().map_or(self.closed, |cut| cut.epoch.max(self.closed));
        if !delta.counts.is_empty() || delta.domain.is_some() {
            out.delta = Some(delta);
        }
    }

    /// Which source this is.
    #[must_use]
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// The ingress's name.
    #[must_use]
    pub fn name(&self) -> Symbol {
        self.name
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How far it has read.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.positions.iter().map(|(partition, next)| Position { partition: partition.clone(), next: next.clone() })
    }

    /// Routes records in order.
    pub fn on_records(&mut self, records: Vec<SourceRecord>, out: &mut Output) {
        let routes = Arc::clone(&self.routes);
        let name = self.name;
        for record in records {
            let is_record = !matches!(
                record,
                SourceRecord::Position(_) | SourceRecord::Watermark { .. } | SourceRecord::Status { .. }
            );
            self.stats.records += u64::from(is_record);
            match record {
                SourceRecord::Keyed { route, key, value, mut event_time, position } => {
                    if let Some(clock) = &self.clock {
                        match clock.timestamp(event_time, value.as_ref()) {
                            Ok(time) => event_time = time,
                            Err(detail) => {
                                let origin = format!("{name} {}@{}", position.partition, position.next);
                                let cause = statefun::DeadLetterCause::Malformed;
                                let letter = DeadLetter { cause, detail, origin, envelope: None, raw: value };
                                self.dead_letter(letter, out);
                                self.advance(position);
                                continue;
                            }
                        }
                    }
                    let origin = || format!("{name} {}@{}", position.partition, position.next);
                    match routes[route as usize].route(key, value, event_time, &origin) {
                        Ok(envelopes) => {
                            for envelope in envelopes {
                                self.send(envelope, out);
                            }
                        }
                        Err(Unroutable(letter)) => self.dead_letter(*letter, out),
                    }
                    if let Some(clock) = &mut self.clock {
                        clock.on_event(&position.partition, event_time);
                    }
                    self.advance(position);
                }
                SourceRecord::Addressed { envelope, ticket, is_urgent } => {
                    let event_time = envelope.event_time;
                    self.send(envelope, out);
                    if let Some(clock) = &mut self.clock {
                        clock.on_event("", event_time);
                    }
                    self.ticket = ticket.or(self.ticket);
                    out.epoch_wanted |= is_urgent;
                }
                SourceRecord::Asked { ask, ticket } => {
                    self.stats.envelopes += 1;
                    let shard = self.groups.shard(ask.envelope.hash);
                    out.shards[usize::from(shard.0)].push(Item::Ask(ask));
                    self.ticket = ticket.or(self.ticket);
                }
                SourceRecord::Position(position) => self.advance(position),
                SourceRecord::Watermark { partition, at } => {
                    if let Some(clock) = &mut self.clock {
                        clock.on_watermark(&partition, at);
                    }
                }
                SourceRecord::Status { partition, idle } => {
                    if let Some(clock) = &mut self.clock {
                        clock.on_status(&partition, idle);
                    }
                }
                SourceRecord::Malformed { detail, raw, position } => {
                    let origin = format!("{} {}@{}", self.name, position.partition, position.next);
                    let cause = statefun::DeadLetterCause::Malformed;
                    self.dead_letter(DeadLetter { cause, detail, origin, envelope: None, raw: Some(raw) }, out);
                    self.advance(position);
                }
            }
        }
        self.close_step(out);
    }

    /// Closes an epoch.
    pub fn on_start(&mut self, marker: Marker, out: &mut Output) {
        if marker.epoch <= self.closed {
            return;
        }
        if let Some(open) = self.cut.as_ref().map(|cut| cut.epoch) {
            // `Start` and the news about the epoch before come in order; this is for a coordinator that lost count.
            if open <= marker.completed { self.on_completed(open, out) } else { self.on_abandoned(open) }
        }
        for items in &mut out.shards {
            items.push(Item::Marker(marker));
        }
        for items in &mut out.sinks {
            items.push(SinkItem::Marker(marker));
        }
        let moved = std::mem::take(&mut self.moved);
        let rows = moved.iter().map(|(partition, next)| {
            let key = RowKey::Position { source: self.name, partition: partition.clone() };
            (key, Some(RowValue::Position(next.clone())))
        });
        let mut rows: Vec<Change> = rows.collect();
        if let Some(row) = self.clock.as_mut().and_then(|clock| clock.take_row()) {
            rows.push((RowKey::Time { participant: self.name.as_str().into() }, Some(RowValue::Time(row))));
        }
        out.part = Some((marker.epoch, rows));
        self.cut = Some(Cut { epoch: marker.epoch, moved, ticket: self.ticket });
    }

    /// An epoch exists.
    pub fn on_completed(&mut self, epoch: Epoch, out: &mut Output) {
        self.closed = self.closed.max(epoch);
        let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) else { return };
        if !cut.moved.is_empty() {
            let positions = cut.moved.into_iter().map(|(partition, next)| Position { partition, next });
            out.events.push(SourceEvent::Committed(positions.collect()));
        }
        if let Some(ticket) = cut.ticket {
            out.events.push(SourceEvent::Durable { ticket });
        }
    }

    /// An epoch will never exist: what it held is dirty again, and those who wait for it wait for the next.
    pub fn on_abandoned(&mut self, epoch: Epoch) {
        self.closed = self.closed.max(epoch);
        let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) else { return };
        for (partition, next) in cut.moved {
            self.moved.entry(partition).or_insert(next);
        }
        if let Some(clock) = &mut self.clock {
            clock.untake_row();
        }
    }

    #[inline]
    fn send(&mut self, mut envelope: Envelope, out: &mut Output) {
        self.stats.envelopes += 1;
        let shard = self.groups.shard(envelope.hash);
        if let Some(clock) = &mut self.clock {
            envelope.hold = clock.judge(envelope.event_time);
            clock.sent(shard, envelope.hold, envelope.event_time);
        }
        out.shards[usize::from(shard.0)].push(Item::Envelope(envelope));
    }

    fn dead_letter(&mut self, letter: DeadLetter, out: &mut Output) {
        self.stats.dead_letters += 1;
        let sink = self.topology.dead_letters();
        out.sinks[usize::from(sink.0)].push(SinkItem::Record(EgressRecord::DeadLetter(Box::new(letter))));
    }

    fn advance(&mut self, position: Position) {
        self.positions.insert(position.partition.clone(), position.next.clone());
        self.moved.insert(position.partition, position.next);
    }
}
