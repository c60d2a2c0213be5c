//! What a pattern may ask of an event.

use serde_json::Value;

/// The face an event shows to conditions that are data.
///
/// A Rust type whose patterns only use [`Condition::test`](super::Condition::test) needs none of it:
/// `impl Event for Click {}` is enough.
pub trait Event {
    /// The kind of event, compared by `{"type": ...}`.
    fn kind(&self) -> &str {
        ""
    }

    /// A numeric field, read by `{"f": ...}`; `None` makes the comparison that reads it false.
    fn number(&self, field: &str) -> Option<f64> {
        let _ = field;
        None
    }

    /// A text field, compared by `{"text": ..., "is": ...}`.
    fn text(&self, field: &str) -> Option<&str> {
        let _ = field;
        None
    }
}

/// A JSON object: its kind is the field `type`.
impl Event for Value {
    fn kind(&self) -> &str {
        self.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<f64> {
        self.get(field).and_then(Value::as_f64)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.get(field).and_then(Value::as_str)
    }
}
