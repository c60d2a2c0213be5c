//! Types that travel as JSON text. `#[derive(Typed)]` uses this; call it from an `impl` of your own if you need more.

use serde::Serialize;
use serde::de::DeserializeOwned;
use statefun::SmallBytes;

use super::{Decode, DecodeError, Encode, EncodeError};

/// `value` as compact JSON text.
///
/// # Errors
/// When serde cannot write it, such as a map whose keys are no texts.
pub fn encode<T: Encode + Serialize>(value: &T) -> Result<SmallBytes, EncodeError> {
    serde_json::to_vec(value).map(Into::into).map_err(EncodeError::new::<T>)
}

/// The value that JSON text describes.
///
/// # Errors
/// When `bytes` is no JSON text, or one of something else.
pub fn decode<T: Decode + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(DecodeError::new::<T>)
}
