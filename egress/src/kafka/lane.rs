//! The records of one topic, in order.

use std::collections::BTreeMap;

use statefun::KafkaRecord;
use tokio::time::Instant;

/// What is to be produced to a topic, and whether it may be now.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Not handed to the producer, by place in the egress's order.
    held: BTreeMap<u64, KafkaRecord>,
    /// Handed to the producer, without an outcome.
    under_way: usize,
    /// Something failed: nothing more is produced before this time, nor while something is under way, so that what
    /// failed comes before what followed it.
    mending: Option<Instant>,
    /// Since when the broker does not know the topic.
    unknown_since: Option<Instant>,
}

impl Lane {
    pub(super) fn hold(&mut self, seq: u64, record: KafkaRecord) {
        self.held.insert(seq, record);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.under_way == 0
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The next record to produce now, if there is one.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u64, &KafkaRecord)> {
        if let Some(until) = self.mending {
            if self.under_way > 0 || now < until {
                return None;
            }
            self.mending = None;
        }
        self.held.first_key_value().map(|(seq, record)| (*seq, record))
    }

    /// When [`next`](Self::next) should be asked again if nothing else happens.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.mending.filter(|_| self.under_way == 0 && !self.held.is_empty())
    }

    /// The record that [`next`](Self::next) offered was handed to the producer.
    pub(super) fn sent(&mut self) -> Option<(u64, KafkaRecord)> {
        self.under_way += 1;
        self.held.pop_first()
    }

    /// The producer cannot take the record that [`next`](Self::next) offered before `until`.
    pub(super) fn postpone(&mut self, until: Instant) {
        self.mending = Some(until);
    }

    /// The record that [`next`](Self::next) offered was refused for good.
    pub(super) fn refused(&mut self) -> Option<(u64, KafkaRecord)> {
        self.held.pop_first()
    }

    /// A record that was under way has arrived, or never will.
    pub(super) fn settled(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// The topic took a record: it exists.
    pub(super) fn known(&mut self) {
        self.unknown_since = None;
    }

    /// The broker does not know the topic; since when.
    pub(super) fn unknown(&mut self, now: Instant) -> Instant {
        *self.unknown_since.get_or_insert(now)
    }

    /// A record that was under way failed and is to be produced again, not before `until`.
    pub(super) fn failed(&mut self, seq: u64, record: KafkaRecord, until: Instant) {
        self.settled();
        self.held.insert(seq, record);
        self.mending = Some(self.mending.map_or(until, |earlier| earlier.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn record() -> KafkaRecord {
        KafkaRecord { topic: "t".to_owned(), key: None, value: bytes::Bytes::new() }
    }

    fn next(lane: &mut Lane, now: Instant) -> Option<u64> {
        lane.next(now).map(|(seq, _)| seq)
    }

    #[test]
    fn what_failed_is_produced_again_before_what_followed_and_after_what_is_under_way() {
        let (mut lane, now) = (Lane::default(), Instant::now());
        let later = now + Duration::from_millis(100);
        for seq in 1..=4 {
            lane.hold(seq, record());
        }
        for seq in 1..=3 {
            assert_eq!(next(&mut lane, now), Some(seq));
            lane.sent();
        }
        lane.failed(2, record(), later);
        assert_eq!(next(&mut lane, later), None, "1 and 3 are under way");
        lane.failed(1, record(), later);
        lane.settled();
        assert_eq!(next(&mut lane, now), None, "it is too early");
        assert_eq!(lane.wake_at(), Some(later));
        let order: Vec<_> = std::iter::from_fn(|| next(&mut lane, later).inspect(|_| drop(lane.sent()))).collect();
        assert_eq!(order, [1, 2, 4]);
    }
}
