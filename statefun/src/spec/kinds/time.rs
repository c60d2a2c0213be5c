//! `eventTime` of an ingress: where times stand, and how watermarks follow from them.

use std::time::Duration;

use crate::spec::read::{Fault, Faults, Field, Fields, Unknown, Value};
use crate::spec::{Code, EventTimeFormat, IngressTime, TimestampFrom, WatermarkKind};

/// What an ingress can take times from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offers {
    /// What stands beside the record, such as the timestamp Kafka keeps; `None`: nothing does.
    pub record: bool,
    /// The payload is or may be JSON.
    pub field: bool,
    /// Records have headers.
    pub header: bool,
    /// A single word without `$` is a field, as files have always had it.
    pub bare: bool,
    /// A field is a column as it stands, dots included.
    pub column: bool,
}

/// Reads `eventTime`, if it is there.
pub(super) fn event_time(fields: &mut Fields<'_>, offers: Offers, faults: &mut Faults<'_>) -> Option<IngressTime> {
    let field = fields.optional("eventTime")?;
    if let Value::Scalar { .. } = &field.node.value {
        let from = plain(&field, offers, faults)?;
        return Some(IngressTime { from, watermark: WatermarkKind::Ascending, idle_after: None, max_drift: None });
    }
    // An extension of ours, so nothing unknown is forgiven even within inherited kinds.
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let from = timestamps(&mut fields, &field, offers, faults);
    let watermark = watermarks(&mut fields, faults);
    let idle_after = fields.optional("idleAfter").and_then(|field| field.positive_duration(faults));
    let max_drift = fields.optional("maxDrift").and_then(|field| field.positive_duration(faults));
    fields.finish(faults);
    Some(IngressTime { from: from?, watermark: watermark?, idle_after, max_drift })
}

/// One word or path for all: `record`, `ingestion`, `$.at`.
fn plain(field: &Field<'_>, offers: Offers, faults: &mut Faults<'_>) -> Option<TimestampFrom> {
    let text = field.text(faults)?;
    match text.as_str() {
        "ingestion" => Some(TimestampFrom::Ingestion),
        "record" if offers.record => Some(TimestampFrom::Record),
        "record" => {
            refuse(field, "records of this ingress carry no time beside their payload", offers, faults);
            None
        }
        _ if offers.bare || text.starts_with('$') => in_field(field, EventTimeFormat::Millis, offers, faults),
        _ => {
            let message = format!("`{text}` says not where times stand");
            refuse(field, &message, offers, faults);
            None
        }
    }
}

fn refuse(field: &Field<'_>, message: &str, offers: Offers, faults: &mut Faults<'_>) {
    refuse_as(Code::InvalidValue, field, message, offers, faults);
}

fn refuse_as(code: Code, field: &Field<'_>, message: &str, offers: Offers, faults: &mut Faults<'_>) {
    let mut ways = vec!["`ingestion`"];
    if offers.record {
        ways.push("`record`");
    }
    if offers.field {
        ways.push("a field such as `$.at`");
    }
    if offers.header {
        ways.push("`{header: name}`");
    }
    faults.push(Fault::error(code, field, message).help(format!("there is {}", ways.join(", "))));
}

fn in_field(
    field: &Field<'_>,
    format: EventTimeFormat,
    offers: Offers,
    faults: &mut Faults<'_>,
) -> Option<TimestampFrom> {
    if !offers.field {
        refuse_as(
            Code::Conflict,
            field,
            "payloads of this ingress have no fields to take event time from",
            offers,
            faults,
        );
        return None;
    }
    let path = path(field, offers.column, faults)?;
    Some(TimestampFrom::Field { path, format })
}

/// `$.at` or `at`; dots lead into nested objects.
fn path(field: &Field<'_>, column: bool, faults: &mut Faults<'_>) -> Option<Vec<String>> {
    let text = field.text(faults)?;
    let names = text.strip_prefix("$.").unwrap_or(&text);
    if column {
        return Some(vec![names.to_owned()]);
    }
    let path: Vec<String> = names.split('.').map(str::to_owned).collect();
    if path.iter().any(|name| name.is_empty() || name.contains(['$', '[', ']', '*'])) {
        let message = format!("`{text}` names no field; write the names on the way to it, as in `$.order.at`");
        faults.push(Fault::error(Code::InvalidValue, field, message));
        return None;
    }
    Some(path)
}

/// `from`, or `field` and `format` without it.
fn timestamps(
    fields: &mut Fields<'_>,
    whole: &Field<'_>,
    offers: Offers,
    faults: &mut Faults<'_>,
) -> Option<TimestampFrom> {
    let from = fields.optional("from");
    let own = fields.optional("field");
    let format = format(fields, faults);
    match (from, own) {
        (Some(from), Some(_)) => {
            let message = "`from` and `field` exclude each other: both say where times stand";
            faults.push(Fault::error(Code::Conflict, &from, message));
            None
        }
        (None, Some(field)) => in_field(&field, format, offers, faults),
        (None, None) if offers.record => Some(TimestampFrom::Record),
        (None, None) => {
            refuse(whole, "this says not where times stand: `from` is missing", offers, faults);
            None
        }
        (Some(from), None) => match &from.node.value {
            Value::Map(_) => elsewhere(&from, offers, faults),
            _ => match plain(&from, offers, faults)? {
                TimestampFrom::Field { path, .. } => Some(TimestampFrom::Field { path, format }),
                other => Some(other),
            },
        },
    }
}

/// `{field: .., format: ..}` or `{header: .., format: ..}`.
fn elsewhere(from: &Field<'_>, offers: Offers, faults: &mut Faults<'_>) -> Option<TimestampFrom> {
    let mut fields = from.fields(Unknown::Refuse, faults)?;
    let (field, header) = (fields.optional("field"), fields.optional("header"));
    let format = format(&mut fields, faults);
    fields.finish(faults);
    match (field, header) {
        (Some(field), None) => in_field(&field, format, offers, faults),
        (None, Some(header)) if offers.header => header.text(faults).map(|name| TimestampFrom::Header { name, format }),
        (None, Some(header)) => {
            refuse(&header, "records of this ingress have no headers", offers, faults);
            None
        }
        (None, None) => {
            refuse(from, "this says not where times stand", offers, faults);
            None
        }
        (Some(_), Some(header)) => {
            let message = "`field` and `header` exclude each other: both say where times stand";
            faults.push(Fault::error(Code::Conflict, &header, message));
            None
        }
    }
}

fn format(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> EventTimeFormat {
    let words = [
        ("millis", EventTimeFormat::Millis),
        ("seconds", EventTimeFormat::Seconds),
        ("rfc3339", EventTimeFormat::Rfc3339),
    ];
    let format = fields.optional("format").and_then(|field| field.word(&words, faults));
    format.unwrap_or(EventTimeFormat::Millis)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Bounded,
    Ascending,
    Explicit,
}

fn watermarks(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<WatermarkKind> {
    let (delay_field, older) = (fields.optional("delay"), fields.optional("outOfOrderness"));
    if let (Some(_), Some(older)) = (&delay_field, &older) {
        let message = "`delay` and `outOfOrderness` exclude each other: both say how much later events may come";
        faults.push(Fault::error(Code::Conflict, older, message));
        return None;
    }
    let delay_field = delay_field.or(older);
    let delay = delay_field.as_ref().and_then(|field| field.duration(faults));
    let words = [("bounded", Kind::Bounded), ("ascending", Kind::Ascending), ("explicit", Kind::Explicit)];
    let field = fields.optional("watermark");
    let mut marked = None;
    let kind = match &field {
        None if delay_field.is_some() => Kind::Bounded,
        None => Kind::Ascending,
        Some(field) => match &field.node.value {
            Value::Map(_) => {
                let mut fields = field.fields(Unknown::Refuse, faults)?;
                marked = fields.required("field").and_then(|field| path(&field, false, faults));
                fields.finish(faults);
                marked.as_ref()?;
                Kind::Explicit
            }
            _ => field.word(&words, faults)?,
        },
    };
    match (kind, &delay_field) {
        (Kind::Bounded, _) => Some(WatermarkKind::Bounded { delay: delay.unwrap_or(Duration::ZERO) }),
        (Kind::Ascending | Kind::Explicit, Some(field)) => {
            let message = "only `watermark: bounded` has a delay";
            faults.push(Fault::error(Code::Conflict, field, message));
            None
        }
        (Kind::Ascending, None) => Some(WatermarkKind::Ascending),
        (Kind::Explicit, None) => Some(WatermarkKind::Explicit { field: marked }),
    }
}
