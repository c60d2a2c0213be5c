//! The built-in value types: how booleans, numbers and texts look on the wire.
//!
//! Every SDK wraps a primitive in a message with one field, so values can be exchanged between languages. The field is
//! left out when it holds the default, so zero, `false` and `""` are zero bytes long.
//!
//! | Typename | Bytes |
//! |---|---|
//! | [`BOOL`] | `08` varint |
//! | [`INT`], [`FLOAT`] | `0d` four bytes, least significant first |
//! | [`LONG`], [`DOUBLE`] | `09` eight bytes, least significant first |
//! | [`STRING`] | `0a` varint length, UTF-8 |
//!
//! ```
//! use statefun_protocol::types;
//!
//! assert_eq!(&*types::encode_int(-2), [0x0d, 0xfe, 0xff, 0xff, 0xff]);
//! assert_eq!(types::decode_int(&[0x0d, 0xfe, 0xff, 0xff, 0xff]).unwrap(), -2);
//! assert_eq!(types::decode_int(&[]).unwrap(), 0);
//! ```

mod primitive;
mod text;
mod wrapper;

pub use primitive::{
    Primitive, decode_bool, decode_double, decode_float, decode_int, decode_long, encode_bool, encode_double,
    encode_float, encode_int, encode_long,
};
pub use text::{decode_string, encode_string, encode_string_into};
pub use wrapper::{BooleanWrapper, DoubleWrapper, FloatWrapper, IntWrapper, LongWrapper, StringWrapper};

/// Typename of booleans.
pub const BOOL: &str = "io.statefun.types/bool";
/// Typename of 32-bit integers.
pub const INT: &str = "io.statefun.types/int";
/// Typename of 32-bit floating point numbers.
pub const FLOAT: &str = "io.statefun.types/float";
/// Typename of 64-bit integers.
pub const LONG: &str = "io.statefun.types/long";
/// Typename of 64-bit floating point numbers.
pub const DOUBLE: &str = "io.statefun.types/double";
/// Typename of texts.
pub const STRING: &str = "io.statefun.types/string";
/// What stands for the typename of a state that was declared without one.
pub const UNSET: &str = "io.statefun.types/unset";

/// Bytes are no value of a built-in type.
#[derive(Debug, thiserror::Error)]
#[error("{len} bytes are no {typename}: {source}")]
pub struct TypeError {
    /// What they should have been.
    pub typename: &'static str,
    /// How many there are.
    pub len: usize,
    /// What is wrong with them.
    #[source]
    pub source: prost::DecodeError,
}
