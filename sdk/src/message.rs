//! What a function is told.

use std::borrow::Cow;

use statefun::{TypedValue, ValueType};
use statefun_protocol::types;

use crate::{Decode, DecodeError, Encode};

/// A message, still in its encoding: a function looks at the type and then reads it.
///
/// ```
/// use statefun_sdk::{Encode, Message};
///
/// let value = 42i32.to_value().unwrap();
/// let message = Message::new(&value);
/// assert!(message.is::<i32>() && !message.is::<String>());
/// assert_eq!(message.get::<i32>().unwrap(), 42);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    value: &'a TypedValue,
}

impl<'a> Message<'a> {
    /// A message that says `value`.
    #[inline]
    #[must_use]
    pub fn new(value: &'a TypedValue) -> Self {
        Self { value }
    }

    /// Whether it is of type `T`.
    #[must_use]
    pub fn is<T: Encode + ?Sized>(&self) -> bool {
        self.value.value_type == T::value_type()
    }

    /// Reads it as a `T`.
    ///
    /// # Errors
    /// When it is of another type, or its bytes are no `T`.
    pub fn get<T: Decode>(&self) -> Result<T, MessageError> {
        self.check(T::value_type())?;
        Ok(T::decode(self.bytes())?)
    }

    /// Reads it as a text without copying it.
    ///
    /// # Errors
    /// When it is of another type, or its bytes are no text.
    pub fn text(&self) -> Result<Cow<'a, str>, MessageError> {
        self.check(str::value_type())?;
        Ok(types::decode_string(&self.value.bytes).map_err(DecodeError::new::<str>)?)
    }

    /// The name of its type.
    #[must_use]
    pub fn typename(&self) -> &'static str {
        self.value.value_type.as_str()
    }

    /// Its bytes as they are.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.value.bytes.as_slice()
    }

    /// The value as it is, to store or forward it unread.
    #[must_use]
    pub fn value(&self) -> &'a TypedValue {
        self.value
    }

    #[inline]
    fn check(&self, expected: ValueType) -> Result<(), MessageError> {
        let found = self.value.value_type;
        if found == expected { Ok(()) } else { Err(MessageError::Type { expected, found }) }
    }
}

/// A message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It is of another type.
    #[error("the message is a {found}, expected was a {expected}")]
    Type {
        /// The type that was asked for.
        expected: ValueType,
        /// The type that it has.
        found: ValueType,
    },
    /// It claims to be of the right type, but its bytes are not.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}
