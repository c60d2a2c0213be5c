//! Watermarks of one input, made from the events that pass or from explicit statements.

use serde::{Deserialize, Serialize};

use super::{MAX, MIN, Millis};

/// How an input learns its watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Strategy {
    /// Events arrive at most `delay` behind the latest one.
    Bounded {
        /// The bound, in milliseconds of event time.
        delay: Millis,
    },
    /// Events arrive in order; equal times are in order.
    Ascending,
    /// Only explicit watermarks count.
    Explicit,
}

/// The watermark of one input. Feed every event *after* it was delivered: an event is judged by the watermark before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    strategy: Strategy,
    largest: Millis,
    emitted: Millis,
}

impl Generator {
    /// A generator that has seen nothing.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, largest: MIN, emitted: MIN }
    }

    /// A generator that goes on from the last watermark it emitted.
    #[must_use]
    pub fn resume(strategy: Strategy, emitted: Millis) -> Self {
        // The latest event says nothing more: one that is earlier would not move the watermark.
        Self { strategy, largest: MIN, emitted }
    }

    /// The last watermark emitted, or [`MIN`].
    #[must_use]
    pub fn current(&self) -> Millis {
        self.emitted
    }

    /// The watermark that an event at `at` causes, if it moves.
    pub fn on_event(&mut self, at: Millis) -> Option<Millis> {
        let delay = match self.strategy {
            Strategy::Bounded { delay } => delay,
            Strategy::Ascending => 0,
            Strategy::Explicit => return None,
        };
        self.largest = self.largest.max(at);
        // One below the bound: another event with the very same time is still on time.
        self.emit(self.largest.saturating_sub(delay).saturating_sub(1))
    }

    /// A watermark stated by the input itself; only an [explicit](Strategy::Explicit) input may do so.
    pub fn on_statement(&mut self, watermark: Millis) -> Option<Millis> {
        match self.strategy {
            Strategy::Explicit => self.emit(watermark),
            Strategy::Bounded { .. } | Strategy::Ascending => None,
        }
    }

    /// The input has ended; nothing can come any more.
    pub fn on_end(&mut self) -> Option<Millis> {
        self.emit(MAX)
    }

    fn emit(&mut self, candidate: Millis) -> Option<Millis> {
        (candidate > self.emitted).then(|| {
            self.emitted = candidate;
            candidate
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_input_trails_its_latest_event_and_never_goes_back() {
        let mut input = Generator::new(Strategy::Bounded { delay: 5 });
        assert_eq!(input.on_event(100), Some(94));
        assert_eq!(input.on_event(99), None);
        assert_eq!(input.on_event(101), Some(95));
        assert_eq!(input.on_end(), Some(MAX));
        assert_eq!(input.on_end(), None);
    }

    #[test]
    fn an_ascending_input_keeps_equal_times_on_time() {
        let mut input = Generator::new(Strategy::Ascending);
        assert_eq!(input.on_event(7), Some(6));
        assert_eq!(input.on_event(7), None);
    }

    #[test]
    fn an_explicit_input_moves_by_statements_only() {
        let mut input = Generator::new(Strategy::Explicit);
        assert_eq!(input.on_event(7), None);
        assert_eq!(input.on_statement(3), Some(3));
        assert_eq!(input.on_statement(3), None);
        assert_eq!(input.current(), 3);
    }

    #[test]
    fn times_at_the_edge_of_the_range_do_not_wrap() {
        let mut input = Generator::new(Strategy::Bounded { delay: 1000 });
        assert_eq!(input.on_event(MIN), None);
        assert_eq!(input.on_event(MIN + 10), None);
        assert_eq!(input.on_event(MAX), Some(MAX - 1001));
    }
}
