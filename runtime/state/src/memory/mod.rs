//! The live values of one shard.
//!
//! ```text
//!   address ──tables──▶ slot ──slab──▶ cells: value, written since which cut, may the store have it
//!                                        │ first write since the cut
//!                                        ▼
//!                          dirty list ──freeze──▶ frozen list ──encode_slice──▶ part
//! ```
//!
//! [`freeze`](KeyedState::freeze) swaps two lists and turns a parity bit: everything written before it is *frozen*,
//! without touching it. A write to a cell that is frozen and not in the part yet encodes it first. A deletion stays as a
//! tombstone until the epoch that carries it completed; what is born and deleted between two cuts leaves no trace.
//!
//! # Invariants
//! * A cell is in the dirty list exactly when it was written since the last cut, and there once.
//! * A slot is freed only while the frozen list is walked or when an epoch completed, never by a write: whoever holds a
//!   slot may delete one value and write another.

mod live;
mod slab;
mod table;

use std::mem;

use hashbrown::HashMap;
use statefun::function::Live;
use statefun::{Address, Epoch, FunctionType, IdHash, KeyGroups, ProcessingTime, ShardId, Symbol};
use statefun_ports::keyed_state::{EncodedPart, KeyedState, Slot, StateIndex};
use statefun_ports::rows::{Change, Stored};

use crate::part::PartWriter;
use live::LiveValues;
use slab::{Slab, Written};
use table::Tables;

/// The live values of one shard, in memory.
#[derive(Debug)]
pub struct MemoryState {
    participant: String,
    tables: Tables,
    slab: Slab,
    live: LiveValues,
    states: States,
    /// How many addresses have values.
    addresses: usize,
    /// What cells are marked with that are written now.
    now: Written,
    dirty: Vec<CellId>,
    part: Option<Part>,
    /// Which of a run of cells are to be encoded, kept for its buffer.
    are_frozen: Vec<bool>,
}

/// How many entries are looked at ahead of encoding them.
const LOOK_AHEAD: usize = 32;

/// A cell, in lists.
#[derive(Clone, Copy, Debug)]
struct CellId {
    slot: Slot,
    state: StateIndex,
}

/// The part of an epoch, from its freeze until its epoch's fate is known.
#[derive(Debug)]
struct Part {
    epoch: Epoch,
    /// `None` when it was handed out.
    writer: Option<PartWriter>,
    /// Everything that was dirty at the freeze.
    frozen: Vec<CellId>,
    /// How many of those were walked.
    walked: usize,
    /// Those of them that are in the part as tombstones.
    tombstones: Vec<CellId>,
}

/// States of function types and their numbers.
#[derive(Debug, Default)]
struct States {
    names: Vec<Symbol>,
    functions: Vec<FunctionType>,
    index: HashMap<(FunctionType, Symbol), StateIndex>,
}

impl States {
    fn index(&mut self, function: FunctionType, name: Symbol) -> StateIndex {
        *self.index.entry((function, name)).or_insert_with(|| {
            let index = u16::try_from(self.names.len()).ok().filter(|&index| index < u16::MAX);
            self.names.push(name);
            self.functions.push(function);
            StateIndex(index.expect("there are fewer states than names a process may know"))
        })
    }

    fn name(&self, state: StateIndex) -> Symbol {
        self.names[usize::from(state.0)]
    }
}

impl MemoryState {
    /// No values, for a shard of `groups`.
    #[must_use]
    pub fn new(groups: KeyGroups, shard: ShardId) -> Self {
        Self {
            participant: format!("shard-{}", shard.0),
            tables: Tables::new(groups),
            slab: Slab::default(),
            live: LiveValues::default(),
            states: States::default(),
            addresses: 0,
            now: Written::Even,
            dirty: Vec::new(),
            part: None,
            are_frozen: Vec::new(),
        }
    }

    /// How many values were written since the last freeze.
    #[must_use]
    pub fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// The first write to a cell in this epoch, or one that makes or deletes its value.
    fn put_first(&mut self, id: CellId, value: Option<Stored>) {
        // Deleting nothing makes a cell too: only the walk over the dirty list gives up slots.
        self.slab[id.slot].cell_made(id.state);
        self.write(id);
        let entry = &mut self.slab[id.slot];
        let cell = entry.cell_made(id.state);
        let (had, has) = (cell.value.is_some(), value.is_some());
        cell.value = value;
        if had != has && !entry.cells().any(|(state, cell)| state != id.state && cell.value.is_some()) {
            if has { self.addresses += 1 } else { self.addresses -= 1 }
        }
    }

    /// Counts a cell as written now; before, encodes it if it is frozen and not in the part yet.
    fn write(&mut self, id: CellId) {
        let Some(cell) = self.slab[id.slot].cell_mut(id.state).filter(|cell| cell.written != self.now) else { return };
        if cell.written != Written::Never
            && let Some(Part { writer: Some(writer), tombstones, .. }) = &mut self.part
        {
            encode(writer, tombstones, &self.tables, &self.states, (&mut self.slab, &self.live), id);
        }
        self.dirty.push(id);
        if let Some(cell) = self.slab[id.slot].cell_mut(id.state) {
            cell.written = self.now;
        }
    }

    /// Marks a cell as written since the last cut.
    fn mark_dirty(&mut self, id: CellId) {
        let now = self.now;
        if let Some(cell) = self.slab[id.slot].cell_mut(id.state)
            && cell.written != now
        {
            cell.written = now;
            self.dirty.push(id);
        }
    }
}

/// Gives up a cell without value that no part and no store needs, and its slot if it was the last.
fn give_up(slab: &mut Slab, tables: &mut Tables, id: CellId) {
    let entry = &mut slab[id.slot];
    entry.give_up(id.state);
    if entry.is_unused() {
        let hash = entry.address.hash();
        tables.remove(&entry.address, hash, id.slot);
        slab.remove(id.slot);
    }
}

/// Adds a frozen cell to the part; it is written from then on. `false` when there is nothing to write: it was born and
/// deleted between two cuts.
fn encode(
    part: &mut PartWriter,
    tombstones: &mut Vec<CellId>,
    tables: &Tables,
    states: &States,
    (slab, live): (&mut Slab, &LiveValues),
    id: CellId,
) -> bool {
    let entry = &mut slab[id.slot];
    let cell = entry.cell_mut(id.state).expect("a cell is in use until it was encoded");
    cell.written = Written::Never;
    if cell.value.is_none() {
        if !cell.stored {
            return false;
        }
        tombstones.push(id);
    }
    cell.stored = true;
    let cell = entry.cell(id.state).expect("it was there two lines ago");
    let group = tables.group(entry.address.hash());
    let decoded = cell.value.as_ref().and_then(|stored| live.encoded(stored));
    part.value(group, &entry.address, states.name(id.state), decoded.as_ref().or(cell.value.as_ref()));
    true
}

impl KeyedState for MemoryState {
    fn state_index(&mut self, function: FunctionType, name: Symbol) -> StateIndex {
        self.states.index(function, name)
    }

    #[inline]
    fn find(&self, address: &Address, hash: IdHash) -> Option<Slot> {
        self.tables.find(address, hash, |slot| self.slab[slot].address == *address)
    }

    fn find_all<'a>(
        &self,
        addresses: impl Iterator<Item = (&'a Address, IdHash)> + Clone,
        slots: &mut Vec<Option<Slot>>,
    ) {
        // Two passes without anything in between that depends on what they find: a processor goes on to the next
        // address, and asks for its memory, while it waits for that of the one before. First the tables, then the
        // entries they lead to.
        let first = slots.len();
        slots.extend(addresses.clone().map(|(address, hash)| self.tables.guess(address, hash)));
        for (found, (address, hash)) in slots[first..].iter_mut().zip(addresses) {
            let Some(slot) = *found else { continue };
            let entry = &self.slab[slot];
            entry.fetch();
            if entry.address != *address {
                *found = self.find(address, hash);
            }
        }
    }

    #[inline]
    fn slot(&mut self, address: &Address, hash: IdHash) -> Slot {
        if let Some(slot) = self.find(address, hash) {
            return slot;
        }
        let slot = self.slab.insert(address.clone());
        self.tables.insert(address, hash, slot);
        slot
    }

    #[inline]
    fn get(&self, slot: Slot, state: StateIndex) -> Option<&Stored> {
        self.slab[slot].cell(state)?.value.as_ref()
    }

    #[inline]
    fn put(&mut self, slot: Slot, state: StateIndex, value: Option<Stored>) {
        // What most writes are: one more in this epoch to a value that is there and stays.
        if let Some(cell) = self.slab[slot].cell_mut(state)
            && cell.written == self.now
            && cell.value.is_some() == value.is_some()
        {
            cell.value = value;
            return;
        }
        self.put_first(CellId { slot, state }, value);
    }

    #[inline]
    fn take_live(&mut self, slot: Slot, state: StateIndex) -> Live {
        let now = self.now;
        let Some(cell) = self.slab[slot].cell_mut(state).filter(|cell| cell.value.is_some()) else {
            return Live::Absent;
        };
        if cell.written != now {
            self.write(CellId { slot, state });
        }
        let Some(stored) = self.slab[slot].cell(state).and_then(|cell| cell.value.as_ref()) else {
            return Live::Absent;
        };
        match self.live.place(stored) {
            Some(place) => self.live.take(place).map_or(Live::Absent, Live::Decoded),
            None => Live::Encoded(stored.value.clone()),
        }
    }

    #[inline]
    fn put_live(&mut self, slot: Slot, state: StateIndex, value: Live, touched: ProcessingTime) {
        let before = self.slab[slot].cell(state).and_then(|cell| cell.value.as_ref());
        let place = before.and_then(|stored| self.live.place(stored));
        let value = match (value, place) {
            // It was taken from here, which counted it as written.
            (Live::Decoded(value), Some(place)) => return self.live.put(place, value),
            (Live::Decoded(value), None) => Some(self.live.add(value, touched)),
            (Live::Encoded(value), _) => Some(Stored { value, touched }),
            (Live::Absent, _) if before.is_none() => return,
            (Live::Absent, _) => None,
        };
        if let Some(place) = place {
            self.live.remove(place);
        }
        self.put(slot, state, value);
    }

    fn restore(&mut self, address: Address, name: Symbol, value: Stored) {
        let state = self.states.index(address.function, name);
        let hash = address.hash();
        let slot = match self.find(&address, hash) {
            Some(slot) => slot,
            None => {
                let slot = self.slab.insert(address.clone());
                self.tables.insert(&address, hash, slot);
                slot
            }
        };
        let entry = &mut self.slab[slot];
        if !entry.has_values() {
            self.addresses += 1;
        }
        let cell = entry.cell_made(state);
        cell.stored = true;
        cell.value = Some(value);
    }

    fn scan(&self, function: FunctionType, each: &mut dyn FnMut(&Address, Symbol, &Stored) -> bool) {
        for entry in self.slab.iter().filter(|entry| entry.address.function == function) {
            for (state, cell) in entry.cells() {
                let Some(stored) = &cell.value else { continue };
                let decoded = self.live.encoded(stored);
                if !each(&entry.address, self.states.name(state), decoded.as_ref().unwrap_or(stored)) {
                    return;
                }
            }
        }
    }

    fn freeze(&mut self, epoch: Epoch) {
        if let Some(part) = &self.part {
            panic!("{epoch} is frozen while nobody said what became of {}", part.epoch);
        }
        self.now = self.now.next();
        self.part = Some(Part {
            epoch,
            writer: Some(PartWriter::new(&self.participant, epoch)),
            frozen: mem::take(&mut self.dirty),
            walked: 0,
            tombstones: Vec::new(),
        });
    }

    fn record(&mut self, change: &Change) {
        let writer = self.part.as_mut().and_then(|part| part.writer.as_mut());
        writer.expect("a row is recorded while a part is open").change(change);
    }

    fn encode_slice(&mut self, rows_max: usize) -> bool {
        let Some(mut part) = self.part.take() else { return true };
        if let Some(writer) = &mut part.writer {
            let end = part.frozen.len().min(part.walked.saturating_add(rows_max.max(1)));
            for run in part.frozen[part.walked..end].chunks(LOOK_AHEAD) {
                // Looked at in a pass of its own: entries lie anywhere, and so the waits for their memory overlap. What
                // is not frozen is gone, or a write came first and encoded it.
                self.are_frozen.clear();
                self.are_frozen.extend(run.iter().map(|id| {
                    let cell = self.slab[id.slot].cell(id.state);
                    cell.is_some_and(|cell| cell.written != Written::Never && cell.written != self.now)
                }));
                for (&id, _) in run.iter().zip(&self.are_frozen).filter(|(_, is_frozen)| **is_frozen) {
                    let values = (&mut self.slab, &self.live);
                    if !encode(writer, &mut part.tombstones, &self.tables, &self.states, values, id) {
                        give_up(&mut self.slab, &mut self.tables, id);
                    }
                }
            }
            part.walked = end;
        }
        let is_done = part.walked == part.frozen.len();
        self.part = Some(part);
        is_done
    }

    fn finish(&mut self) -> EncodedPart {
        let part = self.part.as_mut().expect("a part is open");
        assert_eq!(part.walked, part.frozen.len(), "rows of {} are left to encode", part.epoch);
        let writer = part.writer.take().expect("a part is handed out once");
        debug_assert_eq!(writer.epoch(), part.epoch);
        writer.finish()
    }

    fn completed(&mut self, epoch: Epoch) {
        let Some(part) = self.part.take_if(|part| part.epoch == epoch && part.writer.is_none()) else { return };
        for id in part.tombstones {
            let is_gone = self.slab[id.slot]
                .cell(id.state)
                .is_some_and(|cell| cell.value.is_none() && cell.written == Written::Never);
            if is_gone {
                give_up(&mut self.slab, &mut self.tables, id);
            }
        }
    }

    fn abandoned(&mut self, epoch: Epoch) {
        let Some(part) = self.part.take_if(|part| part.epoch == epoch) else { return };
        for id in part.frozen {
            self.mark_dirty(id);
        }
    }

    fn addresses(&self) -> usize {
        self.addresses
    }
}

#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod tests;
