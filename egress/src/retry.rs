//! Waiting between attempts.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Waiting that doubles with each attempt, with jitter so that many waiters do not come back as one.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
    jitter: SmallRng,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        let initial = initial.max(Duration::from_millis(1));
        Self { initial, max: max.max(initial), next: initial, jitter: SmallRng::from_os_rng() }
    }

    /// How long to wait now: between half of the step and all of it.
    pub(crate) fn step(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.max);
        full.mul_f64(self.jitter.random_range(0.5..=1.0))
    }

    /// An attempt succeeded.
    pub(crate) fn reset(&mut self) {
        self.next = self.initial;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_its_limit_and_begins_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for full in [100, 200, 350, 350] {
            let step = backoff.step().as_millis();
            assert!((full / 2..=full).contains(&step), "{step} ms of {full} ms");
        }
        backoff.reset();
        assert!(backoff.step() <= Duration::from_millis(100));
    }
}
