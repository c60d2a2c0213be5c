//! Where records of functions leave for the world.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;

use super::{KinesisClient, Location, Properties, TypeNameText};

/// One way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Egress {
    /// `io.statefun.kafka.v1/egress`.
    Kafka(KafkaEgress),
    /// `io.statefun.kinesis.v1/egress`: understood, not served.
    Kinesis(KinesisEgress),
    /// `io.statefun.playground.v1/egress`.
    Playground(PlaygroundEgress),
    /// `io.statefun.http.v1/egress`.
    Http(HttpEgress),
    /// `io.statefun.file.v1/egress`.
    File(FileEgress),
    /// `io.statefun.stdout.v1/egress`.
    Stdout(StdoutEgress),
}

impl Egress {
    /// The name functions address it by, unique in the module.
    #[must_use]
    pub fn id(&self) -> &TypeNameText {
        match self {
            Self::Kafka(it) => &it.id,
            Self::Kinesis(it) => &it.id,
            Self::Playground(it) => &it.id,
            Self::Http(it) => &it.id,
            Self::File(it) => &it.id,
            Self::Stdout(it) => &it.id,
        }
    }

    /// The kind as written in a module.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "io.statefun.kafka.v1/egress",
            Self::Kinesis(_) => "io.statefun.kinesis.v1/egress",
            Self::Playground(_) => "io.statefun.playground.v1/egress",
            Self::Http(_) => "io.statefun.http.v1/egress",
            Self::File(_) => "io.statefun.file.v1/egress",
            Self::Stdout(_) => "io.statefun.stdout.v1/egress",
        }
    }

    /// Where it is declared.
    #[must_use]
    pub fn declared_at(&self) -> &Location {
        match self {
            Self::Kafka(it) => &it.declared_at,
            Self::Kinesis(it) => &it.declared_at,
            Self::Playground(it) => &it.declared_at,
            Self::Http(it) => &it.declared_at,
            Self::File(it) => &it.declared_at,
            Self::Stdout(it) => &it.declared_at,
        }
    }

    /// Whether this release can run it. What it cannot run is parsed in full, so `check` is still of use.
    #[must_use]
    pub fn is_served(&self) -> bool {
        !matches!(self, Self::Kinesis(_))
    }
}

/// Writes to Kafka; the topic comes with the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KafkaEgress {
    /// Its name.
    pub id: TypeNameText,
    /// Bootstrap servers, from `address` or the property `bootstrap.servers`.
    pub address: String,
    /// Default at-least-once.
    pub delivery: Delivery,
    /// The properties as written, later ones having replaced earlier ones of the same name.
    pub properties: Properties,
    /// The same, translated for librdkafka. Named fields are not repeated here.
    pub client_properties: Properties,
    /// Where it is declared.
    pub declared_at: Location,
}

/// What a Kafka egress promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Delivery {
    /// Sent and forgotten.
    None,
    /// Nothing is lost; a crash may repeat records.
    AtLeastOnce,
    /// Transactions committed with snapshots; readers need `read_committed`.
    ExactlyOnce {
        /// `transaction.timeout.ms`. Above zero.
        transaction_timeout: Duration,
    },
}

/// Writes to Kinesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KinesisEgress {
    /// Its name.
    pub id: TypeNameText,
    /// Region, credentials and client settings.
    pub client: KinesisClient,
    /// Records without an answer beyond which writing waits. Default 1000.
    pub max_outstanding_records: NonZeroU32,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Keeps records to be fetched over HTTP, as the StateFun playground does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaygroundEgress {
    /// Always `io.statefun.playground/egress`.
    pub id: TypeNameText,
    /// The port, on every interface; 0 lets the system choose.
    pub port: u16,
    /// The topics there are.
    pub topics: Vec<String>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Posts each record to a URL, with an idempotency key so that the receiver can tell a repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpEgress {
    /// Its name.
    pub id: TypeNameText,
    /// Where to post; http or https.
    pub url: String,
    /// Headers sent with each request.
    pub headers: Properties,
    /// Limit for one attempt. Default 10 seconds.
    pub timeout: Duration,
    /// Attempts after the first; `None`: for ever. A record whose retries are spent becomes a dead letter.
    pub retries: Option<u32>,
    /// Waiting between attempts.
    pub backoff: Backoff,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Waiting that doubles with each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Backoff {
    /// Before the first retry. Default 100 milliseconds.
    pub initial: Duration,
    /// Never longer than this. Default 30 seconds.
    pub max: Duration,
}

/// Appends to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEgress {
    /// Its name.
    pub id: TypeNameText,
    /// The file; relative paths begin at the module file's folder.
    pub path: String,
    /// Default jsonl.
    pub format: LineFormat,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Prints to standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StdoutEgress {
    /// Its name.
    pub id: TypeNameText,
    /// Default text.
    pub format: LineFormat,
    /// Where it is declared.
    pub declared_at: Location,
}

/// How a record becomes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineFormat {
    /// A JSON object per record.
    Jsonl,
    /// The value as text.
    Text,
}
