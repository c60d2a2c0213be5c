//! The world outside: what egresses wrote. It survives every crash.

use std::collections::{BTreeMap, BTreeSet};

use statefun::{DeadLetter, EgressRecord};

use crate::app::plan::FEED;
use crate::broker::Written;

/// See the [module documentation](self).
#[derive(Debug, Default)]
pub struct External {
    /// Records of the feed, and how often each came.
    pub feed: BTreeMap<u32, u32>,
    /// Dead letters by cause.
    pub letters: BTreeSet<(&'static str, u32)>,
    /// The highest ticket that was acknowledged at the door, and all tickets so far that were.
    pub acknowledged: BTreeSet<u64>,
    /// What must never happen and did.
    pub faults: Vec<String>,
}

/// What a superseded publisher would write.
pub const POISON: u32 = u32::MAX;

fn words(bytes: &[u8]) -> (u32, u32) {
    let word = |at: usize| bytes.get(at..at + 4).map_or(0, |word| u32::from_le_bytes(word.try_into().expect("four")));
    (word(0), word(4))
}

/// Which record a value of the ledger is.
#[must_use]
pub fn uid_of_value(value: &[u8]) -> u32 {
    words(value).0
}

impl External {
    /// Writes a record.
    pub fn publish(&mut self, sink: usize, record: &EgressRecord) {
        match (sink, record) {
            (FEED, EgressRecord::Value { value, .. }) => *self.feed.entry(words(&value.bytes).0).or_default() += 1,
            (_, EgressRecord::DeadLetter(letter)) => {
                self.letters.insert((letter.cause.as_str(), uid_of(letter)));
            }
            (sink, record) => self.faults.push(format!("sink {sink} was given {record:?}")),
        }
    }

    /// What is wrong with the ledger as readers of committed records see it: each record once, and those of a writer
    /// in the order in which they were written. Returns which there are.
    pub fn judge_ledger<'a>(
        &mut self,
        committed: impl Iterator<Item = &'a Written>,
        is_refused: impl Fn(u32) -> bool,
    ) -> BTreeSet<u32> {
        let (mut seen, mut last_by_writer) = (BTreeSet::new(), BTreeMap::new());
        for Written { key, value } in committed {
            let (uid, number) = words(value);
            if uid == POISON {
                self.faults.push("a publisher that was superseded has published".to_owned());
                continue;
            }
            if is_refused(uid) {
                self.faults.push(format!("ledger record {uid} was refused and is there"));
            }
            let last = last_by_writer.insert(key.clone(), number).unwrap_or_default();
            if number <= last {
                self.faults.push(format!("ledger record {uid} is number {number} of {key:?} and came behind {last}"));
            }
            if !seen.insert(uid) {
                self.faults.push(format!("ledger record {uid} was published twice"));
            }
        }
        seen
    }
}

fn uid_of(letter: &DeadLetter) -> u32 {
    match (&letter.envelope, &letter.raw) {
        (Some(envelope), _) => words(&envelope.argument.bytes).0,
        (None, Some(raw)) => words(raw).0,
        (None, None) => 0,
    }
}
