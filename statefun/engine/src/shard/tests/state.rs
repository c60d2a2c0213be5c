//! A keyed state that keeps rows as nouns, so that scenarios can look at what a part holds.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use statefun::{Address, Epoch, FunctionType, IdHash, KeyGroups, Symbol};
use statefun_ports::keyed_state::{EncodedPart, KeyedState, Slot, StateIndex};
use statefun_ports::rows::{Change, RowKey, RowValue, Stored};

/// The rows of every part that was handed out.
pub(super) type Parts = Rc<RefCell<BTreeMap<Epoch, Vec<Change>>>>;

pub(super) struct MapState {
    groups: KeyGroups,
    addresses: Vec<Address>,
    states: Vec<(FunctionType, Symbol)>,
    values: BTreeMap<(u32, StateIndex), Stored>,
    dirty: BTreeSet<(u32, StateIndex)>,
    open: Option<Open>,
    parts: Parts,
}

struct Open {
    epoch: Epoch,
    rows: Vec<Change>,
    written: BTreeSet<(u32, StateIndex)>,
}

impl MapState {
    pub(super) fn new(groups: KeyGroups, parts: Parts) -> Self {
        Self {
            groups,
            addresses: Vec::new(),
            states: Vec::new(),
            values: BTreeMap::new(),
            dirty: BTreeSet::new(),
            open: None,
            parts,
        }
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
        self.addresses.iter().position(|known| known == address).map(|slot| Slot(slot as u32))
    }

    fn slot(&mut self, address: &Address, hash: IdHash) -> Slot {
        self.find(address, hash).unwrap_or_else(|| {
            self.addresses.push(address.clone());
            Slot(self.addresses.len() as u32 - 1)
        })
    }

    fn get(&self, slot: Slot, state: StateIndex) -> Option<&Stored> {
        self.values.get(&(slot.0, state))
    }

    fn put(&mut self, slot: Slot, state: StateIndex, value: Option<Stored>) {
        let key = (slot.0, state);
        self.dirty.insert(key);
        match value {
            Some(value) => self.values.insert(key, value),
            None => self.values.remove(&key),
        };
    }

    fn restore(&mut self, address: Address, name: Symbol, value: Stored) {
        let state = self.state_index(address.function, name);
        let slot = self.slot(&address, address.hash());
        self.values.insert((slot.0, state), value);
    }

    fn scan(&self, function: FunctionType, each: &mut dyn FnMut(&Address, Symbol, &Stored) -> bool) {
        for ((slot, state), stored) in &self.values {
            let (owner, name) = self.states[usize::from(state.0)];
            if owner == function && !each(&self.addresses[*slot as usize], name, stored) {
                return;
            }
        }
    }

    fn freeze(&mut self, epoch: Epoch) {
        assert!(self.open.is_none(), "a part is open already");
        let written = std::mem::take(&mut self.dirty);
        let rows = written.iter().map(|key @ (slot, state)| {
            let address = self.addresses[*slot as usize].clone();
            let group = self.groups.group(address.hash());
            let row = RowKey::Value { group, address, name: self.states[usize::from(state.0)].1 };
            (row, self.values.get(key).cloned().map(RowValue::Value))
        });
        self.open = Some(Open { epoch, rows: rows.collect(), written });
    }

    fn record(&mut self, change: &Change) {
        self.open.as_mut().expect("a part is open").rows.push(change.clone());
    }

    fn encode_slice(&mut self, _: usize) -> bool {
        true
    }

    fn finish(&mut self) -> EncodedPart {
        let open = self.open.as_mut().expect("a part is open");
        let rows = std::mem::take(&mut open.rows);
        let part =
            EncodedPart { participant: String::new(), epoch: open.epoch, rows: rows.len() as u64, chunks: Vec::new() };
        self.parts.borrow_mut().insert(open.epoch, rows);
        part
    }

    fn completed(&mut self, epoch: Epoch) {
        self.open.take_if(|open| open.epoch == epoch);
    }

    fn abandoned(&mut self, epoch: Epoch) {
        if let Some(open) = self.open.take_if(|open| open.epoch == epoch) {
            self.dirty.extend(open.written);
        }
    }

    fn addresses(&self) -> usize {
        self.values.keys().map(|(slot, _)| slot).collect::<BTreeSet<_>>().len()
    }
}
