//! The timers of all keys of a host.

mod bucket;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::bucket::Bucket;

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
///
/// # How it is fast
/// Windows set very many timers at few moments. So there is a bucket per moment, and setting or deleting a timer only notes that
/// in the bucket. The notes are sorted once, when the bucket is due (or when there are many more of them than timers).
#[derive(Clone)]
pub struct TimerService<K, T = i64> {
    /// The moments behind `due`.
    buckets: BTreeMap<T, Bucket<K>>,
    /// The moment that is firing: its keys, the last one first.
    due: Option<(T, Vec<K>)>,
}

impl<K, T> Default for TimerService<K, T> {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), due: None }
    }
}

impl<K: Ord, T: Ord + Copy> TimerService<K, T> {
    /// Sets a timer of `key`; setting it twice is setting it once.
    pub fn set(&mut self, at: T, key: K) {
        match &mut self.due {
            Some((due, keys)) if at == *due => {
                if let Err(index) = position(keys, &key) {
                    keys.insert(index, key);
                }
                return;
            }
            // In the past of what is firing: that has to wait.
            Some((due, _)) if at < *due => self.postpone(),
            _ => {}
        }
        self.buckets.entry(at).or_default().set(key);
    }

    /// Deletes the timer of `key` at exactly that time, if there is one.
    pub fn delete(&mut self, at: T, key: K) {
        match &mut self.due {
            Some((due, keys)) if at == *due => {
                if let Ok(index) = position(keys, &key) {
                    keys.remove(index);
                }
            }
            _ => {
                if let Some(bucket) = self.buckets.get_mut(&at) {
                    bucket.delete(key);
                }
            }
        }
    }

    /// Takes out the earliest timer if it is at or before `now` (a watermark or a clock); of equal times, that of the least key.
    /// Call it until it gives nothing, handling each timer before the next call: handlers may set timers that are due.
    pub fn pop_due(&mut self, now: T) -> Option<(T, K)> {
        loop {
            if self.due.is_none() {
                let first = self.buckets.first_entry().filter(|first| *first.key() <= now)?;
                let (at, bucket) = first.remove_entry();
                let mut keys = bucket.into_keys();
                keys.reverse();
                self.due = Some((at, keys));
            }
            let (at, keys) = self.due.as_mut()?;
            if *at > now {
                return None;
            }
            if let Some(key) = keys.pop() {
                return Some((*at, key));
            }
            self.due = None;
        }
    }

    /// The time of the earliest timer.
    pub fn earliest(&mut self) -> Option<T> {
        if let Some((at, keys)) = &self.due
            && !keys.is_empty()
        {
            return Some(*at);
        }
        loop {
            let mut first = self.buckets.first_entry()?;
            if !first.get_mut().is_empty() {
                return Some(*first.key());
            }
            first.remove();
        }
    }

    /// Whether no timer is set.
    pub fn is_empty(&mut self) -> bool {
        self.earliest().is_none()
    }

    fn postpone(&mut self) {
        if let Some((at, mut keys)) = self.due.take() {
            keys.reverse();
            self.buckets.insert(at, Bucket::of(keys));
        }
    }
}

impl<K: Ord + Clone, T: Ord + Copy> TimerService<K, T> {
    /// All timers, in the order in which they fire.
    #[must_use]
    pub fn to_vec(&self) -> Vec<(T, K)> {
        let due = self.due.iter().flat_map(|(at, keys)| keys.iter().rev().map(|key| (*at, key.clone())));
        let later =
            self.buckets.iter().flat_map(|(at, bucket)| bucket.clone().into_keys().into_iter().map(|key| (*at, key)));
        due.chain(later).collect()
    }
}

/// Where `key` is, or belongs, in keys that descend.
fn position<K: Ord>(keys: &[K], key: &K) -> Result<usize, usize> {
    keys.binary_search_by(|other| key.cmp(other))
}

impl<K: Ord + Clone, T: Ord + Copy> PartialEq for TimerService<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.to_vec() == other.to_vec()
    }
}

impl<K: Ord + Clone, T: Ord + Copy> Eq for TimerService<K, T> {}

impl<K: Ord + Clone + fmt::Debug, T: Ord + Copy + fmt::Debug> fmt::Debug for TimerService<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.to_vec()).finish()
    }
}

/// Written as the list of timers, in order.
impl<K: Ord + Clone + Serialize, T: Ord + Copy + Serialize> Serialize for TimerService<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_vec().serialize(serializer)
    }
}

impl<'de, K: Ord + Deserialize<'de>, T: Ord + Copy + Deserialize<'de>> Deserialize<'de> for TimerService<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut service = Self::default();
        Vec::<(T, K)>::deserialize(deserializer)?.into_iter().for_each(|(at, key)| service.set(at, key));
        Ok(service)
    }
}
