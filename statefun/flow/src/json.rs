//! JSON events.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use statefun::{SmallBytes, TypedValue, ValueType};
use statefun_sdk::{Decode, Encode, EncodeError, value_type};

use crate::cep;

/// The typename of JSON values that components send.
pub const JSON_TYPE: &str = "io.statefun.flow/json";

/// A JSON value as an event: an object, as a rule.
///
/// In JSON it is itself; in formats that are not for people it is JSON text, so that any of them can hold it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Json(pub Value);

impl Json {
    /// The JSON value in a message: JSON text of whatever typename; texts, numbers and booleans of the built-in types, where
    /// a text that is JSON is taken as what it says.
    ///
    /// # Errors
    /// When the message is none of these.
    pub fn of_message(message: &TypedValue) -> Result<Self, NotJson> {
        let not_json = |why: &dyn fmt::Display| NotJson { value_type: message.value_type, why: why.to_string() };
        let name = message.value_type.as_str();
        let Some(builtin) = name.strip_prefix("io.statefun.types/") else {
            return serde_json::from_slice(&message.bytes).map(Self).map_err(|error| not_json(&error));
        };
        let value = match builtin {
            "string" => {
                let text = String::decode(&message.bytes).map_err(|error| not_json(&error))?;
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            "long" => i64::decode(&message.bytes).map_err(|error| not_json(&error))?.into(),
            "int" => i32::decode(&message.bytes).map_err(|error| not_json(&error))?.into(),
            "bool" => bool::decode(&message.bytes).map_err(|error| not_json(&error))?.into(),
            "double" => f64::decode(&message.bytes).map_err(|error| not_json(&error))?.into(),
            "float" => f64::from(f32::decode(&message.bytes).map_err(|error| not_json(&error))?).into(),
            _ => serde_json::from_slice(&message.bytes).map_err(|error| not_json(&error))?,
        };
        Ok(Self(value))
    }

    /// An order of all values: null, booleans, numbers, texts, lists, objects; each among its kind as one would expect.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// A message that is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of type {value_type} is no JSON: {why}")]
pub struct NotJson {
    /// The typename.
    pub value_type: ValueType,
    /// What is wrong.
    pub why: String,
}

fn compare(one: &Value, other: &Value) -> Ordering {
    fn rank(value: &Value) -> u8 {
        match value {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::String(_) => 3,
            Value::Array(_) => 4,
            Value::Object(_) => 5,
        }
    }
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap_or(f64::NAN).total_cmp(&b.as_f64().unwrap_or(f64::NAN)),
        },
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            let differing = one.iter().zip(other).map(|(one, other)| compare(one, other)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        (Value::Object(one), Value::Object(other)) => {
            let pairs = one.iter().zip(other);
            let mut orders = pairs.map(|((a, x), (b, y))| a.cmp(b).then_with(|| compare(x, y)));
            orders.find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        _ => rank(one).cmp(&rank(other)),
    }
}

impl Deref for Json {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Eq for Json {}

impl PartialOrd for Json {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Json {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

impl cep::Event for Json {
    fn kind(&self) -> &str {
        self.0.kind()
    }
    fn number(&self, field: &str) -> Option<f64> {
        self.0.number(field)
    }
    fn text(&self, field: &str) -> Option<&str> {
        self.0.text(field)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Value::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Encode for Json {
    fn value_type() -> ValueType {
        value_type!(JSON_TYPE)
    }

    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        Ok(self.0.to_string().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(name: &str, bytes: &[u8]) -> TypedValue {
        TypedValue::new(ValueType::named(name).unwrap(), bytes)
    }

    #[test]
    fn messages_of_every_kind_are_json() {
        assert_eq!(Json::of_message(&value("shop/order", br#"{"a": 1}"#)).unwrap().0, json!({"a": 1}));
        let text = r#"{"a": 1}"#.to_owned().to_value().unwrap();
        assert_eq!(Json::of_message(&text).unwrap().0, json!({"a": 1}));
        assert_eq!(Json::of_message(&"a word".to_owned().to_value().unwrap()).unwrap().0, json!("a word"));
        assert_eq!(Json::of_message(&7i64.to_value().unwrap()).unwrap().0, json!(7));
        let error = Json::of_message(&value("shop/order", b"{")).unwrap_err();
        assert!(error.to_string().starts_with("a message of type shop/order is no JSON"), "{error}");
    }

    #[test]
    fn json_stays_json_and_survives_other_formats() {
        let event = Json(json!({"a": [1, null, {"b": 0.1}]}));
        assert_eq!(serde_json::to_value(&event).unwrap(), event.0);
        let bytes = rmp_serde::to_vec(&event).unwrap();
        assert_eq!(rmp_serde::from_slice::<Json>(&bytes).unwrap(), event);
    }

    #[test]
    fn all_values_have_an_order() {
        let ordered =
            [json!(null), json!(false), json!(-1), json!(0.5), json!(2), json!("a"), json!([1]), json!([1, 0])];
        for pair in ordered.windows(2) {
            assert_eq!(Json(pair[0].clone()).cmp(&Json(pair[1].clone())), Ordering::Less, "{pair:?}");
        }
    }
}
