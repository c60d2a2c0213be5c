//! A vector whose entries keep their index until they are removed.

use serde::{Deserialize, Serialize};

/// Entries under stable indexes. Freed indexes are used again, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, entry: T) -> u32 {
        if let Some(index) = self.free.pop() {
            self.entries[index as usize] = Some(entry);
            return index;
        }
        let index = u32::try_from(self.entries.len()).expect("partial matches are capped far below 2^32 entries");
        self.entries.push(Some(entry));
        index
    }

    pub(super) fn get(&self, index: u32) -> &T {
        self.entries[index as usize].as_ref().expect("an entry lives as long as it is referenced")
    }

    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        self.entries[index as usize].as_mut().expect("an entry lives as long as it is referenced")
    }

    pub(super) fn remove(&mut self, index: u32) -> T {
        let entry = self.entries[index as usize].take().expect("an entry is removed once");
        self.free.push(index);
        if self.free.len() == self.entries.len() {
            // All gone: forget the order in which indexes were freed, so that a quiet key is small again.
            self.entries.clear();
            self.free.clear();
        }
        entry
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
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
