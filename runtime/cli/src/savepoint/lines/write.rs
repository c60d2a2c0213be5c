//! From a row to its line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use statefun::function::{Expiration, StateSpec};
use statefun::{Address, Envelope, TypedValue};
use statefun_admin::value::to_json;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_state::savepoint::RowReader;

use super::read::{Line, LineReader};

/// The line of a row. Whatever a line cannot say to the byte, as `back` reads it, is written as bytes.
pub(super) fn line(key: &[u8], value: &[u8], reader: &mut RowReader, back: &mut LineReader) -> Value {
    let line = reader.read(key, value).ok().and_then(|(key, value)| noun(&key, &value));
    let is_same = |line: &Value| match back.read(&line.to_string()) {
        Ok(Line::Row { key: key_back, value: value_back }) => key_back == key && value_back == value,
        Ok(Line::Head(_)) | Err(_) => false,
    };
    line.filter(is_same)
        .unwrap_or_else(|| json!({"kind": "row", "key": STANDARD.encode(key), "base64": STANDARD.encode(value)}))
}

fn noun(key: &RowKey, value: &RowValue) -> Option<Value> {
    Some(match (key, value) {
        (RowKey::Value { address, name, .. }, RowValue::Value(stored)) => {
            let mut line = object(json!({
                "kind": "value", "function": address.function.as_str(), "id": &*address.id, "name": name.as_str(),
                "touched_ms": stored.touched.0,
            }));
            put_value(&mut line, &stored.value);
            Value::Object(line)
        }
        (RowKey::Waiting { seq, .. }, RowValue::Waiting(envelope)) => {
            let mut line = object(json!({"kind": "waiting", "seq": seq}));
            put_envelope(&mut line, envelope);
            Value::Object(line)
        }
        (RowKey::Delayed { due, seq, .. }, RowValue::Delayed(delayed)) => {
            let owner = address(&delayed.owner);
            let mut line = object(json!({"kind": "delayed", "due_ms": due.0, "seq": seq, "owner": owner}));
            if let Some(token) = &delayed.token {
                line.insert("token".to_owned(), json!(token.as_str()));
            }
            put_envelope(&mut line, &delayed.envelope);
            Value::Object(line)
        }
        (RowKey::Specs { function }, RowValue::Specs(specs)) => {
            let states: Vec<Value> = specs.iter().map(spec).collect();
            json!({"kind": "specs", "function": function.as_str(), "states": states})
        }
        (RowKey::Position { source, partition }, RowValue::Position(next)) => json!({
            "kind": "position", "ingress": source.as_str(), "partition": partition.as_str(), "next": next.as_str(),
        }),
        (RowKey::Clock { participant }, RowValue::Clock(time)) => {
            json!({"kind": "clock", "participant": participant.as_str(), "time_ms": time.0})
        }
        _ => return None,
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn address(address: &Address) -> String {
    format!("{}/{}", address.function, &*address.id)
}

fn put_envelope(line: &mut Map<String, Value>, envelope: &Envelope) {
    line.insert("target".to_owned(), json!(address(&envelope.target)));
    if let Some(caller) = &envelope.caller {
        line.insert("caller".to_owned(), json!(address(caller)));
    }
    if let Some(time) = envelope.event_time.get() {
        line.insert("event_time_ms".to_owned(), json!(time));
    }
    put_value(line, &envelope.argument);
}

fn put_value(line: &mut Map<String, Value>, value: &TypedValue) {
    let typename = value.value_type.as_str();
    line.insert("typename".to_owned(), json!(typename));
    match to_json(typename, &value.bytes) {
        Some(value) => line.insert("value".to_owned(), value),
        None => line.insert("base64".to_owned(), json!(STANDARD.encode(&*value.bytes))),
    };
}

fn spec(spec: &StateSpec) -> Value {
    let mut state = json!({"name": spec.name.as_str(), "typename": spec.value_type.as_str()});
    let (after, ttl) = match spec.expiration {
        Expiration::Never => return state,
        Expiration::AfterWrite(ttl) => ("write", ttl),
        Expiration::AfterInvoke(ttl) => ("invoke", ttl),
    };
    state["expires"] = json!({"after": after, "seconds": ttl.as_secs(), "nanos": ttl.subsec_nanos()});
    state
}
