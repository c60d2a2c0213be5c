//! How ingresses tell event time.

use std::sync::Arc;
use std::time::Duration;

use statefun::WatermarkStrategy;
use statefun::spec::{EventTimeFormat, Ingress, IngressTime, TimestampFrom, WatermarkKind};
use statefun::watermark::Strategy;
use statefun_ingress::stamp::{Stamp, Stamped};
use statefun_ingress::{file, kafka};
use statefun_runtime::SourceFactory;

use crate::Failure;

/// A connector whose records have their times, and how watermarks follow from them.
pub(super) fn timed(ingress: &Ingress, connector: SourceFactory) -> (SourceFactory, Option<WatermarkStrategy>) {
    let Some(time) = ingress.event_time() else { return (connector, None) };
    let stamp = match &time.from {
        // A file's reader looks into each record anyway.
        TimestampFrom::Field { .. } if matches!(ingress, Ingress::File(_)) => Stamp::Record,
        TimestampFrom::Field { path, format } => Stamp::Field { path: path.clone(), format: text(*format) },
        TimestampFrom::Record | TimestampFrom::Header { .. } => Stamp::Record,
        TimestampFrom::Ingestion => Stamp::Ingestion,
    };
    let mark = match &time.watermark {
        WatermarkKind::Explicit { field } => field.clone(),
        WatermarkKind::Bounded { .. } | WatermarkKind::Ascending => None,
    };
    let strategy = strategy(time);
    if stamp == Stamp::Record && mark.is_none() {
        return (connector, Some(strategy));
    }
    let stamped: SourceFactory = Arc::new(move || Box::new(Stamped::new(connector(), stamp.clone(), mark.clone())));
    (stamped, Some(strategy))
}

fn strategy(time: &IngressTime) -> WatermarkStrategy {
    let strategy = match &time.watermark {
        WatermarkKind::Bounded { delay } => Strategy::Bounded { delay: millis(*delay) },
        WatermarkKind::Ascending => Strategy::Ascending,
        WatermarkKind::Explicit { .. } => Strategy::Explicit,
    };
    WatermarkStrategy {
        idle_after: time.idle_after,
        max_drift: time.max_drift.map(millis),
        ..WatermarkStrategy::new(strategy)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn text(format: EventTimeFormat) -> file::EventTimeFormat {
    match format {
        EventTimeFormat::Millis => file::EventTimeFormat::Millis,
        EventTimeFormat::Seconds => file::EventTimeFormat::Seconds,
        EventTimeFormat::Rfc3339 => file::EventTimeFormat::Rfc3339,
    }
}

/// The field that a file's reader takes times from.
pub(super) fn file_field(time: Option<&IngressTime>) -> Option<file::EventTimeField> {
    match time.map(|time| &time.from) {
        Some(TimestampFrom::Field { path, format }) => {
            Some(file::EventTimeField { field: path.join("."), format: text(*format) })
        }
        _ => None,
    }
}

/// The header that Kafka's reader takes times from.
pub(super) fn kafka_header(time: Option<&IngressTime>) -> Option<kafka::TimeHeader> {
    match time.map(|time| &time.from) {
        Some(TimestampFrom::Header { name, format }) => {
            Some(kafka::TimeHeader { name: name.clone(), format: text(*format) })
        }
        _ => None,
    }
}

/// Requests have no event time yet.
pub(super) fn refuse(ingress: &Ingress) -> Result<(), Failure> {
    match ingress.event_time() {
        Some(_) => {
            let (id, at) = (ingress.id(), ingress.declared_at());
            Err(Failure::usage(format!("{at}: `eventTime` of the HTTP ingress {id} is understood but not served yet")))
        }
        None => Ok(()),
    }
}
