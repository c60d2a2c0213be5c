//! The node's clock, read here and nowhere else.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use statefun::ProcessingTime;

/// How far threads that read the system's clock at the same moment may differ, and smaller corrections of it. Within
/// that the clock stands still; beyond, it was set back.
const JITTER_MS: u64 = 1000;

/// Milliseconds since the Unix epoch, except that they never go back and never stand still for long. When an operator
/// sets the system's clock back, or a snapshot holds later times than it shows, this clock goes on from where it was,
/// ahead of the system's: retries and delayed messages would otherwise wait until the system's has caught up.
struct Clock {
    /// The latest time that anybody was told.
    newest: AtomicU64,
    /// How far this clock is ahead of the system's.
    ahead: AtomicU64,
}

static CLOCK: Clock = Clock::new();

/// The time.
#[must_use]
pub fn now() -> ProcessingTime {
    ProcessingTime(CLOCK.read(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }))
}

/// The clock goes on from `time`, which a snapshot holds, if that is later.
pub(crate) fn continue_from(time: ProcessingTime) {
    CLOCK.newest.fetch_max(time.0, Relaxed);
}

impl Clock {
    const fn new() -> Self {
        Self { newest: AtomicU64::new(0), ahead: AtomicU64::new(0) }
    }

    fn read(&self, system: impl Fn() -> u64) -> u64 {
        let (time, newest, _) = self.look(&system);
        if time.saturating_add(JITTER_MS) >= newest {
            return time.max(newest);
        }
        // Set back, or this thread has slept between reading the system's clock and comparing. It looks again.
        let (time, newest, ahead) = self.look(&system);
        if time.saturating_add(JITTER_MS) < newest {
            // One of those who notice moves it; the others have read the time that it goes on from.
            let _ = self.ahead.compare_exchange(ahead, ahead.saturating_add(newest - time), Relaxed, Relaxed);
        }
        time.max(newest)
    }

    /// The time, the newest time before, and how far this clock is ahead.
    fn look(&self, system: impl Fn() -> u64) -> (u64, u64, u64) {
        let ahead = self.ahead.load(Relaxed);
        let time = system().saturating_add(ahead);
        (time, self.newest.fetch_max(time, Relaxed), ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_was() {
        let clock = Clock::new();
        assert_eq!(clock.read(|| 10_000_000), 10_000_000);
        assert_eq!(clock.read(|| 3_000_000), 10_000_000);
        assert_eq!(clock.read(|| 3_000_250), 10_000_250);
        assert_eq!(clock.read(|| 1_000_000), 10_000_250, "and once more");
        assert_eq!(clock.read(|| 1_000_100), 10_000_350);
    }

    #[test]
    fn small_corrections_are_waited_for() {
        let clock = Clock::new();
        assert_eq!(clock.read(|| 10_000), 10_000);
        assert_eq!(clock.read(|| 9_500), 10_000);
        assert_eq!(clock.read(|| 10_001), 10_001);
    }

    #[test]
    fn times_of_a_snapshot_that_lie_ahead_are_gone_on_from() {
        let clock = Clock::new();
        clock.newest.fetch_max(5_000_000, Relaxed);
        assert_eq!(clock.read(|| 1_000_000), 5_000_000);
        assert_eq!(clock.read(|| 1_000_004), 5_000_004);
    }
}
