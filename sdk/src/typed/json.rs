//! Types that travel as JSON text. `#[derive(Typed)]` uses this; call it from an `impl` of your own if you need more.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
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
/// # Schema evolution
/// A field that was removed from the type is skipped, one that was added needs `#[serde(default)]`, one that was renamed
/// `#[serde(alias = "..")]`. Any other change is an error that names both sides: what the bytes hold and what the type
/// reads.
///
/// # Errors
/// When `bytes` is no JSON text, or one of something else.
pub fn decode<T: Decode + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let reads = std::any::type_name::<T>();
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => {
                let shape = Shape { value: &value, depth: 0 };
                DecodeError::new::<T>(format!("{error}; the bytes hold {shape}, which is not what {reads} reads"))
            }
            Err(_) => DecodeError::new::<T>(error),
        }
    })
}

/// What a JSON value is made of, without what it says: shown in errors, where values have no place.
struct Shape<'a> {
    value: &'a Value,
    depth: usize,
}

/// Fields of an object that are named.
const FIELDS_MAX: usize = 16;
/// Levels that are looked into.
const DEPTH_MAX: usize = 3;

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = |value| Shape { value, depth: self.depth + 1 };
        match self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(_) => f.write_str("bool"),
            Value::Number(_) => f.write_str("number"),
            Value::String(_) => f.write_str("text"),
            Value::Array(_) | Value::Object(_) if self.depth == DEPTH_MAX => f.write_str(".."),
            Value::Array(items) => match items.first() {
                None => f.write_str("[]"),
                Some(first) => write!(f, "[{}]", inside(first)),
            },
            Value::Object(fields) => {
                f.write_str("{")?;
                for (n, (name, value)) in fields.iter().take(FIELDS_MAX).enumerate() {
                    write!(f, "{}{name}: {}", if n == 0 { "" } else { ", " }, inside(value))?;
                }
                f.write_str(if fields.len() > FIELDS_MAX { ", ..}" } else { "}" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::{Decode, Typed};

    #[derive(Debug, PartialEq, Serialize, Deserialize, Typed)]
    #[typed("test/Cart")]
    struct Cart {
        items: Vec<String>,
        #[serde(default)]
        total: i64,
        #[serde(alias = "customer")]
        owner: String,
    }

    #[test]
    fn fields_may_be_removed_added_with_a_default_and_renamed_with_an_alias() {
        let old = br#"{"items":["pen"],"customer":"ann","coupon":null}"#;
        assert_eq!(
            Cart::decode(old).unwrap(),
            Cart { items: vec!["pen".to_owned()], total: 0, owner: "ann".to_owned() }
        );
    }

    #[test]
    fn any_other_change_names_what_is_stored_and_what_is_read() {
        let error = Cart::decode(br#"{"items":[{"sku":"pen","n":2}],"owner":7}"#).unwrap_err().to_string();
        assert!(error.starts_with("cannot decode a test/Cart: invalid type: map, expected a string"), "{error}");
        assert!(error.contains("the bytes hold {items: [{n: number, sku: text}], owner: number}"), "{error}");
        assert!(error.ends_with("json::tests::Cart reads"), "{error}");
        let error = Cart::decode(b"{").unwrap_err().to_string();
        assert!(!error.contains("the bytes hold"), "{error}");
    }
}
