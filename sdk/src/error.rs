//! From what went wrong to what becomes of the message.

use std::fmt::Display;

use statefun::function::FunctionError;

use crate::context::{NoTimers, TokenError};
use crate::message::MessageError;
use crate::state::StateError;
use crate::{DecodeError, EncodeError};

/// Decides, for an error of your own, what becomes of the message.
///
/// There is no conversion from just any error, because somebody has to decide: *retry* makes the address wait and try
/// again, *reject* gives the message up.
///
/// ```
/// use statefun_sdk::{FunctionError, OrFail};
///
/// fn parse(text: &str) -> Result<u32, FunctionError> {
///     text.parse().or_reject()
/// }
///
/// assert!(matches!(parse("pen"), Err(FunctionError::Reject(_))));
/// ```
pub trait OrFail<T> {
    /// An error means: try this message again later.
    ///
    /// # Errors
    /// [`FunctionError::Retry`] with the error's text.
    fn or_retry(self) -> Result<T, FunctionError>;

    /// An error means: this message will never be handled.
    ///
    /// # Errors
    /// [`FunctionError::Reject`] with the error's text.
    fn or_reject(self) -> Result<T, FunctionError>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_retry(self) -> Result<T, FunctionError> {
        self.map_err(|error| FunctionError::Retry(error.to_string()))
    }

    fn or_reject(self) -> Result<T, FunctionError> {
        self.map_err(|error| FunctionError::Reject(error.to_string()))
    }
}

// A message that cannot be read today cannot be read tomorrow.
impl From<MessageError> for FunctionError {
    fn from(error: MessageError) -> Self {
        Self::Reject(error.to_string())
    }
}

impl From<DecodeError> for FunctionError {
    fn from(error: DecodeError) -> Self {
        Self::Reject(error.to_string())
    }
}

// Encoding depends on the message that led to the value, and on nothing that changes by waiting.
impl From<EncodeError> for FunctionError {
    fn from(error: EncodeError) -> Self {
        Self::Reject(error.to_string())
    }
}

impl From<TokenError> for FunctionError {
    fn from(error: TokenError) -> Self {
        Self::Reject(error.to_string())
    }
}

// Where the function runs is the deployment's fault and not the message's.
impl From<NoTimers> for FunctionError {
    fn from(error: NoTimers) -> Self {
        Self::Retry(error.to_string())
    }
}

// State that cannot be read is the program's fault and not the message's: the next deployment may read it.
impl From<StateError> for FunctionError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Encode(error) => error.into(),
            error => Self::Retry(error.to_string()),
        }
    }
}
