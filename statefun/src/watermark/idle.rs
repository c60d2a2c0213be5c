//! When an input that says nothing stops holding time back.

use std::time::Duration;

use crate::ProcessingTime;

/// Notices that an input has been silent for too long. What to do about it is [`Merged`](super::Merged)'s and
/// [`Sides`](super::Sides)' business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleDetector {
    timeout: Duration,
    heard: ProcessingTime,
    idle: bool,
}

impl IdleDetector {
    /// An input that was heard just `now` and may be silent for `timeout`.
    #[must_use]
    pub fn new(timeout: Duration, now: ProcessingTime) -> Self {
        Self { timeout, heard: now, idle: false }
    }

    /// An event came. True if the input was idle and is active from now on.
    pub fn on_event(&mut self, now: ProcessingTime) -> bool {
        self.heard = self.heard.max(now);
        std::mem::take(&mut self.idle)
    }

    /// Time passed. True if the input became idle just now.
    pub fn on_tick(&mut self, now: ProcessingTime) -> bool {
        let became_idle = !self.idle && now >= self.deadline();
        self.idle |= became_idle;
        became_idle
    }

    /// When the input is idle if nothing comes before.
    #[must_use]
    pub fn deadline(&self) -> ProcessingTime {
        self.heard.after(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_makes_idle_once_and_an_event_makes_active_again() {
        let mut input = IdleDetector::new(Duration::from_millis(10), ProcessingTime(100));
        assert!(!input.on_event(ProcessingTime(105)), "it was active already");
        assert!(!input.on_tick(ProcessingTime(114)));
        assert!(input.on_tick(ProcessingTime(115)));
        assert!(!input.on_tick(ProcessingTime(116)), "idle already");
        assert!(input.on_event(ProcessingTime(120)));
    }
}
