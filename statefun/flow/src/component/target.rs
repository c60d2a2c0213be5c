//! Where results of a component go.

use std::sync::Arc;

use compact_str::CompactString;
use serde_json::Value;
use statefun::{Address, EgressId, FunctionType, Symbol, TypedValue, ValueType};
use statefun_sdk::{Encode, KafkaRecord, value_type};

use super::build::{ComponentError, compiled, function_type};
use super::expression::{EvaluationError, Expression, Expressions, Variable};
use super::spec::TargetSpec;
use crate::function::{Out, Side, one_sided};
use crate::json::JSON_TYPE;

/// What is done with a result.
pub(super) type EmitJson = Arc<dyn Fn(&mut Out<'_, '_>, Value) + Send + Sync>;

type Compiled = Option<Arc<dyn Expression>>;

/// All targets, one after the other.
pub(super) fn all(targets: &[TargetSpec], expressions: &dyn Expressions) -> Result<EmitJson, ComponentError> {
    let targets: Vec<EmitJson> = targets.iter().map(|target| one(target, expressions)).collect::<Result<_, _>>()?;
    Ok(Arc::new(move |out, result| targets.iter().for_each(|target| target(out, result.clone()))))
}

/// One target.
pub(super) fn one(target: &TargetSpec, expressions: &dyn Expressions) -> Result<EmitJson, ComponentError> {
    let compile = |source: &Option<String>, what| compiled(source.as_deref(), what, &[Variable::Result], expressions);
    match target {
        TargetSpec::Function { function, id, select, value_type, input } => {
            let function = function_type(function)?;
            let (id, select) = (compile(id, "the id of a target")?, compile(select, "what is sent to a target")?);
            let named = ValueType::named(value_type.as_deref().unwrap_or(JSON_TYPE));
            let value_type = named.map_err(|error| ComponentError::Name(error.to_string()))?;
            let side = match input {
                None => None,
                Some(0) => Some(Side::Left),
                Some(1) => Some(Side::Right),
                Some(other) => return Err(ComponentError::Input(*other)),
            };
            Ok(Arc::new(move |out, result| match message(out, &id, &select, &result) {
                Ok((id, value)) => {
                    let argument = typed(value_type, &value);
                    let argument = match side {
                        Some(side) => one_sided(side, &argument),
                        None => argument,
                    };
                    out.send_value(Address::new(function, id), argument);
                }
                Err(error) => refuse(out, &result, &error),
            }))
        }
        TargetSpec::Egress { egress, topic, key, select } => {
            let symbol = Symbol::intern(egress).map_err(|error| ComponentError::Name(error.to_string()))?;
            let (egress, topic) = (EgressId(symbol), topic.clone());
            let (key, select) = (compile(key, "the key of a record")?, compile(select, "what is written")?);
            Ok(Arc::new(move |out, result| match message(out, &key, &select, &result) {
                Ok((key, value)) => match &topic {
                    Some(topic) => {
                        let record = KafkaRecord::new(topic.as_str()).key(key.as_str());
                        out.egress(egress, &record.payload(value.to_string()));
                    }
                    None => out.egress_value(egress, typed(value_type!(JSON_TYPE), &value)),
                },
                Err(error) => refuse(out, &result, &error),
            }))
        }
    }
}

fn message(
    out: &Out<'_, '_>,
    id: &Compiled,
    select: &Compiled,
    result: &Value,
) -> Result<(CompactString, Value), EvaluationError> {
    let variables = [(Variable::Result, result)];
    let id = match id {
        None => out.key().clone(),
        Some(id) => text(&id.evaluate(&variables)?)?,
    };
    let value = match select {
        None => result.clone(),
        Some(select) => select.evaluate(&variables)?,
    };
    Ok((id, value))
}

/// A key or an id: a text, a number or a boolean.
pub(super) fn text(value: &Value) -> Result<CompactString, EvaluationError> {
    match value {
        Value::String(text) => Ok(text.as_str().into()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(EvaluationError(format!("a key must be a text, a number or a boolean, this is {value}")))
        }
    }
}

fn typed(value_type: ValueType, value: &Value) -> TypedValue {
    if value_type.as_str() == "io.statefun.types/string" {
        return value.to_string().to_value().unwrap_or_else(|_| TypedValue::new(value_type, Vec::new()));
    }
    TypedValue::new(value_type, value.to_string().into_bytes())
}

fn refuse(out: &mut Out<'_, '_>, result: &Value, error: &EvaluationError) {
    out.refuse_value(typed(value_type!(JSON_TYPE), result), format!("a result has no target: {error}"));
}

/// The function type of a name.
pub(super) fn named(function: &str) -> Result<FunctionType, ComponentError> {
    FunctionType::parse(function).map_err(|error| ComponentError::Name(error.to_string()))
}
