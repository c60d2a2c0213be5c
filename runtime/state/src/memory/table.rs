//! From an address to its slot.
//!
//! One hash table per key group, so that growth rehashes one small table and not all of them at once. An element is
//! eight bytes: the slot and half of the hash, which spares most comparisons of addresses and every look at them when a
//! table grows.
//!
//! Nothing ever iterates over these tables, so neither hashes nor the order of interning reach an output.

use hashbrown::HashTable;
use statefun::{Address, FunctionType, IdHash, KeyGroup, KeyGroups};
use statefun_ports::keyed_state::Slot;

/// Tables of the key groups; those of other shards' groups stay empty and take no memory to speak of.
#[derive(Debug)]
pub(super) struct Tables {
    groups: KeyGroups,
    tables: Vec<HashTable<Element>>,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    hash: u32,
    slot: u32,
}

impl Tables {
    pub(super) fn new(groups: KeyGroups) -> Self {
        Self { groups, tables: (0..groups.count()).map(|_| HashTable::new()).collect() }
    }

    pub(super) fn group(&self, hash: IdHash) -> KeyGroup {
        self.groups.group(hash)
    }

    #[inline]
    pub(super) fn find(&self, address: &Address, hash: IdHash, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        let part = part(address.function, hash);
        let table = &self.tables[usize::from(self.groups.group(hash).0)];
        table.find(spread(part), |element| element.hash == part && is(Slot(element.slot))).map(|found| Slot(found.slot))
    }

    /// Adds an address that is not there.
    pub(super) fn insert(&mut self, address: &Address, hash: IdHash, slot: Slot) {
        let part = part(address.function, hash);
        let table = &mut self.tables[usize::from(self.groups.group(hash).0)];
        table.insert_unique(spread(part), Element { hash: part, slot: slot.0 }, |element| spread(element.hash));
    }

    pub(super) fn remove(&mut self, address: &Address, hash: IdHash, slot: Slot) {
        let part = part(address.function, hash);
        let table = &mut self.tables[usize::from(self.groups.group(hash).0)];
        if let Ok(found) = table.find_entry(spread(part), |element| element.slot == slot.0) {
            found.remove();
        }
    }
}

/// The upper half: the lower one chose the key group and is much the same for all of a table's elements. Functions of
/// one id share its hash, so the function is mixed in.
#[inline]
fn part(function: FunctionType, hash: IdHash) -> u32 {
    (hash.0 >> 32) as u32 ^ (function.index() as u32).wrapping_mul(0x9e37_79b9)
}

/// The table takes its bucket from the low bits and its tag from the high ones.
#[inline]
fn spread(part: u32) -> u64 {
    u64::from(part).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
