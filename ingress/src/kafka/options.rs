use std::collections::BTreeMap;
use std::time::Duration;

use statefun::Symbol;

use crate::file::EventTimeFormat;

/// What to read and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The ingress.
    pub id: Symbol,
    /// Bootstrap servers.
    pub brokers: String,
    /// The consumer group, for committed offsets.
    pub group: String,
    /// The topics; a record's route is its topic's index here. Of equal ones the last counts.
    pub topics: Vec<String>,
    /// Where to begin without a snapshot.
    pub startup: Startup,
    /// Where to begin when the offset to begin at does not exist.
    pub offset_reset: OffsetReset,
    /// What to do when a position that the snapshot holds does not exist any more.
    pub lost_positions: LostPositions,
    /// How often to look for new partitions; `None`: never, except for topics that do not exist yet.
    pub discovery_interval: Option<Duration>,
    /// The header that holds the time of a record; `None`: the record's own timestamp.
    pub time_header: Option<TimeHeader>,
    /// Properties of librdkafka; the fields above are stronger.
    pub properties: BTreeMap<String, String>,
}

impl Options {
    /// Reads from now on and looks for new partitions every ten seconds.
    #[must_use]
    pub fn new(id: Symbol, brokers: impl Into<String>, group: impl Into<String>, topics: Vec<String>) -> Self {
        Self {
            id,
            brokers: brokers.into(),
            group: group.into(),
            topics,
            startup: Startup::Latest,
            offset_reset: OffsetReset::Latest,
            lost_positions: LostPositions::Refuse,
            discovery_interval: Some(Duration::from_secs(10)),
            time_header: None,
            properties: BTreeMap::new(),
        }
    }
}

/// A header that holds a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeHeader {
    /// Its name. Of several of that name the last counts.
    pub name: String,
    /// How the time is written, as text.
    pub format: EventTimeFormat,
}

/// Where to begin without a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Startup {
    /// The offsets committed for the consumer group.
    GroupOffsets,
    /// The oldest records.
    Earliest,
    /// What arrives from now on.
    Latest,
    /// Given offsets by topic and partition; partitions not named begin at the group's offsets.
    SpecificOffsets(BTreeMap<(String, i32), i64>),
    /// The first record whose timestamp is not earlier; partitions without one begin at their end.
    Date {
        /// Unix milliseconds.
        timestamp_ms: i64,
    },
}

/// Where to begin when an offset does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// The oldest record.
    Earliest,
    /// What arrives from now on.
    Latest,
}

/// What to do when a position that the snapshot holds does not exist any more: retention was shorter than the absence, or
/// the topic was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostPositions {
    /// End with an error that says what is lost. Records between are gone for good; whether that is acceptable is not for
    /// a program to say.
    Refuse,
    /// Say what is lost in the log and go on at [`OffsetReset`].
    Reset,
}
