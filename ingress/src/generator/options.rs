use std::num::NonZeroU64;

use statefun::Symbol;

use super::Template;

/// What to make up.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The ingress.
    pub id: Symbol,
    /// How many events; `None`: without end.
    pub count: Option<u64>,
    /// How many per second; `None`: as fast as they are taken.
    pub rate_per_second: Option<f64>,
    /// How many distinct keys: `0` to `keys - 1`, as text.
    pub keys: NonZeroU64,
    /// Same seed, same events.
    pub seed: u64,
    /// What an event carries.
    pub template: Template,
    /// When events happen.
    pub event_times: EventTimes,
}

impl Options {
    /// Unbounded, unpaced, a thousand keys, seed 0, stamped with the clock.
    #[must_use]
    pub fn new(id: Symbol, template: Template) -> Self {
        Self {
            id,
            count: None,
            rate_per_second: None,
            keys: NonZeroU64::new(1000).expect("1000 is not zero"),
            seed: 0,
            template,
            event_times: EventTimes::Now,
        }
    }
}

/// When made-up events happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EventTimes {
    /// They have no event time.
    None,
    /// When they are made: what a live demonstration wants.
    Now,
    /// Event `n` at `start_ms + n * step_ms`: what a reproducible run wants.
    Counted {
        /// The time of event 0, Unix milliseconds.
        start_ms: i64,
        /// From one event to the next, in milliseconds; may be a fraction.
        step_ms: f64,
    },
}
