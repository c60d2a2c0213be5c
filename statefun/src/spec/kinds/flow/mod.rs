//! `io.statefun.flow.v1/window`, `/join`, `/cogroup` and `/pattern`: functions that consist of a declaration.
//!
//! A reader makes a [`Draft`]: everything but the names it refers to, which may be declared further below. When all
//! documents are read, [`resolve`](super::super::components::resolve) makes components of the drafts.

mod aggregate;
mod join;
mod pattern;
mod stages;
mod window;

pub(super) use join::{cogroup, join};
pub(super) use pattern::pattern;
pub(super) use window::window;

use super::{Claim, Declared};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown, Value};
use crate::spec::{Code, Expression, Input, Location, Operator, TypeNameText};

/// What expressions over events know.
const EVENT: [&str; 1] = ["event"];
/// What expressions over results know.
const RESULT: [&str; 1] = ["result"];

/// A component whose references are not looked up yet.
pub(in crate::spec) struct Draft {
    pub name: TypeNameText,
    pub operator: Operator,
    /// Who sends to each of its inputs, as written.
    pub from: Vec<Vec<Reference>>,
    /// Components whose results get here by way of functions.
    pub after: Vec<Reference>,
    pub emit: Option<Expression>,
    pub to: Vec<TargetDraft>,
    pub late: Option<TargetDraft>,
    pub timeout: Option<TargetDraft>,
    pub overflow: Option<TargetDraft>,
    /// Whether nothing would ever come out without event time.
    pub needs_time: bool,
    pub declared_at: Location,
    /// The fault to report about it as a whole.
    pub fault: Fault,
}

/// A name, and the fault to report if nothing has it.
#[derive(Clone)]
pub(in crate::spec) struct Reference {
    pub name: TypeNameText,
    pub fault: Fault,
}

/// A target whose nature is not known yet.
pub(in crate::spec) struct TargetDraft {
    pub to: Reference,
    /// What it was said to be.
    pub nature: Option<Nature>,
    pub id: Option<Expression>,
    pub topic: Option<String>,
    pub key: Option<Expression>,
    pub value_type: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum Nature {
    Function,
    Egress,
}

/// Whether a component has partial matches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pattern,
    Other,
}

/// What all components have, read before and after what is their own.
struct Common {
    name: Option<TypeNameText>,
    declared_at: Location,
    fault: Fault,
}

fn common(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) -> Common {
    let declared_at = fields.location(out.faults);
    let field = fields.required("name");
    let name = field.as_ref().and_then(|field| field.typename(out.faults));
    let fault = match &field {
        Some(field) => Fault::error(Code::InvalidValue, field, ""),
        None => fields.fault(Code::InvalidValue, ""),
    };
    if let (Some(name), Some(field)) = (&name, &field) {
        let message = format!("the function type `{name}` was previously defined");
        let fault = Fault::error(Code::DuplicateFunctions, field, message);
        out.bindings.push(Claim { name: name.to_string(), declared_at: field.location(out.faults), fault });
    }
    Common { name, declared_at, fault }
}

/// Reads what is left, and hands the draft in if nothing essential is missing.
fn hand_in(
    common: Common,
    kind: Kind,
    operator: Option<Operator>,
    from: Vec<Vec<Reference>>,
    needs_time: bool,
    fields: &mut Fields<'_>,
    out: &mut Declared<'_, '_>,
) {
    let after = fields.optional("after").map(|field| references(&field, out.faults)).unwrap_or_default();
    let emit = fields.optional("emit").and_then(|field| shape(&field, &RESULT, out.faults));
    let to = fields.required("to").and_then(|field| targets(&field, out.faults));
    let late = fields.optional("late").and_then(|field| target(&field, out.faults));
    let (mut timeout, mut overflow) = (None, None);
    if kind == Kind::Pattern {
        timeout = fields.optional("timeout").and_then(|field| target(&field, out.faults));
        overflow = fields.optional("overflow").and_then(|field| target(&field, out.faults));
    }
    let (Some(name), Some(operator), Some(to)) = (common.name, operator, to) else { return };
    let Common { declared_at, fault, .. } = common;
    let draft =
        Draft { name, operator, from, after, emit, to, late, timeout, overflow, needs_time, declared_at, fault };
    out.drafts.push(draft);
}

/// `from`, `key`, `where` and `time`.
fn input(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> (Input, Vec<Reference>) {
    let from = fields.optional("from").map(|field| references(&field, faults)).unwrap_or_default();
    let key = fields.optional("key").and_then(|field| field.expression(&EVENT, faults));
    let condition = fields.optional("where").and_then(|field| field.expression(&EVENT, faults));
    let time = fields.optional("time").and_then(|field| field.expression(&EVENT, faults));
    (Input { from: Vec::new(), key, condition, time }, from)
}

/// One name or a list of them.
fn references(field: &Field<'_>, faults: &mut Faults<'_>) -> Vec<Reference> {
    let items = match &field.node.value {
        Value::List(_) => field.list(faults).unwrap_or_default(),
        _ => vec![field.clone()],
    };
    items.iter().filter_map(|item| reference(item, faults)).collect()
}

fn reference(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Reference> {
    let name = field.typename(faults)?;
    Some(Reference { name, fault: Fault::error(Code::UnknownName, field, "") })
}

/// An expression, or a mapping of names to expressions that makes an object.
fn shape(field: &Field<'_>, variables: &[&str], faults: &mut Faults<'_>) -> Option<Expression> {
    let Value::Map(entries) = &field.node.value else { return field.expression(variables, faults) };
    let mut parts = Vec::new();
    for entry in entries {
        let child = field.child(&entry.key)?;
        let expression = child.expression(variables, faults)?;
        let name = serde_json::Value::from(entry.key.as_str());
        parts.push(format!("{name}: ({})", expression.text));
    }
    Some(Expression { text: format!("{{{}}}", parts.join(", ")), at: field.location(faults) })
}

/// One target or a list of them.
fn targets(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Vec<TargetDraft>> {
    let items = match &field.node.value {
        Value::List(_) => field.filled_list(faults)?,
        _ => vec![field.clone()],
    };
    let count = items.len();
    let targets: Vec<_> = items.iter().filter_map(|item| target(item, faults)).collect();
    (targets.len() == count).then_some(targets)
}

/// A name, or a mapping with `function` or `egress`.
fn target(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<TargetDraft> {
    if let Value::Scalar { .. } = &field.node.value {
        let to = reference(field, faults)?;
        return Some(TargetDraft { to, nature: None, id: None, topic: None, key: None, value_type: None });
    }
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let (function, egress) = (fields.optional("function"), fields.optional("egress"));
    let (mut id, mut topic, mut key, mut value_type) = (None, None, None, None);
    let (to, nature) = match (function, egress) {
        (Some(function), None) => {
            fields.hint("topic", "only an egress has topics");
            fields.hint("key", "the id of a function is called `id`");
            id = fields.optional("id").and_then(|field| field.expression(&RESULT, faults));
            value_type = fields.optional("valueType").and_then(|field| field.text(faults));
            (reference(&function, faults), Nature::Function)
        }
        (None, Some(egress)) => {
            fields.hint("id", "the key of a record is called `key`");
            fields.hint("valueType", "a record is JSON text");
            topic = fields.optional("topic").and_then(|field| field.text(faults));
            key = fields.optional("key").and_then(|field| field.expression(&RESULT, faults));
            (reference(&egress, faults), Nature::Egress)
        }
        (None, None) => {
            for name in ["id", "topic", "key", "valueType"] {
                fields.optional(name);
            }
            let message = "a target is the name of a function or egress, or a mapping with `function` or `egress`";
            faults.push(Fault::error(Code::MissingField, field, message));
            fields.finish(faults);
            return None;
        }
        (Some(_), Some(egress)) => {
            let message = "`function` and `egress` exclude each other; write two targets";
            faults.push(Fault::error(Code::Conflict, &egress, message));
            return None;
        }
    };
    fields.finish(faults);
    Some(TargetDraft { to: to?, nature: Some(nature), id, topic, key, value_type })
}
