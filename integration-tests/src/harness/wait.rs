//! Waiting with a deadline, and small sums over what was measured.

use std::time::{Duration, Instant};

/// Asks until there is an answer, with short pauses.
///
/// # Panics
/// When there is none `within` that time; the message names `what`.
pub fn eventually<T>(within: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Whether the long versions of tests were asked for (`STATEFUN_TEST_FULL=1`).
#[must_use]
pub fn is_full() -> bool {
    std::env::var_os("STATEFUN_TEST_FULL").is_some_and(|value| value == "1")
}

/// Durations in order, to be asked for percentiles.
pub struct Percentiles(Vec<Duration>);

impl Percentiles {
    /// Sorts what was measured.
    #[must_use]
    pub fn of(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        Self(measured)
    }

    /// The duration that this share (0.5, 0.99) does not exceed.
    #[must_use]
    pub fn at(&self, share: f64) -> Duration {
        let index = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or_default()
    }
}
