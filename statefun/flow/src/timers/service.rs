//! The timers of all keys of a host.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// An ordered set of timers, `(time, key)`. The time is event time or processing time, never both in one service.
///
/// ```
/// use statefun_flow::timers::TimerService;
///
/// let mut timers = TimerService::default();
/// timers.set(20, "ann");
/// timers.set(10, "bob");
/// timers.set(10, "bob");
/// let mut fired = Vec::new();
/// while let Some((at, key)) = timers.pop_due(30) {
///     fired.push((at, key));
///     if at == 10 {
///         timers.set(15, "bob"); // due as well: fires in this same advance
///     }
/// }
/// assert_eq!(fired, [(10, "bob"), (15, "bob"), (20, "ann")]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize, T: Serialize",
    deserialize = "K: Deserialize<'de> + Ord, T: Deserialize<'de> + Ord"
))]
pub struct TimerService<K, T = i64> {
    timers: BTreeSet<(T, K)>,
}

impl<K: Ord, T: Ord> Default for TimerService<K, T> {
    fn default() -> Self {
        Self { timers: BTreeSet::new() }
    }
}

impl<K: Ord, T: Ord + Copy> TimerService<K, T> {
    /// Sets a timer of `key`; setting it twice is setting it once.
    pub fn set(&mut self, at: T, key: K) {
        self.timers.insert((at, key));
    }

    /// Deletes the timer of `key` at exactly that time, if there is one.
    pub fn delete(&mut self, at: T, key: K) {
        self.timers.remove(&(at, key));
    }

    /// Takes out the earliest timer if it is at or before `now` (a watermark or a clock). Call it until it gives nothing,
    /// handling each timer before the next call: handlers may set timers that are due.
    pub fn pop_due(&mut self, now: T) -> Option<(T, K)> {
        if self.timers.first()?.0 > now {
            return None;
        }
        self.timers.pop_first()
    }

    /// The time of the earliest timer.
    #[must_use]
    pub fn earliest(&self) -> Option<T> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_of_time_across_keys() {
        let mut timers = TimerService::default();
        timers.set(3, "a");
        timers.set(1, "b");
        timers.set(2, "a");
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(2)).collect();
        assert_eq!(fired, [(1, "b"), (2, "a")]);
        assert_eq!(timers.earliest(), Some(3));
    }

    #[test]
    fn deleting_is_by_key_and_exact_time() {
        let mut timers = TimerService::default();
        timers.set(3, "a");
        timers.delete(3, "b");
        timers.delete(2, "a");
        assert_eq!(timers.len(), 1);
        timers.delete(3, "a");
        assert!(timers.is_empty());
    }

    #[test]
    fn a_service_survives_serialization() {
        let mut timers = TimerService::default();
        timers.set(i64::MAX, "a".to_owned());
        timers.set(i64::MIN, "b".to_owned());
        let bytes = serde_json::to_vec(&timers).unwrap();
        assert_eq!(serde_json::from_slice::<TimerService<String>>(&bytes).unwrap(), timers);
    }
}
