//! Two clocks that never share a type.

use std::fmt;
use std::time::Duration;

/// When something happened, in Unix milliseconds, as a source assigned it. [`EventTime::NONE`] means that nobody did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

impl EventTime {
    /// No event time was assigned.
    pub const NONE: Self = Self(i64::MIN);
    /// Behind everything: the watermark of a stream that has ended.
    pub const MAX: Self = Self(i64::MAX);

    /// Whether an event time was assigned.
    #[must_use]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// Reads Unix milliseconds, or a date in a form of RFC 3339 (`2020-02-01T04:15:00.123+02:00`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let millis = text.trim().parse().ok().or_else(|| crate::spec::date_millis(text.trim()))?;
        Some(Self(millis)).filter(|time| time.is_some())
    }

    /// The assigned time, if any.
    #[must_use]
    pub fn get(self) -> Option<i64> {
        self.is_some().then_some(self.0)
    }
}

impl Default for EventTime {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(millis) => write!(f, "event time {millis} ms"),
            None => f.write_str("no event time"),
        }
    }
}

/// Milliseconds on this node's clock (Unix). Always passed in, never read; never goes backwards, across restarts too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ProcessingTime(pub u64);

impl ProcessingTime {
    /// This much later; saturates.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How much later this is than `earlier`, or zero.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for ProcessingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
