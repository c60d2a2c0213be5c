//! Replies that nobody waited for.
//!
//! A reply is a record of the sink that carries replies. One that finds nobody is kept here and not reported as
//! published, so the engine keeps it, too, and gives it again after a restart. It is reported when its time is over.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;
use statefun::{RequestId, TypedValue};
use tokio::time::Instant;

/// The most bytes of replies that are kept; beyond, the oldest go before their time.
const BYTES_MAX: usize = 64 << 20;

/// What a reply costs beside its value, in bytes.
const ENTRY_BYTES: usize = 256;

/// See the [module documentation](self).
pub(in crate::http) struct Late {
    pub(in crate::http) keep: Duration,
    replies: HashMap<RequestId, TypedValue>,
    /// Oldest first: until when, and the place in the outbox.
    order: VecDeque<(Instant, RequestId, u64)>,
    bytes: usize,
}

impl Late {
    pub(in crate::http) fn new(keep: Duration) -> Self {
        Self { keep, replies: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// Keeps a reply; `false` when there is one already, which stays.
    pub(in crate::http) fn take(&mut self, now: Instant, seq: u64, request: RequestId, value: TypedValue) -> bool {
        if self.replies.contains_key(&request) {
            return false;
        }
        self.bytes += cost(&value);
        self.replies.insert(request, value);
        self.order.push_back((now + self.keep, request, seq));
        true
    }

    pub(in crate::http) fn get(&self, request: RequestId) -> Option<TypedValue> {
        self.replies.get(&request).cloned()
    }

    /// When [`Late::expire`] has something to do.
    pub(in crate::http) fn deadline(&self) -> Option<Instant> {
        self.order.front().map(|(until, ..)| *until)
    }

    /// Forgets what has had its time, and what there is no room for; the places in the outbox.
    pub(in crate::http) fn expire(&mut self, now: Instant) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Some((until, request, seq)) = self.order.front().copied() {
            if until > now && self.bytes <= BYTES_MAX {
                break;
            }
            self.order.pop_front();
            if let Some(value) = self.replies.remove(&request) {
                self.bytes -= cost(&value);
            }
            seqs.push(seq);
        }
        seqs
    }
}

fn cost(value: &TypedValue) -> usize {
    ENTRY_BYTES + value.bytes.len()
}

#[cfg(test)]
mod tests {
    use statefun::{IdHash, ValueType};

    use super::*;

    fn request(n: u128) -> RequestId {
        RequestId::new(n, IdHash(7))
    }

    fn value(bytes: usize) -> TypedValue {
        TypedValue::new(ValueType::named("test/text").unwrap(), vec![0; bytes])
    }

    #[test]
    fn a_reply_is_kept_for_its_time() {
        let (mut late, now) = (Late::new(Duration::from_secs(10)), Instant::now());
        assert!(late.take(now, 5, request(1), value(1)));
        assert!(!late.take(now, 6, request(1), value(2)), "the first one counts");
        assert_eq!(late.deadline(), Some(now + Duration::from_secs(10)));
        assert!(late.expire(now + Duration::from_secs(9)).is_empty());
        assert_eq!(late.get(request(1)), Some(value(1)));
        assert_eq!(late.expire(now + Duration::from_secs(10)), [5]);
        assert_eq!((late.get(request(1)), late.bytes), (None, 0));
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let (mut late, now) = (Late::new(Duration::from_secs(10)), Instant::now());
        for n in 0..3 {
            late.take(now, n, request(n.into()), value(30 << 20));
        }
        assert_eq!(late.expire(now), [0]);
        assert!(late.get(request(0)).is_none() && late.get(request(2)).is_some());
    }
}
