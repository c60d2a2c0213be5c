use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use statefun::{SmallBytes, TypedValue, ValueType};
use statefun_protocol::types;

use crate::problem::Problem;

/// A value as people write it: exactly one of `json`, `text` and `base64`, and what it is meant to be.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) r#type: Option<String>,
    pub(crate) json: Option<Box<RawValue>>,
    pub(crate) text: Option<String>,
    pub(crate) base64: Option<String>,
}

/// Tells `"json": null` from no `json` at all.
pub(crate) fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

impl Written {
    /// Whether nothing is written at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.r#type.is_none() && self.json.is_none() && self.text.is_none() && self.base64.is_none()
    }

    /// The value that is meant.
    pub(crate) fn value(self) -> Result<TypedValue, Problem> {
        let typename = self.r#type.as_deref();
        if typename.is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(Problem::bad("bad-type", "a typename is not empty and holds no control characters"));
        }
        let (typename, bytes) = match (self.json, self.text, self.base64) {
            (Some(json), None, None) => from_json(typename, &json)?,
            (None, Some(text), None) => from_text(typename, text)?,
            (None, None, Some(base64)) => {
                let bytes = STANDARD
                    .decode(&base64)
                    .map_err(|error| Problem::bad("bad-value", format!("`base64` is no base64: {error}")))?;
                let typename =
                    typename.ok_or_else(|| Problem::bad("bad-type", "bytes need a `type` that says what they are"))?;
                (typename, bytes)
            }
            _ => return Err(Problem::bad("bad-value", "give exactly one of `json`, `text` and `base64`")),
        };
        let value_type =
            ValueType::named(typename).map_err(|error| Problem::bad("too-many-types", error.to_string()))?;
        Ok(TypedValue::new(value_type, SmallBytes::from(bytes)))
    }
}

fn from_text(typename: Option<&str>, text: String) -> Result<(&str, Vec<u8>), Problem> {
    match typename {
        None | Some(types::STRING) => Ok((types::STRING, types::encode_string(&text))),
        Some(types::BOOL | types::INT | types::LONG | types::FLOAT | types::DOUBLE) => {
            Err(Problem::bad("bad-value", "give numbers and booleans as `json`"))
        }
        Some(other) => Ok((other, text.into_bytes())),
    }
}

/// JSON under a name that is not built in stays the text it was, to the letter.
fn from_json<'a>(typename: Option<&'a str>, raw: &RawValue) -> Result<(&'a str, Vec<u8>), Problem> {
    let parsed =
        || serde_json::from_str::<Value>(raw.get()).map_err(|error| Problem::bad("bad-value", error.to_string()));
    let typename = match typename {
        Some(name) => name,
        None => natural_type(&parsed()?, raw.get())?,
    };
    let wrong = || Problem::bad("bad-value", format!("{} is no {typename}", excerpt(raw.get())));
    let bytes = match typename {
        types::BOOL => types::encode_bool(parsed()?.as_bool().ok_or_else(wrong)?).to_vec(),
        types::INT => {
            let number = parsed()?.as_i64().and_then(|number| i32::try_from(number).ok());
            types::encode_int(number.ok_or_else(wrong)?).to_vec()
        }
        types::LONG => types::encode_long(parsed()?.as_i64().ok_or_else(wrong)?).to_vec(),
        types::FLOAT => {
            let number = real(&parsed()?).ok_or_else(wrong)?;
            let narrow = number as f32;
            if narrow.is_finite() != number.is_finite() {
                return Err(wrong());
            }
            types::encode_float(narrow).to_vec()
        }
        types::DOUBLE => types::encode_double(real(&parsed()?).ok_or_else(wrong)?).to_vec(),
        types::STRING => match parsed()? {
            Value::String(text) => types::encode_string(&text),
            _ => types::encode_string(raw.get()),
        },
        _ => raw.get().as_bytes().to_vec(),
    };
    Ok((typename, bytes))
}

/// What JSON is without being told: the smallest built-in type that holds it, and a text of it if none does.
fn natural_type(value: &Value, text: &str) -> Result<&'static str, Problem> {
    Ok(match value {
        Value::Bool(_) => types::BOOL,
        Value::Number(number) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => types::INT,
            Some(_) => types::LONG,
            None if text.contains(['.', 'e', 'E']) => types::DOUBLE,
            // Rounding a whole number is not for us to decide: it may well be somebody's key.
            None => {
                return Err(Problem::bad("bad-type", format!("{} fits no whole type; give a `type`", excerpt(text))));
            }
        },
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => types::STRING,
    })
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(name) => match name.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn excerpt(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(40).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::decoded;
    use super::*;

    fn json(typename: Option<&str>, text: &str) -> Result<(String, Vec<u8>), Problem> {
        let json = Some(RawValue::from_string(text.to_owned()).unwrap());
        let value = Written { r#type: typename.map(str::to_owned), json, ..Written::default() }.value()?;
        Ok((value.value_type.as_str().to_owned(), value.bytes.to_vec()))
    }

    #[test]
    fn json_without_a_type_is_what_it_looks_like() {
        for (text, typename) in [
            ("true", types::BOOL),
            ("7", types::INT),
            ("-2147483649", types::LONG),
            ("1.5", types::DOUBLE),
            ("-1e300", types::DOUBLE),
            ("\"hi\"", types::STRING),
        ] {
            let (found, bytes) = json(None, text).unwrap();
            assert_eq!(found, typename, "{text}");
            assert_eq!(decoded(typename, &bytes), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        let (typename, bytes) = json(None, r#"{"b":1, "a":2}"#).unwrap();
        assert_eq!((typename.as_str(), decoded(&typename, &bytes)), (types::STRING, Value::from(r#"{"b":1, "a":2}"#)));
    }

    #[test]
    fn a_whole_number_is_never_rounded_unasked() {
        for text in ["18446744073709551615", "9223372036854775808", "-123456789012345678901234567890"] {
            assert_eq!(json(None, text).unwrap_err().code, "bad-type", "{text}");
            assert_eq!(json(Some(types::DOUBLE), text).unwrap().0, types::DOUBLE);
        }
    }

    #[test]
    fn a_type_of_ones_own_gets_the_json_to_the_letter() {
        let text = r#"{"b": 1.10, "a": 123456789012345678901234567890}"#;
        assert_eq!(json(Some("shop/Order"), text).unwrap(), ("shop/Order".to_owned(), text.as_bytes().to_vec()));
        assert_eq!(json(Some("shop/Order"), "null").unwrap().1, b"null");
    }

    #[test]
    fn a_value_that_its_type_cannot_hold_is_refused() {
        for (typename, text) in [
            (types::BOOL, "1"),
            (types::INT, "2147483648"),
            (types::INT, "1.5"),
            (types::LONG, "9223372036854775808"),
            (types::FLOAT, "1e39"),
            (types::DOUBLE, "\"one\""),
        ] {
            assert_eq!(json(Some(typename), text).unwrap_err().code, "bad-value", "{typename} {text}");
        }
    }

    #[test]
    fn text_and_bytes_are_taken_as_they_are() {
        let text = |name: Option<&str>| {
            Written { r#type: name.map(str::to_owned), text: Some("hi".into()), ..Written::default() }.value()
        };
        assert_eq!(text(None).unwrap().bytes.as_slice(), b"\x0a\x02hi");
        assert_eq!(text(Some("shop/Note")).unwrap().bytes.as_slice(), b"hi");
        assert_eq!(text(Some(types::INT)).unwrap_err().code, "bad-value");
        let bytes = |name: Option<&str>, base64: &str| {
            Written { r#type: name.map(str::to_owned), base64: Some(base64.into()), ..Written::default() }.value()
        };
        assert_eq!(bytes(Some("shop/Blob"), "AP8=").unwrap().bytes.as_slice(), b"\x00\xff");
        assert_eq!(bytes(None, "AP8=").unwrap_err().code, "bad-type");
        assert_eq!(bytes(Some("shop/Blob"), "?").unwrap_err().code, "bad-value");
    }

    #[test]
    fn a_value_is_written_in_exactly_one_way() {
        let none = Written { r#type: Some("shop/Order".into()), ..Written::default() };
        assert_eq!(none.value().unwrap_err().code, "bad-value");
        let both = Written { text: Some("a".into()), base64: Some("".into()), ..Written::default() };
        assert_eq!(both.value().unwrap_err().code, "bad-value");
    }
}
