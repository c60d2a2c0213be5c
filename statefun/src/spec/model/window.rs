//! Which windows a component has, and what they compute.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::Serialize;

use super::Expression;

/// Which windows, when they fire, and what stays in them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowShape {
    /// Which windows an event belongs to.
    pub windows: Windows,
    /// When a window fires; `None`: as its kind has it.
    pub trigger: Option<WindowTrigger>,
    /// Which events leave a window when it fires.
    pub evictor: Option<WindowEvictor>,
    /// How long a window waits for late events behind its end.
    pub allowed_lateness: Duration,
}

/// Which windows an event belongs to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Windows {
    /// Side by side.
    Tumbling {
        /// Their length.
        size: Duration,
        /// Where their grid begins, in milliseconds.
        offset_ms: i64,
    },
    /// Overlapping, or with gaps.
    Sliding {
        /// Their length.
        size: Duration,
        /// From one start to the next.
        every: Duration,
        /// Where their grid begins, in milliseconds.
        offset_ms: i64,
    },
    /// Growing by steps up to their size, then anew.
    Cumulate {
        /// The greatest length.
        size: Duration,
        /// By how much they grow.
        step: Duration,
        /// Where their grid begins, in milliseconds.
        offset_ms: i64,
    },
    /// As long as events keep coming.
    Session {
        /// The silence that ends it.
        gap: Gap,
    },
    /// Of a number of events.
    Count {
        /// How many events.
        size: NonZeroU64,
        /// Every how many events; `None`: side by side.
        every: Option<NonZeroU64>,
    },
    /// A single one without end; it needs a trigger.
    Global,
    /// A single one that fires when the input ends.
    EndOfInput,
}

/// The silence that ends a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Gap {
    /// The same for all events.
    Fixed(Duration),
    /// Each event says how many milliseconds.
    Each(Expression),
}

/// When a window fires.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WindowTrigger {
    /// When event time passes its end.
    EventTime,
    /// When the clock passes its end.
    ProcessingTime,
    /// At each so many events.
    Count {
        /// How many.
        count: NonZeroU64,
    },
    /// At its end, and in between at multiples of this.
    Every {
        /// Event time between firings.
        interval: Duration,
    },
    /// When an event's measure exceeds that of the last one that fired.
    Delta {
        /// By more than this.
        threshold: f64,
        /// The measure.
        of: Expression,
    },
    /// When `inner` says so, and the window is emptied.
    Purging {
        /// What decides.
        inner: Box<WindowTrigger>,
    },
    /// At the end of the input.
    EndOfInput,
    /// Never.
    Never,
}

/// Which events leave a window when it fires.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WindowEvictor {
    /// All but the last so many.
    Count {
        /// How many stay.
        count: NonZeroU64,
        /// After the result is computed instead of before.
        after: bool,
    },
    /// All that are older than the latest by this or more.
    Time {
        /// The span that stays.
        span: Duration,
        /// After the result is computed instead of before.
        after: bool,
    },
    /// All whose measure is below that of the last one by this or more.
    Delta {
        /// The difference.
        threshold: f64,
        /// The measure.
        of: Expression,
        /// After the result is computed instead of before.
        after: bool,
    },
}

/// One of the things a window computes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WindowAggregate {
    /// How many events.
    Count,
    /// The sum of a number of each.
    Sum {
        /// The number.
        of: Expression,
    },
    /// The average of a number of each.
    Avg {
        /// The number.
        of: Expression,
    },
    /// The least value.
    Min {
        /// Of what.
        of: Expression,
    },
    /// The greatest value.
    Max {
        /// Of what.
        of: Expression,
    },
    /// Something of the earliest event.
    First {
        /// Of what.
        of: Expression,
    },
    /// Something of the latest event.
    Last {
        /// Of what.
        of: Expression,
    },
    /// How many different values.
    Distinct {
        /// Of what.
        of: Expression,
        /// By an estimate of fixed size instead of exactly.
        approximate: bool,
    },
    /// The values below which given shares of all lie, by an estimate.
    Quantiles {
        /// Of what.
        of: Expression,
        /// The shares, from 0 to 1.
        at: Vec<f64>,
    },
    /// The greatest values.
    TopK {
        /// Of what.
        of: Expression,
        /// How many.
        k: NonZeroU64,
    },
    /// All values, in the order of arrival.
    Collect {
        /// Of what.
        of: Expression,
    },
}

impl WindowAggregate {
    /// What of each event it needs.
    #[must_use]
    pub fn of(&self) -> Option<&Expression> {
        match self {
            Self::Count => None,
            Self::Sum { of }
            | Self::Avg { of }
            | Self::Min { of }
            | Self::Max { of }
            | Self::First { of }
            | Self::Last { of }
            | Self::Distinct { of, .. }
            | Self::Quantiles { of, .. }
            | Self::TopK { of, .. }
            | Self::Collect { of } => Some(of),
        }
    }
}
