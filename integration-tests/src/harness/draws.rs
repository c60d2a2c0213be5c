//! Chance that can be repeated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Draws from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// Draws of the seed in `STATEFUN_TEST_SEED`, or of one made up now; either is printed.
    #[must_use]
    pub fn seeded() -> Self {
        let made_up = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        let seed = std::env::var("STATEFUN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(made_up);
        println!("STATEFUN_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number from `from` up to, without, `to`.
    pub fn number(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (z ^ (z >> 31)) % (to - from)
    }

    /// A duration between two, in milliseconds.
    pub fn within(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.number(from_ms, to_ms))
    }

    /// Another order of the same things.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.number(0, last as u64 + 1) as usize);
        }
    }
}
