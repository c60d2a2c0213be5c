//! `io.statefun.flow.v1/join` and `io.statefun.flow.v1/cogroup`.

use super::window::{needs_time, shape};
use super::{Declared, Kind, Reference, common, hand_in, input};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown};
use crate::spec::{CoGroupOperator, Code, Input, JoinOperator, Meeting, Operator};

pub(in crate::spec::kinds) fn join(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let common = common(fields, out);
    let (left, right, from) = sides(fields, out.faults);
    let meeting = meeting(fields, out.faults);
    let needs_time = match &meeting {
        Some(Meeting::Window(window)) => needs_time(window),
        Some(Meeting::Interval { .. }) | None => true,
    };
    let operator = left
        .zip(right)
        .zip(meeting)
        .map(|((left, right), meeting)| Operator::Join(Box::new(JoinOperator { left, right, meeting })));
    hand_in(common, Kind::Other, operator, from, needs_time, fields, out);
}

pub(in crate::spec::kinds) fn cogroup(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let common = common(fields, out);
    let (left, right, from) = sides(fields, out.faults);
    let window = shape(fields, out.faults);
    let needs_time = window.as_ref().is_some_and(needs_time);
    let operator = left
        .zip(right)
        .zip(window)
        .map(|((left, right), window)| Operator::CoGroup(Box::new(CoGroupOperator { left, right, window })));
    hand_in(common, Kind::Other, operator, from, needs_time, fields, out);
}

type Sides = (Option<Input>, Option<Input>, Vec<Vec<Reference>>);

fn sides(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Sides {
    let mut side = |name| -> Option<(Input, Vec<Reference>)> {
        let mut fields = fields.required(name)?.fields(Unknown::Refuse, faults)?;
        let read = input(&mut fields, faults);
        // Without it nothing would tell from which side a record comes.
        fields.required("key");
        fields.finish(faults);
        Some(read)
    };
    let (left, right) = (side("left"), side("right"));
    let ((left, left_from), (right, right_from)) = (apart(left), apart(right));
    (left, right, vec![left_from, right_from])
}

fn apart(side: Option<(Input, Vec<Reference>)>) -> (Option<Input>, Vec<Reference>) {
    side.map_or((None, Vec::new()), |(input, from)| (Some(input), from))
}

/// `within: 5 s`, `between: [-5 s, 1 min]`, or `window` with what belongs to it.
fn meeting(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<Meeting> {
    let (within, between) = (fields.optional("within"), fields.optional("between"));
    let window = fields.optional("window");
    match (within, between, window) {
        (Some(within), None, None) => {
            let span = within.positive_duration(faults)?;
            let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            Some(Meeting::Interval { from_ms: -ms, to_ms: ms })
        }
        (None, Some(between), None) => interval(&between, faults),
        (None, None, Some(_)) => shape(fields, faults).map(Meeting::Window),
        (None, None, None) => {
            let message = "nothing says which events meet: `within`, `between` or `window` is missing";
            faults.push(fields.fault(Code::MissingField, message));
            None
        }
        (Some(one), Some(_), _) | (Some(one), _, Some(_)) | (_, Some(one), Some(_)) => {
            let message = "`within`, `between` and `window` exclude each other: each says which events meet";
            faults.push(Fault::error(Code::Conflict, &one, message));
            None
        }
    }
}

fn interval(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Meeting> {
    let items = field.list(faults)?;
    let [from, to] = items.as_slice() else {
        let message = "write from when to when the right event happens, seen from the left, as in `[-5 s, 1 min]`";
        faults.push(Fault::error(Code::WrongType, field, message));
        return None;
    };
    let (from_ms, to_ms) = (from.signed_millis(faults), to.signed_millis(faults));
    let (from_ms, to_ms) = (from_ms?, to_ms?);
    if from_ms > to_ms {
        faults.push(Fault::error(Code::Conflict, field, "this span ends before it begins"));
        return None;
    }
    Some(Meeting::Interval { from_ms, to_ms })
}
