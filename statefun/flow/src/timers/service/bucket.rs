//! The timers of one moment.

/// Notes what was set and deleted; the last note about a key counts.
#[derive(Clone, Debug)]
pub(super) struct Bucket<K> {
    notes: Vec<Note<K>>,
    /// Up to here the notes are sorted, one per key, and none of them is a deletion.
    settled: usize,
}

#[derive(Clone, Debug)]
struct Note<K> {
    key: K,
    set: bool,
}

/// How many notes a bucket takes before they are worth sorting.
const UNSETTLED_MIN: usize = 1024;

impl<K> Default for Bucket<K> {
    fn default() -> Self {
        Self { notes: Vec::new(), settled: 0 }
    }
}

impl<K: Ord> Bucket<K> {
    /// A bucket of keys in ascending order.
    pub(super) fn of(keys: Vec<K>) -> Self {
        let notes: Vec<_> = keys.into_iter().map(|key| Note { key, set: true }).collect();
        Self { settled: notes.len(), notes }
    }

    pub(super) fn set(&mut self, key: K) {
        self.note(Note { key, set: true });
    }

    pub(super) fn delete(&mut self, key: K) {
        self.note(Note { key, set: false });
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.settle();
        self.notes.is_empty()
    }

    /// The keys in ascending order.
    pub(super) fn into_keys(mut self) -> Vec<K> {
        self.settle();
        self.notes.into_iter().map(|note| note.key).collect()
    }

    fn note(&mut self, note: Note<K>) {
        self.notes.push(note);
        // A key that sets and deletes all the time must not fill the memory; sorting at every doubling keeps that cheap.
        if self.notes.len() > 2 * self.settled + UNSETTLED_MIN {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if self.settled == self.notes.len() {
            return;
        }
        // Stable: the notes about a key stay in order.
        self.notes.sort_by(|a, b| a.key.cmp(&b.key));
        let mut kept = 0;
        for index in 0..self.notes.len() {
            let superseded = self.notes.get(index + 1).is_some_and(|next| next.key == self.notes[index].key);
            if !superseded && self.notes[index].set {
                self.notes.swap(kept, index);
                kept += 1;
            }
        }
        self.notes.truncate(kept);
        self.settled = kept;
    }

    #[cfg(test)]
    pub(super) fn notes(&self) -> usize {
        self.notes.len()
    }
}
