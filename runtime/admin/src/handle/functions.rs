//! Function types and their state.

use serde_json::{Value, json};
use statefun::{AddressError, FunctionType};

use super::query::Query;
use super::{Handled, json as answer};
use crate::mask;
use crate::problem::Problem;
use crate::value::rendered;
use crate::view::{AdminView, FunctionView, StateValue};

const LISTED: usize = 100;
const LISTED_MAX: usize = 10_000;

pub(super) async fn list(view: &dyn AdminView) -> Handled {
    let functions: Vec<_> = view.functions().await?.into_iter().map(masked).collect();
    Ok(answer(&json!({"functions": functions})))
}

pub(super) async fn one(view: &dyn AdminView, names: &[String]) -> Handled {
    let function = function(names)?;
    match view.function(function).await? {
        Some(found) => Ok(answer(&masked(found))),
        None => Err(Problem::not_found("unknown-function", format!("nobody serves {function}, and it was never met"))),
    }
}

pub(super) async fn state_of_id(view: &dyn AdminView, names: &[String]) -> Handled {
    let function = function(names)?;
    let id = names.get(2).cloned().unwrap_or_default();
    let values = view.state(function, Some(id), LISTED_MAX).await?;
    let values: Vec<Value> = values.iter().map(shown).collect();
    Ok(answer(&json!({"values": values})))
}

pub(super) async fn state_of_type(view: &dyn AdminView, names: &[String], query: &str) -> Handled {
    let function = function(names)?;
    let limit = Query::parse(query, &["limit"])?.limit(LISTED, LISTED_MAX)?;
    // One more than asked for tells whether there is more.
    let values = view.state(function, None, limit + 1).await?;
    let has_more = values.len() > limit;
    let values: Vec<Value> = values
        .iter()
        .take(limit)
        .map(|value| {
            let mut shown = shown(value);
            shown["id"] = Value::from(value.id.as_str());
            shown
        })
        .collect();
    Ok(answer(&json!({"values": values, "has_more": has_more})))
}

/// The function type that the first two names of a path make.
pub(super) fn function(names: &[String]) -> Result<FunctionType, Problem> {
    let [namespace, name, ..] = names else {
        return Err(Problem::not_found("unknown-path", "a function has a namespace and a name"));
    };
    FunctionType::of(namespace, name).map_err(|error| match error {
        AddressError::Symbol(_) => Problem::bad("too-many-types", error.to_string()),
        AddressError::Typename(_) | AddressError::Address(_) => Problem::bad("bad-path", error.to_string()),
    })
}

fn shown(value: &StateValue) -> Value {
    let mut shown = rendered(&value.typename, &value.bytes);
    shown["name"] = Value::from(value.name.as_str());
    shown
}

fn masked(mut function: FunctionView) -> FunctionView {
    function.url = function.url.map(|url| mask::url(&url));
    function
}
