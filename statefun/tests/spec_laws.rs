//! What holds for any text whatever: reading it never panics, and what is reported lies within the text.
//!
//! Texts are made by breaking good modules at random places, which reaches far deeper than random characters would.
//! The seeds are fixed, so a failure repeats.

use statefun::spec::{Diagnostic, Options, SourceFile, parse};

const SEEDS: [&str; 4] = [
    "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://h:80/{function.name}\n  maxNumBatchRequests: 5\n  onFailure: {maxAttempts: 3, then: park}\n  transport:\n    type: io.statefun.transports.v1/okhttp\n    timeouts: {call: 2 min, read: 10 s}\n---\nkind: io.statefun.playground.v1/egress\nspec: {port: 8091, topics: [a, b]}\n",
    "x-a: &a {address: 'k:9092'}\nkind: io.statefun.kafka.v1/ingress\nspec:\n  <<: *a\n  id: a/in\n  consumerGroupId: g\n  startupPosition: {type: specific-offsets, offsets: [{t/0: 5}]}\n  topics:\n    - topic: t\n      valueType: a/T\n      targets: [a/f]\n  properties:\n    - sasl.jaas.config: \"x.PlainLoginModule required username='u' password='p';\"\n    - ssl.truststore.location: /x\n",
    "version: \"3.0\"\nmodule:\n  meta: {type: remote}\n  spec:\n    endpoints:\n      - endpoint:\n          meta: {kind: http}\n          spec: {functions: a/b, urlPathTemplate: 'http://h/', timeouts: {call: 1 s}}\n    egresses:\n      - egress:\n          meta: {type: io.statefun.kafka/egress, id: a/o}\n          spec: {address: k, deliverySemantic: {type: exactly-once, transactionTimeout: 1 min}}\n",
    "kind: io.statefun.generator.v1/ingress\nspec:\n  id: a/g\n  count: 5\n  ratePerSecond: 1.5\n  json: {k: '{{key}}', n: ['{{sequence}}', 1.5, null]}\n  valueType: a/T\n  targets:\n    - a/f\n---\nkind: io.statefun.file.v1/ingress\nspec: {id: a/é, path: \"ü\\t\", format: csv, key: k, valueType: a/T, targets: [a/f], eventTime: {field: t, outOfOrderness: 5 s}}\n---\nkind: io.statefun.http.v1/egress\nspec: {id: a/h, url: 'https://h/', headers: {A: b}, backoff: {initial: 1 s, max: 2 s}}\n",
];

/// Pieces that mean something to YAML or to a module.
const PIECES: [&str; 40] = [
    "\n", "\r\n", "\r", " ", "  ", "\t", ":", ": ", "- ", "-", "---\n", "...\n", "[", "]", "{", "}", ",", "&a ", "*a",
    "<<: ", "? ", "| ", "> ", "'", "\"", "\\", "#", "%", "!", "!!str ", "\u{feff}", "\u{85}", "é", "🦀", "\0", "0",
    "a/b", "/", "{{", "~",
];

/// A small generator of numbers (splitmix64): the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn broken(random: &mut Random) -> String {
    let mut chars: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
    for _ in 0..=random.below(6) {
        let at = random.below(chars.len() + 1);
        match random.below(4) {
            0 => chars.truncate(at),
            1 => drop(chars.drain(at..(at + random.below(12)).min(chars.len()))),
            2 => drop(chars.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
            _ => {
                let from = random.below(chars.len() + 1);
                let piece: Vec<char> = chars[from..(from + random.below(40)).min(chars.len())].to_vec();
                drop(chars.splice(at..at, piece));
            }
        }
    }
    chars.into_iter().collect()
}

fn found(text: &str) -> Vec<Diagnostic> {
    let file = SourceFile { name: "m".into(), text: text.into() };
    match parse(&[file], Options::default()) {
        Ok((_, found)) | Err(found) => found,
    }
}

/// The place of a diagnostic, counted anew from its offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text[..offset].replace("\r\n", "\u{1}\n");
    let breaks = |c: &char| matches!(c, '\n' | '\r');
    (before.chars().filter(breaks).count() + 1, before.chars().rev().take_while(|c| !breaks(c)).count() + 1)
}

fn assert_lies_within(text: &str) {
    for it in found(text) {
        let end = it.span.offset + it.span.length;
        assert!(text.get(it.span.offset..end).is_some(), "{it:?} is not within {text:?}");
        // Between the two halves of a line's end there is no column to speak of.
        if !(text[..it.span.offset].ends_with('\r') && text[it.span.offset..].starts_with('\n')) {
            assert_eq!((it.line, it.column), place(text, it.span.offset), "{it:?} in {text:?}");
        }
        assert!(!it.message.is_empty());
    }
}

#[test]
fn broken_modules_never_panic_and_are_reported_within_the_text() {
    let mut random = Random(42);
    for _ in 0..20_000 {
        assert_lies_within(&broken(&mut random));
    }
}

#[test]
fn random_pieces_never_panic() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let text: String = (0..random.below(40)).map(|_| PIECES[random.below(PIECES.len())]).collect();
        assert_lies_within(&text);
    }
}

#[test]
fn reading_is_deterministic() {
    let mut random = Random(3);
    for _ in 0..500 {
        let text = broken(&mut random);
        assert_eq!(found(&text), found(&text));
    }
}
