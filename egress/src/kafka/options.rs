use std::collections::BTreeMap;
use std::time::Duration;

use statefun::Symbol;

/// Where to write and how surely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The egress.
    pub id: Symbol,
    /// Bootstrap servers.
    pub brokers: String,
    /// What is promised.
    pub delivery: Delivery,
    /// Properties of librdkafka; the fields above are stronger.
    pub properties: BTreeMap<String, String>,
    /// Records taken from the engine and not published yet, at most.
    pub unpublished_max: usize,
    /// The same in bytes of values and keys. One record is always taken.
    pub unpublished_bytes_max: usize,
    /// How long a topic may be unknown to the broker before records for it are rejected: a broker that has just started knows
    /// its topics a moment later, and one that creates topics on demand takes a moment too.
    pub unknown_topic_patience: Duration,
    /// How long an orderly stop waits for acknowledgements. What has none stays in the outbox.
    pub stop_patience: Duration,
}

impl Options {
    /// At least once, within limits that suit most uses.
    #[must_use]
    pub fn new(id: Symbol, brokers: impl Into<String>) -> Self {
        Self {
            id,
            brokers: brokers.into(),
            delivery: Delivery::AtLeastOnce,
            properties: BTreeMap::new(),
            unpublished_max: 50_000,
            unpublished_bytes_max: 64 << 20,
            unknown_topic_patience: Duration::from_secs(30),
            stop_patience: Duration::from_secs(10),
        }
    }
}

/// What a Kafka egress promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A record counts as published when librdkafka has taken it; what becomes of it is logged only.
    None,
    /// A record counts as published when the broker has acknowledged it; a crash may repeat records.
    AtLeastOnce,
    /// A record counts as published when a transaction that notes so in the control topic was committed; readers that
    /// read committed records only see it once, whatever crashes.
    ExactlyOnce {
        /// How long the broker lets a transaction stand open, which is how long a crash may hold readers up. It need not
        /// cover an outage; more than a minute is taken as a minute.
        transaction_timeout: Duration,
        /// The history that the records belong to: within it, sequence numbers are never given twice.
        lineage: String,
        /// The compacted topic that says what was published. Egresses and applications share it.
        control_topic: String,
    },
}

/// The control topic unless another is named.
pub const CONTROL_TOPIC: &str = "statefun-control";
