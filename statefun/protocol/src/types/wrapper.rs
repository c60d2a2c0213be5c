//! The messages that primitives are wrapped in; package `io.statefun.sdk.types`.
//!
//! The functions of the parent module are faster; these read what is not in canonical form, and are the oracle that
//! the fast ones are tested against.

/// A boolean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct BooleanWrapper {
    /// The value.
    #[prost(bool, tag = "1")]
    pub value: bool,
}

/// A 32-bit integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct IntWrapper {
    /// The value.
    #[prost(sfixed32, tag = "1")]
    pub value: i32,
}

/// A 32-bit floating point number.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct FloatWrapper {
    /// The value.
    #[prost(float, tag = "1")]
    pub value: f32,
}

/// A 64-bit integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct LongWrapper {
    /// The value.
    #[prost(sfixed64, tag = "1")]
    pub value: i64,
}

/// A 64-bit floating point number.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct DoubleWrapper {
    /// The value.
    #[prost(double, tag = "1")]
    pub value: f64,
}

/// A text.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct StringWrapper {
    /// The value.
    #[prost(string, tag = "1")]
    pub value: String,
}
