//! Which windows an event belongs to.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::time::Millis;

/// Assigns windows to events by their event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Assigner {
    /// Windows of one size, side by side.
    Tumbling {
        /// Length of a window.
        size: Millis,
        /// Windows start at `offset` modulo `size`.
        #[serde(default)]
        offset: Millis,
    },
    /// Windows of one size that start every `slide`: they overlap if `slide` is less than `size` and leave gaps if it is more.
    Sliding {
        /// Length of a window.
        size: Millis,
        /// Distance between starts.
        slide: Millis,
        /// Windows start at `offset` modulo `slide`.
        #[serde(default)]
        offset: Millis,
    },
    /// Windows that share a start and grow by `step` up to `size`, then start anew: early results of a tumbling window.
    Cumulate {
        /// Length of the longest window.
        size: Millis,
        /// By how much the next window is longer; divides `size`.
        step: Millis,
        /// Windows start at `offset` modulo `size`.
        #[serde(default)]
        offset: Millis,
    },
    /// Windows of activity: an event keeps its session open for `gap`.
    Session {
        /// How long a session outlives its last event.
        gap: Millis,
    },
    /// Sessions where each event brings its own gap.
    SessionDynamic,
    /// One endless window; its default trigger never fires.
    Global,
    /// One endless window that fires at the end of the input.
    GlobalEndOfStream,
    /// Windows of a number of events. With `slide`: of the last `size` events, every `slide` events.
    Count {
        /// Events in a window.
        size: u64,
        /// Events between firings, if not `size`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slide: Option<u64>,
    },
}

/// The windows of one event: a few windows at equal distances, listed without allocating.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    next: Window,
    start_step: Millis,
    end_step: Millis,
    remaining: u64,
}

impl Assigned {
    fn none() -> Self {
        Self { next: Window::GLOBAL, start_step: 0, end_step: 0, remaining: 0 }
    }

    fn one(window: Window) -> Self {
        Self { next: window, start_step: 0, end_step: 0, remaining: 1 }
    }
}

impl Iterator for Assigned {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        self.remaining = self.remaining.checked_sub(1)?;
        let window = self.next;
        self.next = Window::new(window.start.saturating_add(self.start_step), window.end.saturating_add(self.end_step));
        Some(window)
    }
}

impl Assigner {
    /// The windows of an event at `at`, in order of time. `gap` is the event's own, for dynamic sessions.
    pub(crate) fn assign(&self, at: Millis, gap: impl FnOnce() -> Millis) -> Assigned {
        match *self {
            Self::Tumbling { size, offset } => {
                let start = grid_floor(at, size, offset);
                Assigned::one(Window::new(start, start.saturating_add(size)))
            }
            Self::Sliding { size, slide, offset } => sliding(at, size, slide, offset),
            Self::Cumulate { size, step, offset } => {
                let start = grid_floor(at, size, offset);
                let passed = at.saturating_sub(start) / step;
                let first = Window::new(start, start.saturating_add((passed + 1) * step));
                Assigned {
                    next: first,
                    start_step: 0,
                    end_step: step,
                    remaining: (size / step - passed).unsigned_abs(),
                }
            }
            Self::Session { gap } => Assigned::one(Window::new(at, at.saturating_add(gap))),
            // A gap below one would make an empty window, which nothing could ever be in.
            Self::SessionDynamic => Assigned::one(Window::new(at, at.saturating_add(gap().max(1)))),
            Self::Global | Self::GlobalEndOfStream | Self::Count { .. } => Assigned::one(Window::GLOBAL),
        }
    }

    /// Whether windows of one key merge.
    #[must_use]
    pub fn merges(&self) -> bool {
        matches!(self, Self::Session { .. } | Self::SessionDynamic)
    }

    /// Whether windows end at a moment of event time, so that events can be late for them.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        !matches!(self, Self::Global | Self::GlobalEndOfStream | Self::Count { .. })
    }
}

fn sliding(at: Millis, size: Millis, slide: Millis, offset: Millis) -> Assigned {
    let latest_start = grid_floor(at, slide, offset);
    let since = at.saturating_sub(latest_start);
    if since >= size {
        return Assigned::none();
    }
    let earlier = (size - 1 - since) / slide;
    let first_start = latest_start.saturating_sub(earlier.saturating_mul(slide));
    let first = Window::new(first_start, first_start.saturating_add(size));
    Assigned { next: first, start_step: slide, end_step: slide, remaining: (earlier + 1).unsigned_abs() }
}

/// The largest number `<= at` that is congruent to `offset` modulo `step`; right for negative times too, and without overflow
/// except at the very beginning of time, where it saturates.
pub(crate) fn grid_floor(at: Millis, step: Millis, offset: Millis) -> Millis {
    let behind = (at.rem_euclid(step) - offset.rem_euclid(step)).rem_euclid(step);
    at.saturating_sub(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(assigner: &Assigner, at: Millis) -> Vec<(Millis, Millis)> {
        assigner.assign(at, || 7).map(|window| (window.start, window.end)).collect()
    }

    #[test]
    fn tumbling_windows_start_on_their_grid_before_and_after_zero() {
        let assigner = Assigner::Tumbling { size: 10, offset: 3 };
        assert_eq!(windows(&assigner, 3), [(3, 13)]);
        assert_eq!(windows(&assigner, 2), [(-7, 3)]);
        assert_eq!(windows(&assigner, -7), [(-7, 3)]);
        assert_eq!(windows(&Assigner::Tumbling { size: 10, offset: -3 }, 0), [(-3, 7)]);
    }

    #[test]
    fn sliding_windows_are_all_those_that_contain_the_event() {
        let assigner = Assigner::Sliding { size: 10, slide: 4, offset: 0 };
        assert_eq!(windows(&assigner, 9), [(0, 10), (4, 14), (8, 18)]);
        assert_eq!(windows(&assigner, 10), [(4, 14), (8, 18)]);
        assert_eq!(windows(&assigner, -1), [(-8, 2), (-4, 6)]);
    }

    #[test]
    fn an_event_between_two_sliding_windows_has_none() {
        let assigner = Assigner::Sliding { size: 2, slide: 5, offset: 0 };
        assert_eq!(windows(&assigner, 1), [(0, 2)]);
        assert_eq!(windows(&assigner, 2), []);
    }

    #[test]
    fn cumulating_windows_share_a_start_and_grow() {
        let assigner = Assigner::Cumulate { size: 6, step: 2, offset: 0 };
        assert_eq!(windows(&assigner, 0), [(0, 2), (0, 4), (0, 6)]);
        assert_eq!(windows(&assigner, 3), [(0, 4), (0, 6)]);
        assert_eq!(windows(&assigner, 11), [(6, 12)]);
        assert_eq!(windows(&assigner, -1), [(-6, 0)]);
    }

    #[test]
    fn sessions_begin_with_their_event() {
        assert_eq!(windows(&Assigner::Session { gap: 5 }, 3), [(3, 8)]);
        assert_eq!(windows(&Assigner::SessionDynamic, 3), [(3, 10)]);
    }

    #[test]
    fn windows_at_the_edges_of_time_saturate() {
        let assigner = Assigner::Sliding { size: 10, slide: 3, offset: 1 };
        for at in [Millis::MIN, Millis::MIN + 1, Millis::MAX - 1, Millis::MAX] {
            assert!(assigner.assign(at, || 1).count() >= 3);
        }
    }
}
