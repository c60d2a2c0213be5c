//! State and store as sorted maps of nouns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use statefun::{Address, Epoch, FunctionType, IdHash, KeyGroups, ShardId, Symbol};
use statefun_ports::keyed_state::{EncodedPart, KeyedState, Slot, StateIndex};
use statefun_ports::rows::{Change, RowKey, RowValue, Stored};
use statefun_ports::snapshot_store::{Manifest, SnapshotStore, StoreError};

/// The rows of parts, by the number that stands in their bytes.
pub type PartRows = Arc<Mutex<BTreeMap<u64, Vec<Change>>>>;

/// A part whose bytes are the number of its rows' place.
pub fn encode(parts: &PartRows, participant: &str, epoch: Epoch, rows: Vec<Change>) -> EncodedPart {
    let mut parts = parts.lock().expect("one thread");
    let number = parts.last_key_value().map_or(0, |(number, _)| number + 1);
    let part = EncodedPart {
        participant: participant.to_owned(),
        epoch,
        rows: rows.len() as u64,
        chunks: vec![Bytes::copy_from_slice(&number.to_le_bytes())],
    };
    parts.insert(number, rows);
    part
}

type Cell = (Address, Symbol);

/// A shard's values.
pub struct MapState {
    groups: KeyGroups,
    participant: String,
    parts: PartRows,
    addresses: Vec<Address>,
    slots: BTreeMap<Address, Slot>,
    states: Vec<(FunctionType, Symbol)>,
    values: BTreeMap<(u32, StateIndex), Stored>,
    dirty: BTreeSet<(u32, StateIndex)>,
    open: Option<OpenPart>,
}

/// The epoch, its rows so far, and the values that it froze.
type OpenPart = (Epoch, Vec<Change>, BTreeSet<(u32, StateIndex)>);

impl MapState {
    /// No values.
    #[must_use]
    pub fn new(groups: KeyGroups, shard: ShardId, parts: PartRows) -> Self {
        Self {
            groups,
            participant: format!("shard-{}", shard.0),
            parts,
            addresses: Vec::new(),
            slots: BTreeMap::new(),
            states: Vec::new(),
            values: BTreeMap::new(),
            dirty: BTreeSet::new(),
            open: None,
        }
    }

    fn cell(&self, slot: u32, state: StateIndex) -> Cell {
        (self.addresses[slot as usize].clone(), self.states[usize::from(state.0)].1)
    }
}

impl KeyedState for MapState {
    fn state_index(&mut self, function: FunctionType, name: Symbol) -> StateIndex {
        let index = self.states.iter().position(|known| *known == (function, name)).unwrap_or_else(|| {
            self.states.push((function, name));
            self.states.len() - 1
        });
        StateIndex(index as u16)
    }

    fn find(&self, address: &Address, _: IdHash) -> Option<Slot> {
        self.slots.get(address).copied()
    }

    fn slot(&mut self, address: &Address, _: IdHash) -> Slot {
        *self.slots.entry(address.clone()).or_insert_with(|| {
            self.addresses.push(address.clone());
            Slot(self.addresses.len() as u32 - 1)
        })
    }

    fn get(&self, slot: Slot, state: StateIndex) -> Option<&Stored> {
        self.values.get(&(slot.0, state))
    }

    fn put(&mut self, slot: Slot, state: StateIndex, value: Option<Stored>) {
        self.dirty.insert((slot.0, state));
        match value {
            Some(value) => self.values.insert((slot.0, state), value),
            None => self.values.remove(&(slot.0, state)),
        };
    }

    fn restore(&mut self, address: Address, name: Symbol, value: Stored) {
        let state = self.state_index(address.function, name);
        let slot = self.slot(&address, address.hash());
        self.values.insert((slot.0, state), value);
    }

    fn scan(&self, function: FunctionType, each: &mut dyn FnMut(&Address, Symbol, &Stored) -> bool) {
        for ((slot, state), stored) in &self.values {
            let (address, name) = self.cell(*slot, *state);
            if address.function == function && !each(&address, name, stored) {
                return;
            }
        }
    }

    fn freeze(&mut self, epoch: Epoch) {
        assert!(self.open.is_none(), "a part is open already");
        let frozen = std::mem::take(&mut self.dirty);
        let rows = frozen.iter().map(|cell @ (slot, state)| {
            let (address, name) = self.cell(*slot, *state);
            let group = self.groups.group(address.hash());
            (RowKey::Value { group, address, name }, self.values.get(cell).cloned().map(RowValue::Value))
        });
        self.open = Some((epoch, rows.collect(), frozen));
    }

    fn record(&mut self, change: &Change) {
        self.open.as_mut().expect("a part is open").1.push(change.clone());
    }

    fn encode_slice(&mut self, _: usize) -> bool {
        true
    }

    fn finish(&mut self) -> EncodedPart {
        let (epoch, rows, _) = self.open.as_mut().expect("a part is open");
        encode(&self.parts, &self.participant, *epoch, std::mem::take(rows))
    }

    fn completed(&mut self, epoch: Epoch) {
        self.open.take_if(|(open, ..)| *open == epoch);
    }

    fn abandoned(&mut self, epoch: Epoch) {
        if let Some((_, _, frozen)) = self.open.take_if(|(open, ..)| *open == epoch) {
            self.dirty.extend(frozen);
        }
    }

    fn addresses(&self) -> usize {
        self.values.keys().map(|(slot, _)| slot).collect::<BTreeSet<_>>().len()
    }
}

/// Keeps epochs.
#[derive(Default)]
pub struct MapStore {
    parts: PartRows,
    manifest: Option<Manifest>,
    rows: BTreeMap<RowKey, RowValue>,
    failures: u32,
}

impl MapStore {
    /// No epochs.
    #[must_use]
    pub fn new(parts: PartRows) -> Self {
        Self { parts, ..Self::default() }
    }

    /// The next commit fails and leaves nothing behind.
    pub fn fail_next_commit(&mut self) {
        self.failures += 1;
    }
}

fn group_of(key: &RowKey) -> Option<u16> {
    match key {
        RowKey::Value { group, .. }
        | RowKey::Waiting { group, .. }
        | RowKey::Delayed { group, .. }
        | RowKey::Timer { group, .. }
        | RowKey::Idempotency { group, .. } => Some(group.0),
        RowKey::Specs { .. }
        | RowKey::Position { .. }
        | RowKey::Outbox { .. }
        | RowKey::Time { .. }
        | RowKey::Clock { .. } => None,
    }
}

impl SnapshotStore for MapStore {
    fn manifest(&mut self) -> Result<Option<Manifest>, StoreError> {
        Ok(self.manifest)
    }

    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError> {
        if self.failures > 0 {
            self.failures -= 1;
            let attempt = format!("commit {}", manifest.epoch);
            return Err(StoreError::Io { attempt, cause: "told to fail".to_owned() });
        }
        let mut rows = self.parts.lock().expect("one thread");
        for part in parts {
            let number = u64::from_le_bytes(part.chunks[0].as_ref().try_into().expect("a number"));
            for (key, value) in rows.remove(&number).unwrap_or_default() {
                match value {
                    Some(value) => self.rows.insert(key, value),
                    None => self.rows.remove(&key),
                };
            }
        }
        self.manifest = Some(manifest);
        Ok(())
    }

    fn load(&mut self, groups: Range<u16>, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        let rows = self.rows.iter().filter(|(key, _)| group_of(key).is_some_and(|group| groups.contains(&group)));
        rows.for_each(|(key, value)| each(key.clone(), value.clone()));
        Ok(())
    }

    fn load_system(&mut self, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        let rows = self.rows.iter().filter(|(key, _)| group_of(key).is_none());
        rows.for_each(|(key, value)| each(key.clone(), value.clone()));
        Ok(())
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
}
