//! What both directions speak of: instances of functions, and values with a type.

use bytes::Bytes;

/// An instance of a function.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Address {
    /// Namespace part of the function's typename.
    #[prost(string, tag = "1")]
    pub namespace: String,
    /// Name part of the function's typename.
    #[prost(string, tag = "2")]
    pub r#type: String,
    /// Which instance.
    #[prost(string, tag = "3")]
    pub id: String,
}

impl Address {
    /// Whether all three parts are empty. SDKs take such a caller as no caller.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespace.is_empty() && self.r#type.is_empty() && self.id.is_empty()
    }
}

/// A value and the name of its type.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct TypedValue {
    /// `<namespace>/<name>` of the value's type.
    #[prost(string, tag = "1")]
    pub typename: String,
    /// Whether there is a value; tells an existing empty value from none.
    #[prost(bool, tag = "2")]
    pub has_value: bool,
    /// The value in its type's own encoding.
    #[prost(bytes = "bytes", tag = "3")]
    pub value: Bytes,
}
