//! How a function follows event time.

use crate::Symbol;

/// How a function follows event time.
///
/// Plain functions have no watermark and no timers: messages pass through them with the event time of their cause, and
/// hold the watermarks of everybody behind them back until they are through. A *component* (a window, a join, a pattern)
/// has both. Its level orders components that feed each other: the watermark at level `n` waits for everything that
/// sources, plain functions and components of lower levels still have to say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TimeRole {
    /// 0 for a plain function; a component is 1 + the highest level of its inputs.
    pub level: u8,
    /// The ingresses whose time a component follows; empty: all that tell time.
    pub inputs: Vec<Symbol>,
}

impl TimeRole {
    /// A function that has no time of its own.
    pub const PLAIN: Self = Self { level: 0, inputs: Vec::new() };

    /// A component of that level over all ingresses that tell time.
    #[must_use]
    pub fn component(level: u8) -> Self {
        Self { level, inputs: Vec::new() }
    }

    /// Whether this is a component, which has a watermark and timers.
    #[must_use]
    pub fn is_component(&self) -> bool {
        self.level > 0
    }
}
