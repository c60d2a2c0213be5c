//! A sink's side: what leaves, when, and what is kept until it has left.
//!
//! ```text
//!  record ─▶ outbox entry (seq) ─▶ connector ─▶ published ─▶ gone
//!                 │  row written by the first epoch that finds it here, removed by a tombstone after
//!                 └─ per epoch: handed to the connector only when the epoch that wrote it has completed
//! ```
//!
//! Records that arrive behind a marker wait aside until the last marker is in, so that an epoch's batch is exactly what
//! was sent in it, and sequence numbers follow the order of epochs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hashbrown::HashSet;
use statefun::{DeadLetter, DeadLetterCause, EgressRecord, Epoch, SinkId, Symbol};
use statefun_ports::rows::{Change, RowKey, RowValue};
use statefun_ports::sink::{OutboxRecord, SinkCommand};

use crate::channel::{Marker, Participant, SinkItem, Topology};
use crate::directory::Delivery;

/// What is to be done. The buffers are reused from call to call: the caller drains them.
#[derive(Debug, Default)]
pub struct Output {
    /// Commands for the connector, in order.
    pub commands: Vec<SinkCommand>,
    /// Items for the dead letters.
    pub dead_letters: Vec<SinkItem>,
    /// A part of an epoch.
    pub part: Option<(Epoch, Vec<Change>)>,
    /// Somebody waits for these records to become visible: ask for an epoch.
    pub epoch_wanted: bool,
}

/// Where numbering begins after `closed`, above everything an epoch up to it can have numbered: an outbox that was
/// drained remembers no number, and a number given twice would hide a record from whoever takes it for an idempotency
/// key. Four billion epochs of four billion records each fit.
fn first_seq_after(closed: Epoch) -> u64 {
    (closed.0 << 32) + 1
}

/// See the [module documentation](self).
#[derive(Debug)]
pub struct SinkCore {
    id: SinkId,
    name: Symbol,
    topology: Topology,
    delivery: Delivery,
    outbox: BTreeMap<u64, Entry>,
    bytes: usize,
    next_seq: u64,
    /// The first record that no epoch has written.
    unwritten_from: u64,
    /// The first record that the connector has not been given.
    unpublished_from: u64,
    tombstones: Vec<RowKey>,
    /// Records behind a marker of the open epoch.
    behind: Vec<EgressRecord>,
    cut: Option<Cut>,
    closed: Epoch,
    stats: Stats,
}

/// Counters of a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records received from functions.
    pub records: u64,
    /// Records published.
    pub published: u64,
    /// Records refused for good.
    pub rejected: u64,
}

#[derive(Debug)]
struct Entry {
    record: EgressRecord,
    /// Whether some epoch has written its row.
    written: bool,
}

#[derive(Debug)]
struct Cut {
    epoch: Epoch,
    missing: HashSet<Participant>,
    /// Set when the last marker is in: what is to be undone if the epoch is abandoned.
    sealed: Option<Sealed>,
}

#[derive(Debug)]
struct Sealed {
    unwritten_from: u64,
    end: u64,
    tombstones: Vec<RowKey>,
}

impl SinkCore {
    /// A sink whose outbox holds what a snapshot says it held. `closed` is the newest epoch that exists.
    pub fn new(
        id: SinkId,
        name: Symbol,
        topology: Topology,
        delivery: Delivery,
        restored: Vec<OutboxRecord>,
        closed: Epoch,
    ) -> Self {
        let next_seq = restored.iter().map(|entry| entry.seq + 1).max().unwrap_or(1).max(first_seq_after(closed));
        let bytes = restored.iter().map(|entry| entry.record.footprint()).sum();
        let unpublished_from = restored.iter().map(|entry| entry.seq).min().unwrap_or(next_seq);
        let outbox = restored.into_iter().map(|entry| (entry.seq, Entry { record: entry.record, written: true }));
        Self {
            id,
            name,
            topology,
            delivery,
            outbox: outbox.collect(),
            bytes,
            next_seq,
            unwritten_from: next_seq,
            unpublished_from,
            tombstones: Vec::new(),
            behind: Vec::new(),
            cut: None,
            closed,
            stats: Stats::default(),
        }
    }

    /// Which sink this is.
    #[must_use]
    pub fn id(&self) -> SinkId {
        self.id
    }

    /// The egress's name.
    #[must_use]
    pub fn name(&self) -> Symbol {
        self.name
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Records that are kept because they have not left, and their bytes.
    #[must_use]
    pub fn backlog(&self) -> (usize, usize) {
        (self.outbox.len() + self.behind.len(), self.bytes)
    }

    /// The sequence numbers up to `seq` of records that have not left.
    #[must_use]
    pub fn kept_up_to(&self, seq: u64) -> Vec<u64> {
        self.outbox.range(..=seq).map(|(&seq, _)| seq).collect()
    }

    /// Gives the connector what a snapshot held. Called once, before anything else.
    pub fn resume(&mut self, out: &mut Output) {
        self.publish_up_to(self.next_seq, out);
    }

    /// Gives a connector that took over from a failed one everything that was given and never published. `out` may hold
    /// what there was to do while there was none.
    pub fn resume_all(&mut self, out: &mut Output) {
        if self.delivery == Delivery::None {
            // Nothing is kept, so nothing is given again.
            return;
        }
        // What was to be published meanwhile is kept as well and has its place behind what is older: given as it
        // stands, too, it would be published twice and in the wrong order.
        let mut meanwhile = std::mem::take(&mut out.commands);
        meanwhile.retain(|command| !matches!(command, SinkCommand::Publish(_)));
        self.publish_kept(out);
        out.commands.append(&mut meanwhile);
    }

    fn publish_kept(&mut self, out: &mut Output) {
        let end = self.unpublished_from;
        self.unpublished_from = self.outbox.keys().next().copied().unwrap_or(end).min(end);
        self.publish_up_to(end, out);
        self.publish_at_once(out);
    }

    /// Items of one channel, in order.
    pub fn on_items(&mut self, from: Participant, items: Vec<SinkItem>, out: &mut Output) {
        if self.delivery == Delivery::None {
            self.pass_on(from, items, out);
            return;
        }
        for item in items {
            match item {
                SinkItem::Record(record) => {
                    self.stats.records += 1;
                    let is_behind =
                        self.cut.as_ref().is_some_and(|cut| cut.sealed.is_none() && !cut.missing.contains(&from));
                    if is_behind { self.behind.push(record) } else { self.accept(record, out) }
                }
                SinkItem::Marker(marker) => self.on_marker(from, marker, out),
            }
        }
        self.publish_at_once(out);
    }

    /// Items for a connector that is given everything at once, after which nothing is kept. So no record belongs to an
    /// epoch and none waits behind a marker.
    fn pass_on(&mut self, from: Participant, items: Vec<SinkItem>, out: &mut Output) {
        let mut records = Vec::with_capacity(items.len());
        for item in items {
            match item {
                SinkItem::Record(record) => {
                    records.push(OutboxRecord { seq: self.next_seq, record });
                    self.next_seq += 1;
                }
                SinkItem::Marker(marker) => self.on_marker(from, marker, out),
            }
        }
        self.stats.records += records.len() as u64;
        if !records.is_empty() {
            out.commands.push(SinkCommand::Publish(records));
        }
    }

    fn accept(&mut self, record: EgressRecord, out: &mut Output) {
        out.epoch_wanted |= record.is_urgent();
        self.bytes += record.footprint();
        self.outbox.insert(self.next_seq, Entry { record, written: false });
        self.next_seq += 1;
    }

    fn on_marker(&mut self, from: Participant, marker: Marker, out: &mut Output) {
        if marker.epoch <= self.closed {
            return;
        }
        if let Some(open) = self.cut.as_ref().map(|cut| cut.epoch)
            && open < marker.epoch
        {
            if open <= marker.completed { self.on_completed(open, out) } else { self.on_abandoned(open, out) }
        }
        let missing = || self.topology.inbound_of_sink(self.id).collect();
        let cut = self.cut.get_or_insert_with(|| Cut { epoch: marker.epoch, missing: missing(), sealed: None });
        if cut.epoch != marker.epoch {
            return;
        }
        cut.missing.remove(&from);
        if cut.missing.is_empty() && cut.sealed.is_none() {
            self.seal(marker, out);
        }
    }

    /// The last marker is in: the open batch is the part.
    fn seal(&mut self, marker: Marker, out: &mut Output) {
        let tombstones = std::mem::take(&mut self.tombstones);
        let mut rows: Vec<Change> = tombstones.iter().map(|key| (key.clone(), None)).collect();
        if self.delivery != Delivery::None {
            for (seq, entry) in self.outbox.range_mut(self.unwritten_from..) {
                entry.written = true;
                rows.push((
                    RowKey::Outbox { sink: self.name, seq: *seq },
                    Some(RowValue::Outbox(entry.record.clone())),
                ));
            }
        }
        let sealed = Sealed { unwritten_from: self.unwritten_from, end: self.next_seq, tombstones };
        self.unwritten_from = self.next_seq;
        if let Some(cut) = &mut self.cut {
            cut.sealed = Some(sealed);
        }
        out.part = Some((marker.epoch, rows));
        if self.id != self.topology.dead_letters() {
            out.dead_letters.push(SinkItem::Marker(marker));
        }
        self.accept_behind(out);
    }

    fn accept_behind(&mut self, out: &mut Output) {
        for record in std::mem::take(&mut self.behind) {
            self.accept(record, out);
        }
    }

    /// An epoch exists.
    pub fn on_completed(&mut self, epoch: Epoch, out: &mut Output) {
        self.closed = self.closed.max(epoch);
        let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) else { return };
        let sealed = cut.sealed.expect("an epoch completes only with this sink's part");
        if self.delivery == Delivery::PerEpoch {
            self.publish_up_to(sealed.end, out);
            out.commands.push(SinkCommand::Completed(epoch));
        }
    }

    /// An epoch will never exist: its batch goes in front of the next.
    pub fn on_abandoned(&mut self, epoch: Epoch, out: &mut Output) {
        self.closed = self.closed.max(epoch);
        let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) else { return };
        match cut.sealed {
            Some(sealed) => {
                self.tombstones.extend(sealed.tombstones);
                for (_, entry) in self.outbox.range_mut(sealed.unwritten_from..sealed.end) {
                    entry.written = false;
                }
                self.unwritten_from = sealed.unwritten_from;
            }
            None => self.accept_behind(out),
        }
        // Those who wait for a reply wait for the next epoch.
        out.epoch_wanted |= self.outbox.range(self.unwritten_from..).any(|(_, entry)| entry.record.is_urgent());
        self.publish_at_once(out);
    }

    fn publish_at_once(&mut self, out: &mut Output) {
        if self.delivery != Delivery::PerEpoch {
            self.publish_up_to(self.next_seq, out);
        }
    }

    fn publish_up_to(&mut self, end: u64, out: &mut Output) {
        if self.unpublished_from >= end {
            return;
        }
        let entries = self.outbox.range(self.unpublished_from..end);
        let records: Vec<_> =
            entries.map(|(seq, entry)| OutboxRecord { seq: *seq, record: entry.record.clone() }).collect();
        self.unpublished_from = end;
        if !records.is_empty() {
            out.commands.push(SinkCommand::Publish(records));
        }
    }

    /// The connector published these: they need not be kept.
    pub fn on_published(&mut self, seqs: &[u64]) {
        for seq in seqs {
            self.stats.published += 1;
            self.remove(*seq);
        }
    }

    /// The connector says that these will never be taken: they become dead letters.
    pub fn on_rejected(&mut self, seqs: &[u64], why: &str, out: &mut Output) {
        for seq in seqs {
            let Some(record) = self.remove(*seq) else { continue };
            self.stats.rejected += 1;
            let (envelope, raw) = match record {
                EgressRecord::Kafka(record) => (None, Some(record.value)),
                EgressRecord::Playground { payload, .. } => (None, Some(payload)),
                EgressRecord::Value { value, .. } | EgressRecord::Reply { value, .. } => {
                    (None, Some(value.bytes.to_bytes()))
                }
                // A dead letter that its own keeper refuses has nowhere else to go, and a verdict is for one caller.
                EgressRecord::DeadLetter(_) | EgressRecord::Verdict { .. } => continue,
            };
            let origin = format!("egress {} #{seq}", self.name);
            let letter = DeadLetter { cause: DeadLetterCause::Rejected, detail: why.to_owned(), origin, envelope, raw };
            out.dead_letters.push(SinkItem::Record(EgressRecord::DeadLetter(Box::new(letter))));
        }
    }

    fn remove(&mut self, seq: u64) -> Option<EgressRecord> {
        let entry = self.outbox.remove(&seq)?;
        self.bytes -= entry.record.footprint();
        if entry.written {
            self.tombstones.push(RowKey::Outbox { sink: self.name, seq });
        }
        Some(entry.record)
    }
}
