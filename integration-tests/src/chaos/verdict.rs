//! What readers should see, and what they saw.

use std::collections::{BTreeMap, HashMap};

use super::functions::{is_echoed, mirror_of};
use crate::harness::Record;

/// Records that are in order among themselves: topic, key, and where the key is written by many, the writer.
type Stream = (&'static str, String, String);

/// Streams, expected and seen.
#[derive(Default)]
pub struct Verdict {
    expected: BTreeMap<Stream, Vec<String>>,
    seen: BTreeMap<Stream, Vec<String>>,
    counts: BTreeMap<&'static str, BTreeMap<String, i64>>,
    /// How many records are expected, and how many were seen.
    totals: (usize, usize),
    /// Up to where streams were judged.
    judged: HashMap<Stream, usize>,
}

/// What is wrong with the records since the last judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that were due.
    pub records: usize,
    /// Records that came too often, or that nothing caused.
    pub duplicates: usize,
    /// Records that never came.
    pub missing: usize,
    /// Records that came once but before one that was due before them.
    pub misplaced: usize,
}

impl Findings {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.duplicates + self.missing + self.misplaced == 0
    }
}

impl Verdict {
    /// A record lies in the input topic: this is what follows from it.
    pub fn expect(&mut self, input: &Record) {
        let (key, text) = (input.key.clone().unwrap_or_default(), input.text());
        let ledger = self.counts.entry("it/ledger").or_default().entry(key.clone()).or_default();
        *ledger += 1;
        let out = format!("{text} {ledger}");
        self.expected.entry(("out", key.clone(), String::new())).or_default().push(out);
        self.totals.0 += 2 + usize::from(is_echoed(&text));
        let mirror = mirror_of(&text);
        *self.counts.entry("it/mirror").or_default().entry(mirror.clone()).or_default() += 1;
        self.expected.entry(("mirrored", mirror, key.clone())).or_default().push(text.clone());
        if is_echoed(&text) {
            // Delays differ, so echoes have no order: each is a stream of its own.
            self.expected.entry(("echoed", key, text.clone())).or_default().push(text);
        }
    }

    /// A reader saw a record.
    pub fn see(&mut self, topic: &'static str, record: &Record) {
        let (key, text) = (record.key.clone().unwrap_or_default(), record.text());
        let (stream, text) = match topic {
            "mirrored" => {
                let (writer, text) = text.split_once(' ').expect("mirrors write who told them what");
                ((topic, key, writer.to_owned()), text.to_owned())
            }
            "echoed" => ((topic, key, text.clone()), text),
            _ => ((topic, key, String::new()), text),
        };
        self.seen.entry(stream).or_default().push(text);
        self.totals.1 += 1;
    }

    /// Whether every stream is as long as it should be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        // The sums first: they cost nothing, and this is asked often.
        let (expected, seen) = self.totals;
        seen >= expected
            && self
                .expected
                .iter()
                .all(|(stream, expected)| self.seen.get(stream).map_or(0, Vec::len) >= expected.len())
    }

    /// How many records are expected, and how many were seen.
    #[must_use]
    pub fn totals(&self) -> (usize, usize) {
        self.totals
    }

    /// What every counter of a function type should stand at.
    #[must_use]
    pub fn counts(&self, function: &str) -> BTreeMap<String, i64> {
        self.counts.get(function).cloned().unwrap_or_default()
    }

    /// Compares what came since the last call; what is wrong is printed.
    pub fn judge(&mut self) -> Findings {
        let mut findings = Findings::default();
        for stream in self.seen.keys().filter(|stream| !self.expected.contains_key(*stream)) {
            println!("nothing causes {stream:?}: {:?}", self.seen[stream]);
            findings.duplicates += self.seen[stream].len();
        }
        for (stream, expected) in &self.expected {
            let from = self.judged.get(stream).copied().unwrap_or(0);
            let seen = self.seen.get(stream).map_or(&[][..], Vec::as_slice);
            findings.records += expected.len() - from;
            if seen.get(from..) == expected.get(from..) {
                self.judged.insert(stream.clone(), expected.len());
                continue;
            }
            let mut difference: BTreeMap<&str, i64> = BTreeMap::new();
            for text in &expected[from..] {
                *difference.entry(text).or_default() -= 1;
            }
            for text in seen.get(from..).unwrap_or_default() {
                *difference.entry(text).or_default() += 1;
            }
            let extra: i64 = difference.values().filter(|count| **count > 0).sum();
            let missing: i64 = -difference.values().filter(|count| **count < 0).sum::<i64>();
            findings.duplicates += extra as usize;
            findings.missing += missing as usize;
            findings.misplaced += usize::from(extra + missing == 0);
            difference.retain(|_, count| *count != 0);
            println!("{stream:?} from its record {from}: too many (+) or too few (-): {difference:?}");
            println!("  due {:?}", &expected[from..]);
            println!("  saw {:?}", seen.get(from..).unwrap_or_default());
            self.judged.insert(stream.clone(), expected.len().max(seen.len()));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, Verdict};
    use crate::harness::Record;

    fn record(key: &str, value: &str) -> Record {
        Record { partition: 0, offset: 0, key: Some(key.to_owned()), value: value.as_bytes().to_vec() }
    }

    fn verdict_of(outs: &[&str]) -> Findings {
        let mut verdict = Verdict::default();
        for text in ["1", "2", "3"] {
            verdict.expect(&record("key", text));
            verdict.see("mirrored", &record(&super::mirror_of(text), &format!("key {text}")));
        }
        for out in outs {
            verdict.see("out", &record("key", out));
        }
        verdict.judge()
    }

    #[test]
    fn a_verdict_tells_clean_doubled_missing_and_misplaced_records_apart() {
        let clean = Findings { records: 6, ..Findings::default() };
        assert_eq!(verdict_of(&["1 1", "2 2", "3 3"]), clean);
        assert_eq!(verdict_of(&["1 1", "1 1", "2 2", "3 3"]), Findings { duplicates: 1, ..clean });
        assert_eq!(verdict_of(&["1 1", "3 3"]), Findings { missing: 1, ..clean });
        assert_eq!(verdict_of(&["2 2", "1 1", "3 3"]), Findings { misplaced: 1, ..clean });
        // A message that was counted twice shows in all that follow.
        assert_eq!(verdict_of(&["1 1", "2 3", "3 4"]), Findings { duplicates: 2, missing: 2, ..clean });
    }
}
