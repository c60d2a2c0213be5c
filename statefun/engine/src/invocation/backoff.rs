//! Exponential backoff with jitter that needs no randomness.

use std::time::Duration;

use crate::directory::FailurePolicy;

/// How long to wait after the `attempt`-th failure in a row (1-based): the first wait doubled each time, at most the
/// longest, less up to a quarter that `salt` decides, so that keys which failed together do not come back together.
#[must_use]
pub fn backoff(policy: &FailurePolicy, attempt: u32, salt: u64) -> Duration {
    let doubled =
        policy.backoff_first.saturating_mul(1u32.checked_shl(attempt.saturating_sub(1).min(30)).unwrap_or(u32::MAX));
    let full = doubled.min(policy.backoff_max).as_millis() as u64;
    // The splitmix64 finalizer: neighbouring salts give unrelated jitter.
    let mut mixed = salt.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let jitter = (mixed >> 33) % (full / 4 + 1);
    Duration::from_millis((full - jitter).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_never_vanish() {
        let policy = FailurePolicy {
            backoff_first: Duration::from_millis(4),
            backoff_max: Duration::from_secs(1),
            park_after: None,
        };
        for salt in 0..100 {
            for attempt in 1..100 {
                let full = (4u64 << (attempt - 1).min(20)).min(1000);
                let wait = backoff(&policy, attempt, salt).as_millis() as u64;
                assert!(wait <= full && wait >= full - full / 4 && wait >= 1, "{attempt} {salt}: {wait} of {full}");
            }
        }
    }
}
