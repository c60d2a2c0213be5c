//! A state value that stays decoded between invocations.

use std::any::Any;
use std::fmt;

use crate::TypedValue;

/// A state value in the form its function works with. It is encoded when a snapshot or an inspection asks for it, and not
/// for every message.
pub trait LiveValue: Any + Send {
    /// As it is stored.
    fn encode(&self) -> TypedValue;
}

/// What a function's [live state](super::Function::live_state) holds.
#[derive(Default)]
pub enum Live {
    /// Nothing.
    #[default]
    Absent,
    /// The value as the function left it.
    Decoded(Box<dyn LiveValue>),
    /// The value as it was stored: of a snapshot, or of a home that keeps no live values.
    Encoded(TypedValue),
}

impl Live {
    /// As it is stored, if there is anything.
    #[must_use]
    pub fn encode(self) -> Option<TypedValue> {
        match self {
            Self::Absent => None,
            Self::Decoded(value) => Some(value.encode()),
            Self::Encoded(value) => Some(value),
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Decoded(_) => f.write_str("Decoded(..)"),
            Self::Encoded(value) => f.debug_tuple("Encoded").field(value).finish(),
        }
    }
}
