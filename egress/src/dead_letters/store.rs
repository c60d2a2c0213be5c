use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use statefun::DeadLetter;
use tokio::sync::mpsc;

/// How many letters are kept; newer ones displace the oldest.
pub const CAPACITY: usize = 10_000;

/// The newest dead letters.
#[derive(Debug, Default)]
pub struct DeadLetters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    letters: BTreeMap<u64, DeadLetter>,
    displaced: u64,
    /// To the sink that runs now.
    released: Option<mpsc::UnboundedSender<u64>>,
}

/// A dead letter and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLetter {
    /// Ascending, the same after a crash.
    pub seq: u64,
    /// The letter.
    pub letter: DeadLetter,
}

impl DeadLetters {
    /// No letters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Up to `limit` letters with numbers above `after`, oldest first.
    #[must_use]
    pub fn list(&self, after: Option<u64>, limit: usize) -> Vec<KeptLetter> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let inner = self.inner();
        let letters = inner.letters.range((lower, Bound::Unbounded)).take(limit);
        letters.map(|(seq, letter)| KeptLetter { seq: *seq, letter: letter.clone() }).collect()
    }

    /// One letter.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<DeadLetter> {
        self.inner().letters.get(&seq).cloned()
    }

    /// Forgets a letter, for good once the next epoch completes; whether there was one.
    pub fn remove(&self, seq: u64) -> bool {
        let mut inner = self.inner();
        let removed = inner.letters.remove(&seq).is_some();
        if let (true, Some(released)) = (removed, &inner.released) {
            // A sink that ends right now leaves the letter to the next one: it is seen again, not lost.
            let _ = released.send(seq);
        }
        removed
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner().letters.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were displaced by newer ones since the process began.
    #[must_use]
    pub fn displaced(&self) -> u64 {
        self.inner().displaced
    }

    /// A sink begins: it is given everything again that the snapshot owes.
    pub(super) fn begin(&self) -> mpsc::UnboundedReceiver<u64> {
        let (released, removed) = mpsc::unbounded_channel();
        let mut inner = self.inner();
        inner.letters.clear();
        inner.released = Some(released);
        removed
    }

    /// Keeps a letter; returns the number of the one it displaced.
    pub(super) fn keep(&self, seq: u64, letter: DeadLetter) -> Option<u64> {
        let mut inner = self.inner();
        inner.letters.insert(seq, letter);
        if inner.letters.len() <= CAPACITY {
            return None;
        }
        inner.displaced += 1;
        inner.letters.pop_first().map(|(seq, _)| seq)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
