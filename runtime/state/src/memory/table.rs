//! From an address to its slot.
//!
//! One hash table per key group, so that growth rehashes one small table and not all of them at once. An element is
//! eight bytes: the slot and half of the hash, which spares most comparisons of addresses and every look at them when a
//! table grows.
//!
//! Elements that collide stand side by side (linear probing), so that a look-up waits for one line of memory and not, as
//! with control bytes apart from the elements, for two, the second of which it cannot ask for before it has the first.
//!
//! Nothing ever iterates over these tables, so neither hashes nor the order of interning reach an output.

use statefun::{Address, FunctionType, IdHash, KeyGroup, KeyGroups};
use statefun_ports::keyed_state::Slot;

/// Tables of the key groups; those of other shards' groups stay empty and take no memory to speak of.
#[derive(Debug)]
pub(super) struct Tables {
    groups: KeyGroups,
    tables: Vec<Table>,
}

/// The addresses of one key group.
#[derive(Debug)]
struct Table {
    /// A power of two of them, at least a quarter empty.
    elements: Box<[Element]>,
    /// How many are not empty.
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    hash: u32,
    slot: u32,
}

const EMPTY: Element = Element { hash: 0, slot: u32::MAX };
const LEN_MIN: usize = 8;

impl Tables {
    pub(super) fn new(groups: KeyGroups) -> Self {
        Self { groups, tables: (0..groups.count()).map(|_| Table::new(LEN_MIN)).collect() }
    }

    pub(super) fn group(&self, hash: IdHash) -> KeyGroup {
        self.groups.group(hash)
    }

    #[inline]
    pub(super) fn find(&self, address: &Address, hash: IdHash, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        self.table(hash).find(part(address.function, hash), is)
    }

    /// Where the values of an address probably are, without a look at them: one look in four billion finds those of
    /// another address.
    #[inline]
    pub(super) fn guess(&self, address: &Address, hash: IdHash) -> Option<Slot> {
        self.table(hash).find(part(address.function, hash), |_| true)
    }

    /// Adds an address that is not there.
    pub(super) fn insert(&mut self, address: &Address, hash: IdHash, slot: Slot) {
        self.table_mut(hash).insert(Element { hash: part(address.function, hash), slot: slot.0 });
    }

    pub(super) fn remove(&mut self, address: &Address, hash: IdHash, slot: Slot) {
        self.table_mut(hash).remove(part(address.function, hash), slot);
    }

    #[inline]
    fn table(&self, hash: IdHash) -> &Table {
        &self.tables[usize::from(self.groups.group(hash).0)]
    }

    fn table_mut(&mut self, hash: IdHash) -> &mut Table {
        &mut self.tables[usize::from(self.groups.group(hash).0)]
    }
}

impl Table {
    fn new(len: usize) -> Self {
        Self { elements: vec![EMPTY; len].into_boxed_slice(), len: 0 }
    }

    /// Where the search for a hash begins.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        (spread(hash) >> 32) as usize & (self.elements.len() - 1)
    }

    #[inline]
    fn next(&self, position: usize) -> usize {
        (position + 1) & (self.elements.len() - 1)
    }

    #[inline]
    fn find(&self, hash: u32, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        let mut position = self.home(hash);
        loop {
            let element = self.elements[position];
            if element.slot == EMPTY.slot {
                return None;
            }
            if element.hash == hash && is(Slot(element.slot)) {
                return Some(Slot(element.slot));
            }
            position = self.next(position);
        }
    }

    fn insert(&mut self, element: Element) {
        assert_ne!(element.slot, EMPTY.slot, "a shard's memory ends before its slots do");
        if (self.len + 1) * 4 > self.elements.len() * 3 {
            let mut larger = Self::new(self.elements.len() * 2);
            self.elements
                .iter()
                .filter(|element| element.slot != EMPTY.slot)
                .for_each(|element| larger.place(*element));
            *self = larger;
        }
        self.place(element);
    }

    fn place(&mut self, element: Element) {
        let mut position = self.home(element.hash);
        while self.elements[position].slot != EMPTY.slot {
            position = self.next(position);
        }
        self.elements[position] = element;
        self.len += 1;
    }

    /// Takes an element out and moves those behind it up, as far as they may stand there: no search for one of them may
    /// meet a gap (Knuth, The Art of Computer Programming, volume 3, algorithm 6.4 R).
    fn remove(&mut self, hash: u32, slot: Slot) {
        let mut gap = self.home(hash);
        while self.elements[gap].slot != slot.0 {
            if self.elements[gap].slot == EMPTY.slot {
                return;
            }
            gap = self.next(gap);
        }
        self.len -= 1;
        let mask = self.elements.len() - 1;
        let mut position = self.next(gap);
        while self.elements[position].slot != EMPTY.slot {
            let from_home = position.wrapping_sub(self.home(self.elements[position].hash)) & mask;
            if from_home >= position.wrapping_sub(gap) & mask {
                self.elements[gap] = self.elements[position];
                gap = position;
            }
            position = self.next(position);
        }
        self.elements[gap] = EMPTY;
    }
}

/// The upper half: the lower one chose the key group and is much the same for all of a table's elements. Functions of
/// one id share its hash, so the function is mixed in.
#[inline]
fn part(function: FunctionType, hash: IdHash) -> u32 {
    (hash.0 >> 32) as u32 ^ (function.index() as u32).wrapping_mul(0x9e37_79b9)
}

/// Moves what tells elements apart to the upper half (Fibonacci hashing).
#[inline]
fn spread(part: u32) -> u64 {
    u64::from(part).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, so that many collide and runs wrap round the end.
        #[test]
        fn a_table_is_a_map(steps in prop::collection::vec((any::<bool>(), 0u32..24), 0..300)) {
            let hash_of = |key: u32| (key % 5).wrapping_mul(0x1357_9bdf);
            let mut table = Table::new(LEN_MIN);
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (insert, key) in steps {
                match (insert, model.contains_key(&key)) {
                    (true, false) => {
                        table.insert(Element { hash: hash_of(key), slot: key });
                        model.insert(key, key);
                    }
                    (false, true) => {
                        table.remove(hash_of(key), Slot(key));
                        model.remove(&key);
                    }
                    (true, true) | (false, false) => {}
                }
                prop_assert_eq!(table.len, model.len());
                for key in 0..24 {
                    let found = table.find(hash_of(key), |slot| slot.0 == key);
                    prop_assert_eq!(found.is_some(), model.contains_key(&key));
                }
            }
        }
    }

    #[test]
    fn neighbouring_hashes_spread_over_the_table() {
        let mut table = Table::new(1024);
        (0..512).for_each(|key| table.place(Element { hash: key, slot: key }));
        let longest = (0..512u32)
            .map(|key| {
                let mut steps = 0;
                table.find(key, |_| true).unwrap();
                let mut position = table.home(key);
                while table.elements[position].slot != key {
                    position = table.next(position);
                    steps += 1;
                }
                steps
            })
            .max();
        assert!(longest.unwrap() < 64, "{longest:?}");
    }
}
