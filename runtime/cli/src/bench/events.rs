//! The events of the embedded work, made in process by parallel parts, and the independent loop that checks the results.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use compact_str::{CompactString, ToCompactString};
use statefun::{Address, Envelope, EventTime, FunctionType, Symbol, TypedValue};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput, SourceRecord};
use statefun_sdk::Encode;

use crate::args::Ids;

/// Events per batch.
const BATCH: u64 = 1024;

/// The splitmix64 finalizer on `x` plus its increment.
pub(crate) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of event `n`.
pub(crate) fn key(n: u64, keys: u64) -> u64 {
    mix(42 + n) % keys
}

/// A key as an id.
pub(crate) fn id(key: u64, ids: Ids) -> CompactString {
    // Digits from the back; formatting machinery would cost more than the engine does.
    const PREFIX: &[u8] = b"key-";
    let mut text = [0u8; 24];
    let mut at = text.len();
    let mut rest = key;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if matches!(ids, Ids::String) {
        at -= PREFIX.len();
        text[at..at + PREFIX.len()].copy_from_slice(PREFIX);
    }
    std::str::from_utf8(&text[at..]).expect("letters and digits are text").into()
}

/// The key of an id.
pub(crate) fn key_of(id: &str) -> u64 {
    let digits = id.strip_prefix("key-").unwrap_or(id).bytes();
    digits.fold(0u64, |key, digit| key.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))))
}

/// One result of the counter: which key stands at which count. Sums do not depend on order.
pub(crate) fn result(key: &str, count: i64) -> u64 {
    mix(key_of(key).wrapping_mul(0x1_0000_0001).wrapping_add(count as u64))
}

/// The sum of all results of a counter, by a plain loop.
pub(crate) fn expected_checksum(events: u64, keys: u64, first_key: impl Fn(u64) -> u64) -> u64 {
    let mut counts = vec![0i64; keys as usize];
    let mut sum = 0u64;
    for n in 0..events {
        let key = first_key(n);
        counts[key as usize] += 1;
        sum = sum.wrapping_add(mix(key.wrapping_mul(0x1_0000_0001).wrapping_add(counts[key as usize] as u64)));
    }
    sum
}

/// When the last three quarters began.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    quarter_at: std::sync::OnceLock<Instant>,
}

impl Progress {
    fn add(&self, events: u64, total: u64) {
        if self.sent.fetch_add(events, Relaxed) + events >= total / 4 {
            self.quarter_at.get_or_init(Instant::now);
        }
    }

    pub(crate) fn quarter_at(&self) -> Option<Instant> {
        self.quarter_at.get().copied()
    }
}

/// Part `part` of `parts`: events `part`, `part + parts`, and so on.
#[derive(Clone, Debug)]
pub(crate) struct EventSource {
    pub(crate) id: Symbol,
    pub(crate) target: FunctionType,
    pub(crate) part: u64,
    pub(crate) parts: u64,
    pub(crate) events: u64,
    pub(crate) keys: u64,
    pub(crate) ids: Ids,
    pub(crate) rate_per_ms: u64,
    pub(crate) progress: Arc<Progress>,
}

impl Source for EventSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        mut output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async move {
            let mut n = positions.first().and_then(|position| position.next.parse().ok()).unwrap_or(self.part);
            let failed = |error: statefun_sdk::EncodeError| SourceError {
                source_id: self.id,
                message: error.to_string(),
                retryable: false,
            };
            let one: TypedValue = 1i64.to_value().map_err(failed)?;
            while n < self.events {
                let mut batch = Vec::with_capacity(BATCH as usize + 1);
                let mut made = 0;
                while made < BATCH && n < self.events {
                    let id = id(key(n, self.keys), self.ids);
                    let mut envelope = Envelope::new(Address::new(self.target, id), one.clone());
                    envelope.event_time = EventTime((n / self.rate_per_ms) as i64);
                    batch.push(SourceRecord::Addressed { envelope, ticket: None, is_urgent: false });
                    n += self.parts;
                    made += 1;
                }
                batch.push(SourceRecord::Position(Position {
                    partition: self.part.to_compact_string(),
                    next: n.to_compact_string(),
                }));
                if !output.send(batch).await {
                    break;
                }
                self.progress.add(made, self.events);
            }
            Ok(())
        })
    }
}
