//! Rust types with a typename: what messages and states are made of.
//!
//! A value travels as bytes with a typename, which every SDK of every language understands. [`Encode`] and [`Decode`]
//! are the two halves of a Rust type's part in that:
//!
//! | Rust type | Typename | Bytes |
//! |---|---|---|
//! | `bool`, `i32`, `i64`, `f32`, `f64` | `io.statefun.types/{bool,int,long,float,double}` | the built-in types of all SDKs |
//! | `String`, `str` | `io.statefun.types/string` | the same |
//! | `#[derive(Typed)] #[typed("ns/Name")]` | `ns/Name` | serde JSON |
//! | `#[derive(Typed)] #[typed("ns/Name", protobuf)]` | `ns/Name` | protobuf |
//! | [`Protobuf<M>`](protobuf::Protobuf) | `type.googleapis.com/<package>.<Name>` | protobuf |
//! | your own `impl` | yours | yours |
//!
//! Numbers, booleans and texts are encoded and decoded without an allocation as long as they are short.
//!
//! A type with an encoding of its own:
//!
//! ```
//! use statefun_sdk::{Decode, DecodeError, Encode, EncodeError, SmallBytes, ValueType, value_type};
//!
//! #[derive(Debug, PartialEq)]
//! struct Point { x: i32, y: i32 }
//!
//! impl Encode for Point {
//!     fn value_type() -> ValueType {
//!         value_type!("example/Point")
//!     }
//!
//!     fn encode(&self) -> Result<SmallBytes, EncodeError> {
//!         let mut bytes = [0; 8];
//!         bytes[..4].copy_from_slice(&self.x.to_be_bytes());
//!         bytes[4..].copy_from_slice(&self.y.to_be_bytes());
//!         Ok(SmallBytes::copy_from(&bytes))
//!     }
//! }
//!
//! impl Decode for Point {
//!     fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
//!         match *bytes {
//!             [a, b, c, d, e, f, g, h] => {
//!                 Ok(Self { x: i32::from_be_bytes([a, b, c, d]), y: i32::from_be_bytes([e, f, g, h]) })
//!             }
//!             _ => Err(DecodeError::new::<Self>(format!("{} bytes instead of 8", bytes.len()))),
//!         }
//!     }
//! }
//!
//! let bytes = Point { x: 3, y: -4 }.encode().unwrap();
//! assert_eq!(Point::decode(&bytes).unwrap(), Point { x: 3, y: -4 });
//! ```

mod builtin;
pub mod json;
pub mod protobuf;

use statefun::{SmallBytes, TypedValue, ValueType};

type Reason = Box<dyn std::error::Error + Send + Sync>;

/// A type whose values can be sent and stored.
pub trait Encode {
    /// The name of the type. Called for each value: let [`value_type!`](crate::value_type) remember it.
    fn value_type() -> ValueType;

    /// The bytes of this value.
    ///
    /// # Errors
    /// When this value cannot be written down, such as a JSON map whose keys are no texts.
    fn encode(&self) -> Result<SmallBytes, EncodeError>;

    /// The bytes and the name of the type.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    fn to_value(&self) -> Result<TypedValue, EncodeError> {
        Ok(TypedValue { value_type: Self::value_type(), bytes: self.encode()? })
    }
}

/// A type whose values can be received and read back.
pub trait Decode: Encode + Sized {
    /// Reads a value of this type.
    ///
    /// # Errors
    /// When `bytes` is none.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// A value could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode a {value_type}: {reason}")]
pub struct EncodeError {
    /// The type of the value.
    pub value_type: ValueType,
    /// What is wrong with it.
    #[source]
    pub reason: Reason,
}

impl EncodeError {
    /// A value of `T` could not be written down.
    pub fn new<T: Encode + ?Sized>(reason: impl Into<Reason>) -> Self {
        Self { value_type: T::value_type(), reason: reason.into() }
    }
}

/// Bytes are no value of a type.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode a {value_type}: {reason}")]
pub struct DecodeError {
    /// The type they should have been of.
    pub value_type: ValueType,
    /// What is wrong with them.
    #[source]
    pub reason: Reason,
}

impl DecodeError {
    /// Bytes are no `T`.
    pub fn new<T: Encode + ?Sized>(reason: impl Into<Reason>) -> Self {
        Self { value_type: T::value_type(), reason: reason.into() }
    }
}
