//! `io.statefun.flow.v1/window`, and the windows of joins.

use std::num::NonZeroU64;

use super::aggregate::aggregates;
use super::{Common, Declared, EVENT, Kind, common, hand_in, input};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown, Value};
use crate::spec::{Code, Gap, Operator, WindowEvictor, WindowOperator, WindowShape, WindowTrigger, Windows};

/// Triggers within triggers.
const PURGING_MAX: usize = 1;

pub(in crate::spec::kinds) fn window(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let common: Common = common(fields, out);
    let (input, from) = input(fields, out.faults);
    let window = shape(fields, out.faults);
    let aggregates = fields.required("aggregate").and_then(|field| aggregates(&field, out.faults));
    let needs_time = window.as_ref().is_some_and(needs_time);
    let operator = window
        .zip(aggregates)
        .map(|(window, aggregates)| Operator::Window(Box::new(WindowOperator { input, window, aggregates })));
    hand_in(common, Kind::Other, operator, vec![from], needs_time, fields, out);
}

/// Whether a window never fires unless event time moves.
pub(super) fn needs_time(shape: &WindowShape) -> bool {
    fn by_time(trigger: &WindowTrigger) -> bool {
        match trigger {
            WindowTrigger::EventTime | WindowTrigger::Every { .. } | WindowTrigger::EndOfInput => true,
            WindowTrigger::ProcessingTime
            | WindowTrigger::Count { .. }
            | WindowTrigger::Delta { .. }
            | WindowTrigger::Never => false,
            WindowTrigger::Purging { inner } => by_time(inner),
        }
    }
    match &shape.trigger {
        Some(trigger) => by_time(trigger),
        None => !matches!(shape.windows, Windows::Count { .. } | Windows::Global),
    }
}

/// `window`, `trigger`, `evictor` and `allowedLateness`.
pub(super) fn shape(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<WindowShape> {
    let window_field = fields.required("window");
    let windows = window_field.as_ref().and_then(|field| windows(field, faults));
    let trigger_field = fields.optional("trigger");
    let trigger = trigger_field.as_ref().and_then(|field| trigger(field, 0, faults));
    let evictor = fields.optional("evictor").and_then(|field| evictor(&field, faults));
    let lateness_field = fields.optional("allowedLateness");
    let lateness = lateness_field.as_ref().and_then(|field| field.duration(faults));
    let windows = windows?;
    let timed = !matches!(windows, Windows::Count { .. } | Windows::Global | Windows::EndOfInput);
    if let (false, Some(field)) = (timed, &lateness_field) {
        let message = "nothing is late for windows that do not end at a moment of event time";
        faults.push(Fault::error(Code::Conflict, field, message));
    }
    if let (Windows::Global, None, Some(field)) = (&windows, &trigger_field, &window_field) {
        let message = "a global window never fires by itself: it needs a `trigger`";
        faults.push(Fault::error(Code::Conflict, field, message));
    }
    Some(WindowShape { windows, trigger, evictor, allowed_lateness: lateness.unwrap_or_default() })
}

#[derive(Clone, Copy)]
enum Bare {
    Global,
    EndOfInput,
}

fn windows(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Windows> {
    if let Value::Scalar { .. } = &field.node.value {
        return Some(match field.word(&[("global", Bare::Global), ("endOfInput", Bare::EndOfInput)], faults)? {
            Bare::Global => Windows::Global,
            Bare::EndOfInput => Windows::EndOfInput,
        });
    }
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let Some((kind, of)) = only(&mut fields, ["tumbling", "sliding", "cumulate", "session", "count"], field, faults)
    else {
        for name in ["offset", "every", "step"] {
            fields.optional(name);
        }
        fields.finish(faults);
        return None;
    };
    let windows = match kind {
        "tumbling" => {
            let (size, offset_ms) = (of.positive_duration(faults), offset(&mut fields, faults));
            size.map(|size| Windows::Tumbling { size, offset_ms })
        }
        "sliding" => {
            let size = of.positive_duration(faults);
            let every = fields.required("every").and_then(|field| field.positive_duration(faults));
            let offset_ms = offset(&mut fields, faults);
            size.zip(every).map(|(size, every)| Windows::Sliding { size, every, offset_ms })
        }
        "cumulate" => {
            let size = of.positive_duration(faults);
            let step_field = fields.required("step");
            let step = step_field.as_ref().and_then(|field| field.positive_duration(faults));
            let offset_ms = offset(&mut fields, faults);
            if let (Some(size), Some(step), Some(field)) = (size, step, &step_field)
                && size.as_millis().checked_rem(step.as_millis()) != Some(0)
            {
                let message = "the step must divide the size, or the last window would not reach it";
                faults.push(Fault::error(Code::Conflict, field, message));
            }
            size.zip(step).map(|(size, step)| Windows::Cumulate { size, step, offset_ms })
        }
        "session" => gap(&of, faults).map(|gap| Windows::Session { gap }),
        _ => {
            let size = count(&of, faults);
            let every = fields.optional("every").and_then(|field| count(&field, faults));
            size.map(|size| Windows::Count { size, every })
        }
    };
    fields.finish(faults);
    windows
}

/// The one field of several that says which kind this is.
fn only<'a, const N: usize>(
    fields: &mut Fields<'a>,
    names: [&'static str; N],
    whole: &Field<'_>,
    faults: &mut Faults<'_>,
) -> Option<(&'static str, Field<'a>)> {
    let mut found: Vec<_> = names.into_iter().filter_map(|name| fields.optional(name).map(|it| (name, it))).collect();
    if found.len() > 1 {
        let message = format!("`{}` and `{}` exclude each other", found[0].0, found[1].0);
        faults.push(Fault::error(Code::Conflict, &found[1].1, message));
        return None;
    }
    let first = found.pop();
    // A misspelt one is reported as such.
    if first.is_none() && !fields.has_unknown() {
        let message = format!("one of {} is missing", names.join(", "));
        faults.push(Fault::error(Code::MissingField, whole, message));
    }
    first
}

fn offset(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> i64 {
    fields.optional("offset").and_then(|field| field.signed_millis(faults)).unwrap_or(0)
}

fn count(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<NonZeroU64> {
    field.integer(1..=i64::MAX, faults).and_then(|number| NonZeroU64::new(number.unsigned_abs()))
}

/// A duration, or `{each: expression}`.
fn gap(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Gap> {
    let Value::Map(_) = &field.node.value else { return field.positive_duration(faults).map(Gap::Fixed) };
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let each = fields.required("each").and_then(|field| field.expression(&EVENT, faults));
    fields.finish(faults);
    each.map(Gap::Each)
}

fn trigger(field: &Field<'_>, depth: usize, faults: &mut Faults<'_>) -> Option<WindowTrigger> {
    if let Value::Scalar { .. } = &field.node.value {
        let words = [
            ("eventTime", WindowTrigger::EventTime),
            ("processingTime", WindowTrigger::ProcessingTime),
            ("endOfInput", WindowTrigger::EndOfInput),
            ("never", WindowTrigger::Never),
        ];
        return field.word(&words, faults);
    }
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let Some((kind, of)) = only(&mut fields, ["count", "every", "delta", "purging"], field, faults) else {
        fields.optional("of");
        fields.finish(faults);
        return None;
    };
    let trigger = match kind {
        "count" => count(&of, faults).map(|count| WindowTrigger::Count { count }),
        "every" => of.positive_duration(faults).map(|interval| WindowTrigger::Every { interval }),
        "delta" => {
            let threshold = of.number(faults);
            let of = fields.required("of").and_then(|field| field.expression(&EVENT, faults));
            threshold.zip(of).map(|(threshold, of)| WindowTrigger::Delta { threshold, of })
        }
        _ if depth >= PURGING_MAX => {
            faults.push(Fault::error(Code::Conflict, &of, "a window that is purged already need not be purged again"));
            None
        }
        _ => trigger(&of, depth + 1, faults).map(|inner| WindowTrigger::Purging { inner: Box::new(inner) }),
    };
    fields.finish(faults);
    trigger
}

fn evictor(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<WindowEvictor> {
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let after = fields.optional("after").and_then(|field| field.boolean(faults)).unwrap_or(false);
    let evictor = match only(&mut fields, ["count", "time", "delta"], field, faults) {
        Some(("count", of)) => count(&of, faults).map(|count| WindowEvictor::Count { count, after }),
        Some(("time", of)) => of.positive_duration(faults).map(|span| WindowEvictor::Time { span, after }),
        Some((_, of)) => {
            let threshold = of.number(faults);
            let of = fields.required("of").and_then(|field| field.expression(&EVENT, faults));
            threshold.zip(of).map(|(threshold, of)| WindowEvictor::Delta { threshold, of, after })
        }
        None => {
            fields.optional("of");
            None
        }
    };
    fields.finish(faults);
    evictor
}
