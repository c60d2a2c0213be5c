//! What a module says about the time of an ingress.

use std::time::Duration;

use compact_str::CompactString;

use super::{Millis, Strategy};

/// How an ingress tells time. An ingress without one is untimed: its events belong to no domain of event time and hold
/// nobody's watermark back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatermarkStrategy {
    /// How watermarks are made of the events of a partition.
    pub strategy: Strategy,
    /// Where an event's time is taken from.
    pub timestamps: TimestampSource,
    /// A partition that was silent for so long stands aside until it speaks again; `None`: never.
    pub idle_after: Option<Duration>,
    /// A partition that is further ahead of the slowest one than this, in milliseconds of event time, is read no further
    /// until the others have caught up; `None`: partitions may drift apart.
    pub max_drift: Option<Millis>,
}

impl WatermarkStrategy {
    /// A strategy over the times that the source's records carry, in which nobody is ever idle.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, timestamps: TimestampSource::Record, idle_after: None, max_drift: None }
    }
}

/// Where the time of an event is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum TimestampSource {
    /// From the record, as the source's system keeps it (a Kafka record's timestamp).
    #[default]
    Record,
    /// From a field of the value, which is JSON: a path of names separated by dots. Unix milliseconds, or text in RFC 3339.
    Field(CompactString),
    /// From a header of the record: Unix milliseconds as decimal text.
    Header(CompactString),
    /// From the node's clock when the event is read.
    Ingestion,
}
