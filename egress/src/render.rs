//! Records as people and other programs read them: JSON, or plain text.
//!
//! A typename does not say whether a value is JSON, so the bytes decide: built-in types become JSON scalars, what parses as
//! JSON passes through, and everything else is carried as base64 beside its typename.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use statefun::{DeadLetter, EgressRecord, TypedValue};
use statefun_protocol::types;

/// A record as a JSON value.
#[must_use]
pub fn json(record: &EgressRecord) -> Value {
    match record {
        EgressRecord::Value { value, .. } | EgressRecord::Reply { value, .. } => value_json(value),
        EgressRecord::Kafka(record) => json!({
            "topic": record.topic,
            "key": record.key.as_ref().map(|key| String::from_utf8_lossy(key)),
            "value": bytes_json(None, &record.value),
        }),
        EgressRecord::Playground { topic, payload } => json!({
            "topic": topic.as_str(),
            "payload": String::from_utf8_lossy(payload),
        }),
        EgressRecord::DeadLetter(letter) => dead_letter_json(letter),
        // For callers of the HTTP door alone.
        EgressRecord::Verdict { .. } => Value::Null,
    }
}

/// A record as one line of plain text: texts as they are, everything else as JSON.
#[must_use]
pub fn text_line(record: &EgressRecord) -> String {
    let text = match record {
        EgressRecord::Playground { payload, .. } => String::from_utf8_lossy(payload).into_owned(),
        EgressRecord::Value { value, .. } | EgressRecord::Reply { value, .. } => value_text(value),
        EgressRecord::Kafka(_) | EgressRecord::DeadLetter(_) | EgressRecord::Verdict { .. } => json(record).to_string(),
    };
    // One record is one line, whatever it holds.
    if text.contains(['\n', '\r']) { text.replace('\n', "\\n").replace('\r', "\\r") } else { text }
}

/// A value as JSON.
#[must_use]
pub fn value_json(value: &TypedValue) -> Value {
    built_in(value).unwrap_or_else(|| bytes_json(Some(value.value_type.as_str()), &value.bytes))
}

fn value_text(value: &TypedValue) -> String {
    match built_in(value) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => match std::str::from_utf8(&value.bytes) {
            Ok(text) => text.trim_end_matches('\n').to_owned(),
            Err(_) => value_json(value).to_string(),
        },
    }
}

/// The value of a built-in type. `None`: of another type, or not what its typename says.
fn built_in(value: &TypedValue) -> Option<Value> {
    let bytes = &value.bytes;
    match value.value_type.as_str() {
        types::BOOL => types::decode_bool(bytes).ok().map(Value::from),
        types::INT => types::decode_int(bytes).ok().map(Value::from),
        types::LONG => types::decode_long(bytes).ok().map(Value::from),
        types::FLOAT => types::decode_float(bytes).ok().map(|number| real(f64::from(number), number.to_string())),
        types::DOUBLE => types::decode_double(bytes).ok().map(|number| real(number, number.to_string())),
        types::STRING => types::decode_string(bytes).ok().map(|text| Value::from(&*text)),
        _ => None,
    }
}

/// JSON has no infinities and no not-a-number: those become their names. A 32-bit number is written with its own digits, not
/// with those it gets as a 64-bit one.
fn real(number: f64, digits: String) -> Value {
    if !number.is_finite() {
        return Value::from(digits);
    }
    serde_json::from_str(&digits).unwrap_or_else(|_| Value::from(number))
}

fn bytes_json(typename: Option<&str>, bytes: &[u8]) -> Value {
    if let Ok(json) = serde_json::from_slice(bytes) {
        return json;
    }
    match typename {
        Some(typename) => json!({ "typename": typename, "base64": BASE64.encode(bytes) }),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(_) => json!({ "base64": BASE64.encode(bytes) }),
        },
    }
}

fn dead_letter_json(letter: &DeadLetter) -> Value {
    let envelope = letter.envelope.as_ref();
    json!({
        "cause": letter.cause.as_str(),
        "detail": letter.detail,
        "origin": letter.origin,
        "target": envelope.map(|envelope| envelope.target.to_string()),
        "value": envelope.map(|envelope| value_json(&envelope.argument)),
        "raw": letter.raw.as_ref().map(|raw| bytes_json(None, raw)),
    })
}
