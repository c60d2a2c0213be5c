//! Values of the language and of JSON.

use std::collections::HashMap;
use std::sync::Arc;

use ::cel::Value as Cel;
use ::cel::objects::{Key, Map};
use serde_json::{Number, Value as Json};

/// The language's value of a JSON value.
pub(super) fn from_json(json: &Json) -> Cel {
    match json {
        Json::Null => Cel::Null,
        Json::Bool(value) => Cel::Bool(*value),
        Json::Number(number) => from_number(number),
        Json::String(text) => Cel::String(Arc::new(text.clone())),
        Json::Array(items) => Cel::List(Arc::new(items.iter().map(from_json).collect())),
        Json::Object(fields) => map(fields.iter()),
    }
}

/// An object with some of its fields; anything else as it is.
pub(super) fn fields_from_json(json: &Json, fields: &[String]) -> Cel {
    match json {
        Json::Object(object) => map(fields.iter().filter_map(|name| Some((name, object.get(name)?)))),
        other => from_json(other),
    }
}

fn map<'a>(fields: impl Iterator<Item = (&'a String, &'a Json)>) -> Cel {
    let entries = fields.map(|(name, value)| (Key::String(Arc::new(name.clone())), from_json(value)));
    Cel::Map(Map { map: Arc::new(entries.collect::<HashMap<_, _>>()) })
}

fn from_number(number: &Number) -> Cel {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Cel::Int(whole),
        (None, Some(whole)) => Cel::UInt(whole),
        (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// JSON of a value of the language. Objects have their fields in order of names, so equal values are equal text.
pub(super) fn to_json(value: &Cel) -> Result<Json, String> {
    Ok(match value {
        Cel::Null => Json::Null,
        Cel::Bool(value) => Json::Bool(*value),
        Cel::Int(whole) => Json::from(*whole),
        Cel::UInt(whole) => Json::from(*whole),
        Cel::Float(number) => {
            Number::from_f64(*number).map(Json::Number).ok_or_else(|| format!("{number} is no number that JSON has"))?
        }
        Cel::String(text) => Json::from(text.as_str()),
        Cel::List(items) => Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let field = |(key, value): (&Key, &Cel)| Ok::<_, String>((key.to_string(), to_json(value)?));
            let mut fields: Vec<(String, Json)> = map.map.iter().map(field).collect::<Result<_, _>>()?;
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Json::Object(fields.into_iter().collect())
        }
        other => return Err(format!("a {} has no form in JSON", other.type_of())),
    })
}
