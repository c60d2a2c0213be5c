//! What a window computes.

use std::num::NonZeroU64;

use super::EVENT;
use crate::spec::read::{Fault, Faults, Field, Unknown, Value, nearest};
use crate::spec::{Code, WindowAggregate};

/// What is in every result, so no aggregate can have these names.
const TAKEN: [&str; 3] = ["key", "start", "end"];
const KINDS: [&str; 11] =
    ["count", "sum", "avg", "min", "max", "first", "last", "distinct", "quantiles", "topK", "collect"];
/// Beyond that it is not the top any more, and every event would move thousands of values.
const TOP_MAX: i64 = 10_000;

/// `aggregate: count`, or a mapping of names to aggregates.
pub(super) fn aggregates(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Vec<(String, WindowAggregate)>> {
    let Value::Map(entries) = &field.node.value else {
        let word = field.word(&[("count", WindowAggregate::Count)], faults)?;
        return Some(vec![("count".to_owned(), word)]);
    };
    if entries.is_empty() {
        faults.push(Fault::error(Code::EmptyList, field, "a window computes at least one thing"));
        return None;
    }
    let mut aggregates = Vec::new();
    for entry in entries {
        let child = field.child(&entry.key)?;
        if TAKEN.contains(&entry.key.as_str()) {
            let message = format!("`{}` is in every result already; call this otherwise", entry.key);
            faults.push(Fault::error_at(Code::Conflict, entry.key_span, message).path(child.path.clone()));
            continue;
        }
        if let Some(found) = aggregate(&child, faults) {
            aggregates.push((entry.key.clone(), found));
        }
    }
    (aggregates.len() == entries.len()).then_some(aggregates)
}

fn aggregate(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<WindowAggregate> {
    let entries = match &field.node.value {
        Value::Map(entries) => entries,
        _ => {
            let text = field.any_text(faults)?;
            if text == "count" {
                return Some(WindowAggregate::Count);
            }
            let message = format!("`{text}` says not what to compute; write `count`, or as in `sum: event.amount`");
            faults.push(Fault::error(Code::InvalidValue, field, message).suggest(nearest(&text, KINDS)));
            return None;
        }
    };
    let written: Vec<&'static str> =
        KINDS.into_iter().filter(|kind| entries.iter().any(|entry| entry.key == *kind)).collect();
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let kind = match written.as_slice() {
        [kind] => *kind,
        [one, other, ..] => {
            let message = format!("`{one}` and `{other}` exclude each other; give each a name of its own");
            faults.push(Fault::error(Code::Conflict, field, message));
            return None;
        }
        [] => {
            for kind in KINDS {
                fields.optional(kind);
            }
            if entries.is_empty() {
                let message = format!("one of {} is missing", KINDS.join(", "));
                faults.push(Fault::error(Code::MissingField, field, message));
            }
            fields.finish(faults);
            return None;
        }
    };
    let of = fields.required(kind).and_then(|field| field.expression(&EVENT, faults));
    let (mut approximate, mut at, mut k) = (false, None, None);
    match kind {
        "distinct" => {
            approximate = fields.optional("approximate").and_then(|field| field.boolean(faults)).unwrap_or(false);
        }
        "quantiles" => at = Some(fields.required("at").and_then(|field| shares(&field, faults))),
        "topK" => k = Some(fields.required("k").and_then(|field| field.integer(1..=TOP_MAX, faults))),
        _ => {}
    }
    fields.finish(faults);
    let of = of?;
    Some(match kind {
        "count" => WindowAggregate::Count,
        "sum" => WindowAggregate::Sum { of },
        "avg" => WindowAggregate::Avg { of },
        "min" => WindowAggregate::Min { of },
        "max" => WindowAggregate::Max { of },
        "first" => WindowAggregate::First { of },
        "last" => WindowAggregate::Last { of },
        "distinct" => WindowAggregate::Distinct { of, approximate },
        "quantiles" => WindowAggregate::Quantiles { of, at: at?? },
        "topK" => WindowAggregate::TopK { of, k: NonZeroU64::new(k??.unsigned_abs())? },
        _ => WindowAggregate::Collect { of },
    })
}

/// One share or a list of them.
fn shares(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Vec<f64>> {
    let items = match &field.node.value {
        Value::List(_) => field.filled_list(faults)?,
        _ => vec![field.clone()],
    };
    let count = items.len();
    let shares: Vec<f64> = items
        .iter()
        .filter_map(|item| {
            let share = item.number(faults)?;
            if !(0.0..=1.0).contains(&share) {
                faults.push(Fault::error(Code::InvalidValue, item, "a share is a number from 0 to 1"));
                return None;
            }
            Some(share)
        })
        .collect();
    (shares.len() == count).then_some(shares)
}
