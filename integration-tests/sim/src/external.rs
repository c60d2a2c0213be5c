//! The world outside: what egresses wrote. It survives every crash.

use std::collections::{BTreeMap, BTreeSet};

use statefun::{DeadLetter, EgressRecord};

use crate::app::Names;
use crate::app::plan::{FEED, LEDGER, Plan, Who};

/// See the [module documentation](self).
#[derive(Debug, Default)]
pub struct External {
    /// Records of the ledger, in the order of publication.
    pub ledger: Vec<u32>,
    /// Records of the feed, and how often each came.
    pub feed: BTreeMap<u32, u32>,
    /// Dead letters by cause.
    pub letters: BTreeSet<(&'static str, u32)>,
    /// The highest ticket that was acknowledged at the door, and all tickets so far that were.
    pub acknowledged: BTreeSet<u64>,
    /// What must never happen and did.
    pub faults: Vec<String>,
    /// What the ledger has under an idempotency key.
    keys: BTreeMap<u64, (u32, bool)>,
    published: BTreeSet<u32>,
    last_by_writer: BTreeMap<Who, u32>,
}

fn words(bytes: &[u8]) -> (u32, u32) {
    let word = |at: usize| bytes.get(at..at + 4).map_or(0, |word| u32::from_le_bytes(word.try_into().expect("four")));
    (word(0), word(4))
}

impl External {
    /// Writes a record; `false` when it is refused for good.
    pub fn publish(&mut self, names: &Names, plan: &Plan, sink: usize, seq: u64, record: &EgressRecord) -> bool {
        match (sink, record) {
            (LEDGER, EgressRecord::Value { source, value }) => {
                let (uid, number) = words(&value.bytes);
                self.publish_ledger(names.who(source), uid, number, seq, plan.refused.contains(&(uid / 2)))
            }
            (FEED, EgressRecord::Value { value, .. }) => {
                *self.feed.entry(words(&value.bytes).0).or_default() += 1;
                true
            }
            (_, EgressRecord::DeadLetter(letter)) => {
                self.letters.insert((letter.cause.as_str(), uid_of(letter)));
                true
            }
            (sink, record) => {
                self.faults.push(format!("sink {sink} was given {record:?}"));
                true
            }
        }
    }

    /// The ledger takes a record once under its idempotency key, as a broker with commit records does.
    fn publish_ledger(&mut self, writer: Who, uid: u32, number: u32, seq: u64, is_refused: bool) -> bool {
        if let Some((known, accepted)) = self.keys.get(&seq) {
            if *known != uid {
                self.faults.push(format!("ledger key {seq} was record {known} and is now {uid}"));
            }
            return *accepted;
        }
        if let Some((last, _)) = self.keys.last_key_value()
            && *last > seq
        {
            self.faults.push(format!("ledger key {seq} came behind {last}"));
        }
        self.keys.insert(seq, (uid, !is_refused));
        let last = self.last_by_writer.insert(writer, number).unwrap_or_default();
        if number != last + 1 {
            self.faults.push(format!("ledger record {uid} is number {number} of {writer:?} and came behind {last}"));
        }
        if !self.published.insert(uid) {
            self.faults.push(format!("ledger record {uid} was published twice"));
        }
        if !is_refused {
            self.ledger.push(uid);
        }
        !is_refused
    }
}

fn uid_of(letter: &DeadLetter) -> u32 {
    match (&letter.envelope, &letter.raw) {
        (Some(envelope), _) => words(&envelope.argument.bytes).0,
        (None, Some(raw)) => words(raw).0,
        (None, None) => 0,
    }
}
