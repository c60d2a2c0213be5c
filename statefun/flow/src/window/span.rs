//! A window: a half-open span of event time.

use serde::{Deserialize, Serialize};

use crate::time::{MAX, MIN, Millis};

/// The window `[start, end)`, or the [global](Self::GLOBAL) one. Windows are ordered by start, then by end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first moment inside.
    pub start: Millis,
    /// The first moment behind.
    pub end: Millis,
}

impl Window {
    /// All of time.
    pub const GLOBAL: Self = Self { start: MIN, end: MAX };

    /// The window `[start, end)`.
    #[must_use]
    pub const fn new(start: Millis, end: Millis) -> Self {
        Self { start, end }
    }

    /// Whether this is the global window.
    #[must_use]
    pub fn is_global(self) -> bool {
        self == Self::GLOBAL
    }

    /// The last moment inside, which is also the event time of the window's results.
    #[must_use]
    pub fn last(self) -> Millis {
        if self.is_global() { MAX } else { self.end.saturating_sub(1) }
    }

    /// Whether the two overlap or touch: sessions that do are one session.
    #[must_use]
    pub fn joins(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The smallest window that contains both.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_join_and_windows_apart_do_not() {
        let window = Window::new(0, 10);
        assert!(window.joins(Window::new(10, 20)));
        assert!(window.joins(Window::new(-5, 0)));
        assert!(!window.joins(Window::new(11, 20)));
        assert_eq!(window.cover(Window::new(10, 20)), Window::new(0, 20));
    }

    #[test]
    fn a_window_ends_one_before_its_end_and_the_global_one_never() {
        assert_eq!(Window::new(0, 10).last(), 9);
        assert_eq!(Window::GLOBAL.last(), MAX);
    }
}
