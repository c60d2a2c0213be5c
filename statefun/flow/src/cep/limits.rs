//! How much one key may hold, and what happens when that is not enough.

use serde::{Deserialize, Serialize};

/// Limits per key. A pattern such as `a+` without a time limit grows with every event; this is where it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Partial matches, and complete ones waiting for their turn, together.
    pub partial_matches_max: usize,
    /// Events waiting for the watermark.
    pub waiting_events_max: usize,
    /// What happens beyond.
    pub on_overflow: Overflow,
}

/// What happens when a key is full. Nothing is lost in silence: whatever is dropped is emitted as
/// [`Emission::Overflow`](super::Emission::Overflow) or [`Emission::Refused`](super::Emission::Refused).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The partial matches that started last are dropped: what is nearest to its end stays.
    #[default]
    DropNewest,
    /// The partial matches that started first are dropped: what is most recent stays.
    DropOldest,
}

impl Default for Limits {
    fn default() -> Self {
        Self { partial_matches_max: 100_000, waiting_events_max: 1_000_000, on_overflow: Overflow::default() }
    }
}
