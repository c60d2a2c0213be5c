//! Many timers of one key behind one timer of the host.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The timers that an operator keeps for one key: times with a tag that says what each is for (a window, a side).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "N: Serialize, T: Serialize",
    deserialize = "N: Deserialize<'de> + Ord, T: Deserialize<'de> + Ord"
))]
pub struct TimerSet<N, T = i64> {
    timers: BTreeSet<(T, N)>,
}

impl<N: Ord, T: Ord> Default for TimerSet<N, T> {
    fn default() -> Self {
        Self { timers: BTreeSet::new() }
    }
}

impl<N: Ord + Copy, T: Ord + Copy> TimerSet<N, T> {
    /// Sets a timer for `tag`.
    pub fn set(&mut self, at: T, tag: N) {
        self.timers.insert((at, tag));
    }

    /// Deletes the timer of `tag` at exactly that time, if there is one.
    pub fn delete(&mut self, at: T, tag: N) {
        self.timers.remove(&(at, tag));
    }

    /// Deletes all timers of `tag`.
    pub fn delete_all(&mut self, tag: N) {
        self.timers.retain(|(_, other)| *other != tag);
    }

    /// Whether `tag` has any timer.
    #[must_use]
    pub fn concerns(&self, tag: N) -> bool {
        self.timers.iter().any(|(_, other)| *other == tag)
    }

    /// Takes out the earliest timer if it is at or before `now`.
    pub fn pop_due(&mut self, now: T) -> Option<(T, N)> {
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

    /// Whether no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }
}

/// The one timer that the host holds for a key, never later than the key's earliest own timer.
///
/// It only ever moves forward in time by firing: a session that grows with every event does not touch the host's timers at
/// all, its wake-up fires once, early, and is set again at the session's end of then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wake<T = i64>(Option<T>);

impl<T> Default for Wake<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord + Copy> Wake<T> {
    /// Makes sure that the key is woken at or before `earliest`. `set` and `delete` act on the host's timers.
    pub fn no_later_than<H>(
        &mut self,
        earliest: Option<T>,
        host: &mut H,
        set: impl FnOnce(&mut H, T),
        delete: impl FnOnce(&mut H, T),
    ) {
        let Some(earliest) = earliest else { return };
        match self.0 {
            Some(set_already) if set_already <= earliest => return,
            Some(too_late) => delete(host, too_late),
            None => {}
        }
        set(host, earliest);
        self.0 = Some(earliest);
    }

    /// The host's timer at `at` has fired.
    pub fn fired(&mut self, at: T) {
        if self.0.is_some_and(|wake| wake <= at) {
            self.0 = None;
        }
    }

    /// When the key is woken.
    #[must_use]
    pub fn at(&self) -> Option<T> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Host(BTreeSet<i64>);

    fn arm(wake: &mut Wake, earliest: i64, host: &mut Host) {
        let set = |host: &mut Host, at| assert!(host.0.insert(at), "set once");
        let delete = |host: &mut Host, at| assert!(host.0.remove(&at), "deleted only what is set");
        wake.no_later_than(Some(earliest), host, set, delete);
    }

    #[test]
    fn the_host_holds_one_timer_and_it_is_the_earliest() {
        let (mut wake, mut host) = (Wake::default(), Host::default());
        arm(&mut wake, 50, &mut host);
        arm(&mut wake, 70, &mut host);
        arm(&mut wake, 30, &mut host);
        assert_eq!(host.0, BTreeSet::from([30]));
        wake.fired(30);
        arm(&mut wake, 50, &mut host);
        assert_eq!(wake.at(), Some(50));
    }

    #[test]
    fn a_set_is_deleted_by_tag_or_by_exact_time() {
        let mut timers = TimerSet::default();
        timers.set(1, 'a');
        timers.set(2, 'a');
        timers.set(2, 'b');
        timers.delete(2, 'b');
        assert!(!timers.concerns('b'));
        timers.delete_all('a');
        assert!(timers.is_empty());
    }
}
