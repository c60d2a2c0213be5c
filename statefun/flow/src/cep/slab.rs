//! A vector whose entries keep their index until they are removed.

use serde::{Deserialize, Serialize};

/// Entries under stable indexes. Freed indexes are used again, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The slot freed last.
    free: Option<u32>,
    used: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Slot<T> {
    Used(T),
    /// The slot freed before this one.
    Free(Option<u32>),
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: None, used: 0 }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, entry: T) -> u32 {
        self.used += 1;
        if let Some(index) = self.free {
            let slot = &mut self.slots[index as usize];
            if let Slot::Free(next) = std::mem::replace(slot, Slot::Used(entry)) {
                self.free = next;
            }
            return index;
        }
        let index = u32::try_from(self.slots.len()).expect("partial matches are capped far below 2^32 entries");
        self.slots.push(Slot::Used(entry));
        index
    }

    pub(super) fn get(&self, index: u32) -> &T {
        match &self.slots[index as usize] {
            Slot::Used(entry) => entry,
            Slot::Free(_) => unreachable!("an entry lives as long as it is referenced"),
        }
    }

    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        match &mut self.slots[index as usize] {
            Slot::Used(entry) => entry,
            Slot::Free(_) => unreachable!("an entry lives as long as it is referenced"),
        }
    }

    pub(super) fn remove(&mut self, index: u32) -> T {
        let Slot::Used(entry) = std::mem::replace(&mut self.slots[index as usize], Slot::Free(self.free)) else {
            unreachable!("an entry is removed once")
        };
        self.free = Some(index);
        self.used -= 1;
        if self.used == 0 {
            // All gone: forget the order in which slots were freed, so that a quiet key is small again.
            self.slots.clear();
            self.free = None;
        }
        entry
    }

    pub(super) fn len(&self) -> usize {
        self.used as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_its_index_while_others_come_and_go() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        slab.remove(a);
        let c = slab.insert('c');
        assert_eq!((*slab.get(b), *slab.get(c), c), ('b', 'c', a));
        assert_eq!(slab.len(), 2);
    }

    #[test]
    fn an_emptied_slab_is_like_a_new_one() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        slab.remove(a);
        slab.remove(b);
        assert_eq!(slab, Slab::default());
    }
}
