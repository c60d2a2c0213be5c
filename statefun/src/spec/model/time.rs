//! How an ingress tells event time.

use std::time::Duration;

use serde::Serialize;

use super::EventTimeFormat;

/// The event time of an ingress. Without one its messages have no time, and no window waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngressTime {
    /// Where the time of an event stands.
    pub from: TimestampFrom,
    /// How watermarks follow from it.
    pub watermark: WatermarkKind,
    /// How long a partition may be silent before the others go on without it; `None`: they wait.
    pub idle_after: Option<Duration>,
    /// How far a partition may run ahead of the slowest; `None`: as far as it can.
    pub max_drift: Option<Duration>,
}

/// Where the time of an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum TimestampFrom {
    /// The timestamp the system keeps beside the record.
    Record,
    /// A field of the JSON payload.
    Field {
        /// Names from the outside in.
        path: Vec<String>,
        /// How the time is written there.
        format: EventTimeFormat,
    },
    /// A header of the record.
    Header {
        /// Its name.
        name: String,
        /// How the time is written there.
        format: EventTimeFormat,
    },
    /// The clock of the node at the moment it reads the record.
    Ingestion,
}

/// How watermarks follow from the times of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum WatermarkKind {
    /// Events come at most so much later than those of a later time.
    Bounded {
        /// How much later.
        delay: Duration,
    },
    /// Events of a partition come in the order of their times.
    Ascending,
    /// Time moves only where a payload says so, and at the end of the input.
    Explicit {
        /// The field that says so: no event at or before this time is behind it. `None`: only the end of the input does.
        field: Option<Vec<String>>,
    },
}
