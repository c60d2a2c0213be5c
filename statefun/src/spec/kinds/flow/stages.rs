//! Patterns written as a list of stages.

use std::num::NonZeroU32;

use crate::spec::pattern::{STAGES_MAX, TIMES_MAX, is_stage_name};
use crate::spec::read::{Fault, Faults, Field, Unknown, Value};
use crate::spec::{Between, Code, Link, Stage, StageTimes};

/// What the condition of a stage knows.
pub(super) const CONDITION: [&str; 2] = ["event", "matched"];

/// The stages of a pattern or of a group.
pub(super) fn stages(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Vec<Stage>> {
    let items = field.filled_list(faults)?;
    if items.len() > STAGES_MAX {
        let message = format!("a pattern has at most {STAGES_MAX} stages");
        faults.push(Fault::error(Code::TooLarge, field, message));
        return None;
    }
    let count = items.len();
    let stages: Vec<Stage> = items.iter().enumerate().filter_map(|(n, item)| stage(item, n == 0, faults)).collect();
    (stages.len() == count).then_some(stages)
}

/// One of the mapping's keys says how the stage follows: `stage` for the first, `next`, `followedBy` and so on for
/// others; its value is the stage's name, or the list of a group.
fn stage(item: &Field<'_>, is_first: bool, faults: &mut Faults<'_>) -> Option<Stage> {
    let mut fields = item.fields(Unknown::Refuse, faults)?;
    let first = fields.optional("stage").map(|field| (None, field));
    let links = Link::WORDS.iter().filter_map(|(word, link)| Some((Some(*link), fields.optional(word)?)));
    let written: Vec<_> = first.into_iter().chain(links).collect();
    let condition = fields.optional("where").and_then(|field| field.expression(&CONDITION, faults));
    let until = fields.optional("until").and_then(|field| field.expression(&CONDITION, faults));
    let times = fields.optional("times").and_then(|field| times(&field, faults));
    let words = [("unfitting", Between::Unfitting), ("nothing", Between::Nothing), ("anything", Between::Anything)];
    let between = fields.optional("between").and_then(|field| field.word(&words, faults));
    let greedy = fields.optional("greedy").and_then(|field| field.boolean(faults));
    let optional = fields.optional("optional").and_then(|field| field.boolean(faults));
    let within_previous = fields.optional("withinPrevious").and_then(|field| field.positive_duration(faults));
    let [(link, field)] = written.as_slice() else {
        if let [_, (_, second), ..] = written.as_slice() {
            faults.push(Fault::error(Code::Conflict, second, "a stage follows in one way"));
        } else if !fields.has_unknown() {
            let message = if is_first { "`stage` is missing" } else { "nothing says how this stage follows" };
            faults.push(Fault::error(Code::MissingField, item, message));
        }
        fields.finish(faults);
        return None;
    };
    fields.finish(faults);
    match (is_first, link) {
        (true, Some(link)) => {
            let message = format!("`{}`: the first stage follows nothing; write `stage`", link.word());
            faults.push(Fault::error(Code::Conflict, field, message));
            return None;
        }
        (false, None) => {
            let message = "say how this stage follows: next, followedBy, followedByAny, notNext or notFollowedBy";
            faults.push(Fault::error(Code::Conflict, field, message));
            return None;
        }
        _ => {}
    }
    let stage = match &field.node.value {
        Value::List(_) => Stage::group(stages(field, faults)?),
        _ => {
            let name = field.text(faults)?;
            if !is_stage_name(&name) {
                let message =
                    format!("`{name}` cannot name a stage: letters, digits and _, no word of the pattern language");
                faults.push(Fault::error(Code::InvalidValue, field, message));
                return None;
            }
            Stage::named(name)
        }
    };
    let (times, by_times) = times.unwrap_or((StageTimes::Once, false));
    Some(Stage {
        link: *link,
        condition,
        times,
        between: between.unwrap_or(Between::Unfitting),
        greedy: greedy.unwrap_or(false),
        optional: optional.unwrap_or(false) || by_times,
        until,
        within_previous,
        ..stage
    })
}

/// `3`, `2..5` or `2+`, and whether it may be none at all.
fn times(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<(StageTimes, bool)> {
    let text = field.any_text(faults)?;
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|n| *n <= TIMES_MAX);
    let read = if let Some(least) = text.trim().strip_suffix('+') {
        number(least).map(|least| match NonZeroU32::new(least) {
            Some(least) => (StageTimes::AtLeast(least), false),
            None => (StageTimes::AtLeast(NonZeroU32::MIN), true),
        })
    } else if let Some((least, most)) = text.split_once("..") {
        match (number(least), number(most).and_then(NonZeroU32::new)) {
            (Some(least), Some(most)) if least <= most.get() => Some((StageTimes::Between(least, most), false)),
            _ => None,
        }
    } else {
        number(&text).and_then(NonZeroU32::new).map(|times| (StageTimes::Exactly(times), false))
    };
    if read.is_none() {
        let message = format!("`{text}` is no number of times; write `3`, `2..5` or `2+`, {TIMES_MAX} at the most");
        faults.push(Fault::error(Code::InvalidValue, field, message));
    }
    read
}
