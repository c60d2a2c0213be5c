//! Members of a JSON object, taken one by one, so that what is wrong is said of the member that is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The members of an object that are left.
pub(super) struct Fields {
    /// What the object is about, for errors.
    what: String,
    members: Map<String, Value>,
}

type Taken<T> = Result<T, String>;

impl Fields {
    pub(super) fn of(value: Value) -> Taken<Self> {
        match value {
            Value::Object(members) => Ok(Self { what: "the line".to_owned(), members }),
            other => Err(format!("a line is a JSON object, this is {}", kind(&other))),
        }
    }

    /// The same for an object within one.
    pub(super) fn within(what: &str, value: Value) -> Taken<Self> {
        match value {
            Value::Object(members) => Ok(Self { what: what.to_owned(), members }),
            other => Err(format!("field `{what}`: an object is expected, this is {}", kind(&other))),
        }
    }

    /// A member that may be missing; null is missing.
    pub(super) fn maybe(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn needed(&mut self, name: &str) -> Taken<Value> {
        self.maybe(name).ok_or_else(|| format!("field `{name}` is missing in {}", self.what))
    }

    pub(super) fn text(&mut self, name: &str) -> Taken<String> {
        text(name, self.needed(name)?)
    }

    pub(super) fn maybe_text(&mut self, name: &str) -> Taken<Option<String>> {
        self.maybe(name).map(|value| text(name, value)).transpose()
    }

    pub(super) fn number(&mut self, name: &str) -> Taken<u64> {
        number(name, &self.needed(name)?)
    }

    pub(super) fn maybe_number(&mut self, name: &str) -> Taken<Option<u64>> {
        self.maybe(name).map(|value| number(name, &value)).transpose()
    }

    pub(super) fn maybe_signed(&mut self, name: &str) -> Taken<Option<i64>> {
        let Some(value) = self.maybe(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| format!("field `{name}`: a whole number is expected, this is {value}"))
    }

    pub(super) fn list(&mut self, name: &str) -> Taken<Vec<Value>> {
        match self.needed(name)? {
            Value::Array(items) => Ok(items),
            other => Err(format!("field `{name}`: a list is expected, this is {}", kind(&other))),
        }
    }

    pub(super) fn bytes(&mut self, name: &str) -> Taken<Vec<u8>> {
        let text = self.text(name)?;
        STANDARD.decode(&text).map_err(|error| format!("field `{name}` is no base64: {error}"))
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Taken<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|error| format!("field `{name}`: {error}"))
    }

    /// Nothing may be left over: what is not understood would be lost.
    pub(super) fn end(self) -> Taken<()> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("field `{name}` is unknown in {}", self.what)),
        }
    }
}

fn text(name: &str, value: Value) -> Taken<String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("field `{name}`: a text is expected, this is {}", kind(&other))),
    }
}

fn number(name: &str, value: &Value) -> Taken<u64> {
    value.as_u64().ok_or_else(|| format!("field `{name}`: a whole number from 0 on is expected, this is {value}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
