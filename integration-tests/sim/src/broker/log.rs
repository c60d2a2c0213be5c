//! A partition: records in order, some of them in transactions whose fate is open.

/// What became of the transaction that a record is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody knows yet, or the partition has not heard.
    Open,
    /// Readers of committed records see it.
    Committed,
    /// They never will.
    Aborted,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    fate: Fate,
    record: T,
}

/// See the [module documentation](self).
#[derive(Clone, Debug)]
pub(super) struct Log<T> {
    entries: Vec<Entry<T>>,
    /// The first entry whose fate is open, or the end: readers of committed records come no further.
    stable: usize,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), stable: 0 }
    }
}

impl<T> Log<T> {
    /// Adds a record of the transaction that is open.
    pub(super) fn append(&mut self, record: T) {
        self.entries.push(Entry { fate: Fate::Open, record });
    }

    /// Hears how the open transaction ended. There is never more than one.
    pub(super) fn decide(&mut self, fate: Fate) {
        for entry in &mut self.entries[self.stable..] {
            if entry.fate == Fate::Open {
                entry.fate = fate;
            }
        }
        self.stable = self.entries.len();
    }

    /// Whether it waits to hear how a transaction ended.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        self.stable < self.entries.len()
    }

    /// What readers of committed records see, in order.
    pub(super) fn committed(&self) -> impl DoubleEndedIterator<Item = &T> {
        let stable = self.entries[..self.stable].iter();
        stable.filter(|entry| entry.fate == Fate::Committed).map(|entry| &entry.record)
    }

    /// Keeps of the stable records only those that were committed and that `is_newest` holds for, asked from the end.
    pub(super) fn compact(&mut self, mut is_newest: impl FnMut(&T) -> bool) {
        let mut kept = Vec::new();
        let open = self.entries.split_off(self.stable);
        for entry in std::mem::take(&mut self.entries).into_iter().rev() {
            if entry.fate == Fate::Committed && is_newest(&entry.record) {
                kept.push(entry);
            }
        }
        kept.reverse();
        self.stable = kept.len();
        kept.extend(open);
        self.entries = kept;
    }
}
