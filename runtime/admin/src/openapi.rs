//! The description for programs.
use serde_json::{Value, json};

pub(crate) fn document() -> Value {
    json!({})
}
