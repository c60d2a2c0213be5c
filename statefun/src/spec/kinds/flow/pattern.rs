//! `io.statefun.flow.v1/pattern`.

use std::num::NonZeroU32;

use super::stages::{CONDITION, stages};
use super::{Declared, Kind, common, hand_in, input};
use crate::spec::pattern::parse_pattern;
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown, Value, nearest};
use crate::spec::{Code, OnChange, OnOverflow, Operator, PatternOperator, PatternSpec, Skip, Stage};

pub(in crate::spec::kinds) fn pattern(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let common = common(fields, out);
    let (input, from) = input(fields, out.faults);
    let pattern = pattern_spec(fields, out.faults);
    let operator = pattern.map(|pattern| Operator::Pattern(Box::new(PatternOperator { input, pattern })));
    hand_in(common, Kind::Pattern, operator, vec![from], true, fields, out);
}

fn pattern_spec(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<PatternSpec> {
    let pattern = fields.required("pattern");
    let mut within = None;
    let mut read = None;
    if let Some(field) = &pattern {
        match &field.node.value {
            Value::Scalar { .. } => {
                if let Some((stages, limit)) = text(field, faults) {
                    (read, within) = (Some(stages), limit);
                }
            }
            _ => read = stages(field, faults),
        }
    }
    if let Some(field) = fields.optional("within") {
        if within.is_some() {
            let message = "the pattern says `within` already";
            faults.push(Fault::error(Code::Conflict, &field, message));
        }
        within = within.or_else(|| field.positive_duration(faults));
    }
    let conditions = fields.optional("conditions");
    let skip_field = fields.optional("skip");
    let limits_field = fields.optional("limits");
    let words = [("keep", OnChange::Keep), ("discard", OnChange::Discard)];
    let on_change = fields.optional("onChange").and_then(|field| field.word(&words, faults));
    let (partial_matches_max, waiting_events_max, on_overflow) =
        limits_field.map_or((None, None, None), |field| limits(&field, faults));
    let mut stages = read?;
    if let Some(field) = conditions {
        give_conditions(&field, &mut stages, faults);
    }
    let skip = skip_field.and_then(|field| skip(&field, &stages, faults));
    Some(PatternSpec {
        stages,
        within,
        skip: skip.unwrap_or(Skip::None),
        partial_matches_max,
        waiting_events_max,
        on_overflow: on_overflow.unwrap_or(OnOverflow::DropNewest),
        on_change: on_change.unwrap_or(OnChange::Keep),
    })
}

/// A pattern in one line.
fn text(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<crate::spec::ParsedPattern> {
    let text = field.text(faults)?;
    let parsed = parse_pattern(&text, &mut |text, start| field.expression_at(text, start, &CONDITION, faults));
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let at = field.span_within(error.at.clone(), faults);
            let fault = Fault::error_at(Code::InvalidPattern, at, error.message).path(field.path.clone());
            faults.push(fault.suggest(error.suggestion));
            None
        }
    }
}

/// `conditions`: expressions by the names of stages.
fn give_conditions(field: &Field<'_>, stages: &mut [Stage], faults: &mut Faults<'_>) {
    let Value::Map(entries) = &field.node.value else {
        field.wrong_type("a mapping of stages to expressions", faults);
        return;
    };
    for entry in entries {
        let Some(child) = field.child(&entry.key) else { continue };
        let Some(condition) = child.expression(&CONDITION, faults) else { continue };
        let names: Vec<String> = stages.iter().flat_map(Stage::names).map(str::to_owned).collect();
        match find(stages, &entry.key) {
            Some(stage) if stage.condition.is_some() => {
                let message = format!("the stage `{}` has a condition already", entry.key);
                faults.push(Fault::error_at(Code::Conflict, entry.key_span, message).path(child.path.clone()));
            }
            Some(stage) => stage.condition = Some(condition),
            None => {
                let message = format!("the pattern has no stage `{}`", entry.key);
                let fault = Fault::error_at(Code::UnknownName, entry.key_span, message).path(child.path.clone());
                faults.push(fault.suggest(nearest(&entry.key, names.iter().map(String::as_str)).map(str::to_owned)));
            }
        }
    }
}

fn find<'a>(stages: &'a mut [Stage], name: &str) -> Option<&'a mut Stage> {
    for stage in stages {
        if stage.name.as_deref() == Some(name) {
            return Some(stage);
        }
        if let Some(found) = find(&mut stage.group, name) {
            return Some(found);
        }
    }
    None
}

/// `none`, `next`, `pastLast`, `{toFirst: stage}` or `{toLast: stage}`.
fn skip(field: &Field<'_>, stages: &[Stage], faults: &mut Faults<'_>) -> Option<Skip> {
    let Value::Map(_) = &field.node.value else {
        return field.word(&[("none", Skip::None), ("next", Skip::Next), ("pastLast", Skip::PastLast)], faults);
    };
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let (first, last) = (fields.optional("toFirst"), fields.optional("toLast"));
    fields.finish(faults);
    let (stage, is_first) = match (first, last) {
        (Some(first), None) => (first, true),
        (None, Some(last)) => (last, false),
        (None, None) => return None,
        (Some(_), Some(last)) => {
            faults.push(Fault::error(Code::Conflict, &last, "`toFirst` and `toLast` exclude each other"));
            return None;
        }
    };
    let name = stage.text(faults)?;
    let names: Vec<&str> = stages.iter().flat_map(Stage::names).collect();
    if !names.contains(&name.as_str()) {
        let meant = nearest(&name, names.iter().copied());
        let message = format!("the pattern has no stage `{name}`");
        faults.push(Fault::error(Code::UnknownName, &stage, message).suggest(meant));
        return None;
    }
    Some(if is_first { Skip::ToFirst(name) } else { Skip::ToLast(name) })
}

type Limits = (Option<NonZeroU32>, Option<NonZeroU32>, Option<OnOverflow>);

fn limits(field: &Field<'_>, faults: &mut Faults<'_>) -> Limits {
    let Some(mut fields) = field.fields(Unknown::Refuse, faults) else { return (None, None, None) };
    let mut number = |name| {
        let number = fields.optional(name)?.integer(1..=i32::MAX, faults)?;
        NonZeroU32::new(number.unsigned_abs())
    };
    let (partial_matches, waiting_events) = (number("partialMatches"), number("waitingEvents"));
    let words = [("dropNewest", OnOverflow::DropNewest), ("dropOldest", OnOverflow::DropOldest)];
    let on_overflow = fields.optional("onOverflow").and_then(|field| field.word(&words, faults));
    fields.finish(faults);
    (partial_matches, waiting_events, on_overflow)
}
