//! When a window gives its result.

use serde::{Deserialize, Serialize};

use super::Window;
use crate::time::{MAX, Millis, ProcessingTime};
use crate::timers::TimerSet;

/// Decides when a window fires and whether its content is cleared then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Trigger {
    /// When the watermark passes the window; an event for a window that is already complete fires it again.
    EventTime,
    /// When the clock passes the window.
    ProcessingTime,
    /// Each time `n` events have come. It does not fire at the end of the window.
    Count {
        /// Events per firing.
        n: u64,
    },
    /// Like [`EventTime`](Self::EventTime), and in between at multiples of `interval`.
    ContinuousEventTime {
        /// Event time between firings.
        interval: Millis,
    },
    /// When an event's measure exceeds that of the last event that fired by more than `threshold`.
    Delta {
        /// How much more it must be.
        threshold: f64,
    },
    /// Whenever `inner` fires, and the content of the window is cleared too.
    Purging {
        /// What decides.
        inner: Box<Self>,
    },
    /// At the end of the input only.
    EndOfStream,
    /// Never.
    Never,
}

/// What to do with a window now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Continue,
    Fire,
    FireAndPurge,
}

impl Verdict {
    pub(crate) fn fires(self) -> bool {
        self != Self::Continue
    }

    fn fire_if(condition: bool) -> Self {
        if condition { Self::Fire } else { Self::Continue }
    }
}

/// What a trigger remembers about one window. A purging trigger remembers what its inner one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Memory {
    #[default]
    Nothing,
    /// Events since the last firing.
    Counted(u64),
    /// The next firing in between.
    Next(Millis),
    /// The measure of the last event that fired.
    Fired(f64),
}

/// An event as a trigger sees it.
pub(crate) struct Seen {
    pub(crate) at: Millis,
    /// Its measure, taken only if the trigger compares measures.
    pub(crate) measure: f64,
}

/// The clocks and the timers of the key, as a trigger sees them.
pub(crate) struct Clocks<'a> {
    pub(crate) watermark: Millis,
    pub(crate) now: ProcessingTime,
    pub(crate) timers: &'a mut TimerSet<Window>,
    pub(crate) processing_timers: &'a mut TimerSet<Window, ProcessingTime>,
}

impl Trigger {
    /// Whether it looks at measures of events.
    pub(crate) fn measures(&self) -> bool {
        match self {
            Self::Delta { .. } => true,
            Self::Purging { inner } => inner.measures(),
            _ => false,
        }
    }

    /// Whether its memory of several windows can become that of their union.
    pub(crate) fn can_merge(&self) -> bool {
        !self.measures()
    }

    pub(crate) fn on_event(
        &self,
        memory: &mut Memory,
        seen: &Seen,
        window: Window,
        clocks: &mut Clocks<'_>,
    ) -> Verdict {
        match self {
            Self::EventTime => Self::at_end(window, clocks),
            Self::ContinuousEventTime { interval } => {
                let verdict = Self::at_end(window, clocks);
                if verdict == Verdict::Continue && *memory == Memory::Nothing {
                    // A truncating remainder: before zero the first firing is the multiple after the next one.
                    let multiple = seen.at.saturating_sub(seen.at % interval);
                    Self::arm_next(memory, multiple, *interval, window, clocks);
                }
                verdict
            }
            Self::ProcessingTime => {
                clocks.processing_timers.set(ProcessingTime(window.last()), window);
                Verdict::Continue
            }
            Self::Count { n } => {
                let counted = if let Memory::Counted(counted) = memory { *counted + 1 } else { 1 };
                *memory = if counted >= *n { Memory::Nothing } else { Memory::Counted(counted) };
                Verdict::fire_if(counted >= *n)
            }
            Self::Delta { threshold } => match memory {
                Memory::Fired(last) if seen.measure - *last > *threshold => {
                    *last = seen.measure;
                    Verdict::Fire
                }
                Memory::Fired(_) => Verdict::Continue,
                _ => {
                    *memory = Memory::Fired(seen.measure);
                    Verdict::Continue
                }
            },
            Self::Purging { inner } => inner.on_event(memory, seen, window, clocks).purging(),
            Self::EndOfStream => {
                clocks.timers.set(MAX, window);
                Verdict::Continue
            }
            Self::Never => Verdict::Continue,
        }
    }

    /// A timer of event time at `at` is due for the window.
    pub(crate) fn on_timer(&self, memory: &mut Memory, at: Millis, window: Window, clocks: &mut Clocks<'_>) -> Verdict {
        match self {
            Self::EventTime | Self::EndOfStream => Verdict::fire_if(at == window.last()),
            Self::ContinuousEventTime { .. } if at == window.last() => Verdict::Fire,
            Self::ContinuousEventTime { interval } => {
                if *memory != Memory::Next(at) {
                    return Verdict::Continue;
                }
                *memory = Memory::Nothing;
                // An endless window has no end that would stop the series once the stream has ended.
                if clocks.watermark < MAX || !window.is_global() {
                    Self::arm_next(memory, at, *interval, window, clocks);
                }
                Verdict::Fire
            }
            Self::Purging { inner } => inner.on_timer(memory, at, window, clocks).purging(),
            Self::ProcessingTime | Self::Count { .. } | Self::Delta { .. } | Self::Never => Verdict::Continue,
        }
    }

    /// A timer of processing time is due for the window.
    pub(crate) fn on_processing_timer(&self) -> Verdict {
        match self {
            Self::ProcessingTime => Verdict::Fire,
            Self::Purging { inner } => inner.on_processing_timer().purging(),
            _ => Verdict::Continue,
        }
    }

    /// `window` is the union of windows with these memories, whose timers are gone already.
    pub(crate) fn on_merge(&self, memories: &[Memory], window: Window, clocks: &mut Clocks<'_>) -> Memory {
        match self {
            Self::EventTime => {
                if window.last() > clocks.watermark {
                    clocks.timers.set(window.last(), window);
                }
                Memory::Nothing
            }
            Self::ProcessingTime => {
                if ProcessingTime(window.last()) > clocks.now {
                    clocks.processing_timers.set(ProcessingTime(window.last()), window);
                }
                Memory::Nothing
            }
            Self::Count { .. } => {
                let counted = memories.iter().map(|memory| if let Memory::Counted(n) = memory { *n } else { 0 }).sum();
                if counted == 0 { Memory::Nothing } else { Memory::Counted(counted) }
            }
            Self::ContinuousEventTime { .. } => {
                let next = memories.iter().filter_map(|memory| match memory {
                    Memory::Next(at) => Some(*at),
                    _ => None,
                });
                let Some(next) = next.min() else { return Memory::Nothing };
                // In the past too: it then fires at the next advance of the watermark.
                clocks.timers.set(next, window);
                Memory::Next(next)
            }
            Self::Purging { inner } => inner.on_merge(memories, window, clocks),
            Self::Delta { .. } | Self::EndOfStream | Self::Never => Memory::Nothing,
        }
    }

    fn at_end(window: Window, clocks: &mut Clocks<'_>) -> Verdict {
        if window.last() <= clocks.watermark {
            return Verdict::Fire;
        }
        clocks.timers.set(window.last(), window);
        Verdict::Continue
    }

    fn arm_next(memory: &mut Memory, from: Millis, interval: Millis, window: Window, clocks: &mut Clocks<'_>) {
        let next = from.saturating_add(interval).min(window.last());
        *memory = Memory::Next(next);
        clocks.timers.set(next, window);
    }
}

impl Verdict {
    fn purging(self) -> Self {
        if self.fires() { Self::FireAndPurge } else { self }
    }
}
