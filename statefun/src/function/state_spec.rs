//! What a function declares about one of its states.

use std::time::Duration;

use crate::{ProcessingTime, Symbol, ValueType};

/// One declared state value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSpec {
    /// Its name, unique within the function type.
    pub name: Symbol,
    /// The type of its values.
    pub value_type: ValueType,
    /// When it ceases to exist by itself.
    pub expiration: Expiration,
}

/// When a value ceases to exist by itself. Judged against the stored time of the last write or touch, not against a
/// stored deadline, so that a changed duration takes effect on values written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Expiration {
    /// Never.
    #[default]
    Never,
    /// So long after the last write.
    AfterWrite(Duration),
    /// So long after the last write or the last invocation that saw the value.
    AfterInvoke(Duration),
}

impl Expiration {
    /// Whether a value last written or touched at `touched` is gone at `now`.
    #[must_use]
    pub fn is_expired(self, touched: ProcessingTime, now: ProcessingTime) -> bool {
        match self {
            Self::Never => false,
            Self::AfterWrite(ttl) | Self::AfterInvoke(ttl) => now >= touched.after(ttl),
        }
    }

    /// Whether an invocation that sees the value restarts the clock.
    #[must_use]
    pub fn touches_on_invoke(self) -> bool {
        matches!(self, Self::AfterInvoke(_))
    }
}
