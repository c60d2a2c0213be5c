//! Values between people, who read and write JSON, and functions, which exchange bytes with a typename.

mod decode;
mod encode;

use serde_json::Value;
use serde_json::value::RawValue;
use statefun::TypedValue;

pub(crate) use decode::{decoded, rendered};
pub(crate) use encode::{Written, present};

/// A value as JSON, where that is all that there is to it: [`from_json`] gives the very same bytes back.
#[must_use]
pub fn to_json(typename: &str, bytes: &[u8]) -> Option<Value> {
    let value = decoded(typename, bytes);
    let is_same = from_json(typename, &value).is_ok_and(|back| back.bytes.as_slice() == bytes);
    (is_same && !value.is_null()).then_some(value)
}

/// The value of type `typename` that JSON stands for: of a built-in type its encoding, of another the JSON text.
///
/// # Errors
/// When the type cannot hold it; the text says why.
pub fn from_json(typename: &str, value: &Value) -> Result<TypedValue, String> {
    let json = RawValue::from_string(value.to_string()).map_err(|error| error.to_string())?;
    let written = Written { r#type: Some(typename.to_owned()), json: Some(json), ..Written::default() };
    written.value().map_err(|problem| problem.detail)
}

#[cfg(test)]
mod tests {
    use statefun_protocol::types;

    use super::*;

    #[test]
    fn only_what_comes_back_to_the_byte_is_shown_as_json() {
        for (typename, bytes) in [
            (types::INT, types::encode_int(-7).to_vec()),
            (types::DOUBLE, types::encode_double(0.1).to_vec()),
            (types::FLOAT, types::encode_float(0.1).to_vec()),
            (types::STRING, types::encode_string("h\u{e9}")),
            ("shop/Order", br#"{"a":1,"b":[true,null]}"#.to_vec()),
        ] {
            let value = to_json(typename, &bytes).unwrap();
            assert_eq!(from_json(typename, &value).unwrap().bytes.as_slice(), bytes, "{value}");
        }
        for (typename, bytes) in [
            ("shop/Order", b"{\"b\": 1}".as_slice()),
            ("shop/Order", b"null"),
            ("shop/Order", b"\x08\x01"),
            (types::INT, b"\x0d\x07\x00\x00\x00\x00"),
        ] {
            assert_eq!(to_json(typename, bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
