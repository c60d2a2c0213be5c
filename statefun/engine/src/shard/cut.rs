//! A shard's side of a consistent snapshot.
//!
//! The coordinator starts an [`Epoch`] at the sources; [`Marker`]s then travel the same FIFO channels as envelopes. On
//! the first marker everything is frozen at that instant: values, waiting and running messages, delayed messages, the
//! backlog. The marker goes on to everybody this shard sends to, behind all it sent before. Until the last marker only
//! recordings are added: an envelope that arrives on a channel whose marker is missing is recorded *and* handled.
//!
//! # Invariants
//! * A part is handed out at most once per epoch.
//! * An envelope sent ahead of a marker is in the receiver's frozen state or in its recording: never both, never neither.
//! * What an abandoned epoch wrote is dirty again; its tombstones are written again.

use hashbrown::HashSet;
use statefun::{Address, Epoch, EventTime, FunctionType, Id, IdHash, RequestId};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::{RowKey, RowValue};

use super::activation::{Durable, Queued};
use super::delayed::DelayedKey;
use super::idempotency::RequestsCut;
use super::{Output, Shard};
use crate::channel::{Item, Marker, Participant, SinkItem};

/// Timers whose rows an epoch wrote, by function type.
type WrittenTimers = Vec<(FunctionType, Vec<(EventTime, Id)>)>;

/// An epoch that this shard has frozen and that is neither completed nor abandoned.
pub(super) struct Cut {
    epoch: Epoch,
    /// Channels whose marker is missing.
    missing: HashSet<Participant>,
    stage: Stage,
    /// What is to be undone if the epoch is abandoned.
    tombstones: Vec<RowKey>,
    delayed: Vec<DelayedKey>,
    specs: Vec<FunctionType>,
    timers: WrittenTimers,
    /// Whether it wrote how far time had come.
    time: bool,
    requests: RequestsCut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Rows are being encoded, or markers are missing.
    Open,
    /// The part was handed out; its epoch's fate is open.
    HandedOut,
}

impl Cut {
    /// Whether an envelope of a channel must be recorded: it was sent ahead of a marker which is still on its way.
    pub(super) fn records(&self, from: Participant) -> bool {
        self.stage == Stage::Open && self.missing.contains(&from)
    }

    pub(super) fn has_work(&self) -> bool {
        self.stage == Stage::Open && self.missing.is_empty()
    }
}

impl<S: KeyedState> Shard<S> {
    pub(super) fn on_marker(&mut self, from: Participant, marker: Marker, out: &mut Output) {
        if marker.epoch <= self.closed {
            return;
        }
        if let Some(open) = self.cut.as_ref().map(|cut| cut.epoch)
            && open < marker.epoch
        {
            // The marker overtook the news: the coordinator never has two epochs open.
            if open <= marker.completed { self.on_completed(open) } else { self.on_abandoned(open) }
        }
        if self.cut.is_none() {
            self.freeze(marker, out);
        }
        if let Some(cut) = &mut self.cut
            && cut.epoch == marker.epoch
        {
            cut.missing.remove(&from);
        }
    }

    fn freeze(&mut self, marker: Marker, out: &mut Output) {
        let epoch = marker.epoch;
        // Everything sent so far is ahead of the marker in its channel.
        for (shard, items) in out.shards.iter_mut().enumerate() {
            if shard != usize::from(self.id.0) {
                items.push(Item::Marker(marker));
            }
        }
        for items in &mut out.sinks {
            items.push(SinkItem::Marker(marker));
        }

        self.expire_requests();
        self.state.freeze(epoch);
        let tombstones = std::mem::take(&mut self.tombstones);
        for key in &tombstones {
            self.state.record(&(key.clone(), None));
        }
        let durable = Durable::In(epoch);
        for address in std::mem::take(&mut self.fresh) {
            let Some(activation) = self.activations.get_mut(&address) else { continue };
            activation.fresh = false;
            for queued in activation.queue.iter_mut().filter(|queued| queued.durable == Durable::No) {
                queued.durable = durable;
                record_waiting(&mut self.state, self.groups, queued);
            }
        }
        for queued in self.backlog.iter_mut().filter(|queued| queued.durable == Durable::No) {
            queued.durable = durable;
            record_waiting(&mut self.state, self.groups, queued);
        }
        let state = &mut self.state;
        let delayed = self.delayed.write_fresh(durable, |key, message| {
            state.record(&(key, Some(RowValue::Delayed(message.clone()))));
        });
        let mut specs = Vec::new();
        for entry in self.types.iter_mut().filter(|entry| entry.specs_dirty) {
            entry.specs_dirty = false;
            specs.push(entry.function);
            let declared = entry.states.iter().map(|state| state.spec).collect();
            self.state.record(&(RowKey::Specs { function: entry.function }, Some(RowValue::Specs(declared))));
        }
        let requests = self.write_requests(epoch);
        self.time.freezes(epoch);
        let (timers, time) = self.write_time(durable);
        let missing = self.topology.inbound_of_shard(self.id).collect();
        self.cut = Some(Cut { epoch, missing, stage: Stage::Open, tombstones, delayed, specs, requests, timers, time });
    }

    /// Writes timers that no epoch has written, and how far time has come if that changed.
    fn write_time(&mut self, durable: Durable) -> (WrittenTimers, bool) {
        let (state, groups) = (&mut self.state, self.groups);
        let mut timers = Vec::new();
        for entry in self.types.iter_mut() {
            let Some(time) = &mut entry.time else { continue };
            let function = entry.function;
            let written = time.timers.write_fresh(durable, |at, id, domain| {
                let group = groups.group(IdHash::of(id));
                let key = RowKey::Timer { group, address: Address::new(function, id.clone()), at };
                state.record(&(key, Some(RowValue::Timer(domain))));
            });
            if !written.is_empty() {
                timers.push((function, written));
            }
        }
        let row = self.take_time_row();
        let is_written = row.is_some();
        if let Some(row) = row {
            let key = RowKey::Time { participant: format!("shard-{}", self.id.0).into() };
            self.state.record(&(key, Some(RowValue::Time(row))));
        }
        (timers, is_written)
    }

    /// Records an envelope that was sent ahead of a marker which is still on its way.
    pub(super) fn record_if_open(&mut self, from: Participant, queued: &mut Queued) {
        if let Some(epoch) = self.recording_of(from) {
            queued.durable = Durable::In(epoch);
            record_waiting(&mut self.state, self.groups, queued);
        }
    }

    /// The epoch to which what arrives on a channel still belongs.
    pub(super) fn recording_of(&self, from: Participant) -> Option<Epoch> {
        self.cut.as_ref().filter(|cut| cut.records(from)).map(|cut| cut.epoch)
    }

    /// A request was written after the epoch was cut, for it had been sent before.
    pub(super) fn note_recorded_request(&mut self, request: RequestId) {
        if let Some(cut) = &mut self.cut {
            cut.requests.note(request);
        }
    }

    /// Encodes a slice of the frozen rows; hands the part out when it is complete.
    pub(super) fn advance_part(&mut self, out: &mut Output) {
        let Some(cut) = &mut self.cut else { return };
        if cut.stage != Stage::Open {
            return;
        }
        let encoded = self.state.encode_slice(self.options.rows_per_slice);
        if encoded && cut.missing.is_empty() {
            cut.stage = Stage::HandedOut;
            let mut part = self.state.finish();
            debug_assert_eq!(part.epoch, cut.epoch);
            part.participant = format!("shard-{}", self.id.0);
            out.parts.push(part);
        }
    }

    pub(super) fn on_completed(&mut self, epoch: Epoch) {
        self.closed = self.closed.max(epoch);
        if let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) {
            self.state.completed(epoch);
            self.requests_completed(cut.requests);
        }
    }

    pub(super) fn on_abandoned(&mut self, epoch: Epoch) {
        self.closed = self.closed.max(epoch);
        let Some(cut) = self.cut.take_if(|cut| cut.epoch == epoch) else { return };
        self.state.abandoned(epoch);
        self.tombstones.extend(cut.tombstones);
        self.delayed.unwrite(cut.delayed);
        self.requests_abandoned(epoch, cut.requests);
        for function in cut.specs {
            self.types.met(function).specs_dirty = true;
        }
        for (function, written) in cut.timers {
            if let Some(time) = &mut self.types.met(function).time {
                time.timers.unwrite(written);
            }
        }
        if cut.time {
            self.untake_time_row();
        }
        let durable = Durable::In(epoch);
        // Rare, so it may look at everything that waits instead of noting what was written where.
        for queued in self.backlog.iter_mut().filter(|queued| queued.durable == durable) {
            queued.durable = Durable::No;
        }
        for (address, activation) in &mut self.activations {
            for queued in activation.queue.iter_mut().filter(|queued| queued.durable == durable) {
                queued.durable = Durable::No;
                if !activation.fresh {
                    activation.fresh = true;
                    self.fresh.push(address.clone());
                }
            }
        }
        // The map's order is arbitrary; the list's must not be.
        self.fresh.sort_unstable();
    }
}

fn record_waiting(state: &mut impl KeyedState, groups: statefun::KeyGroups, queued: &Queued) {
    let key = RowKey::Waiting { group: groups.group(queued.envelope.hash), seq: queued.seq };
    state.record(&(key, Some(RowValue::Waiting(queued.envelope.clone()))));
}
