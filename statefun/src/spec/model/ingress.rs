//! Where messages come from.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::Serialize;

use super::{IngressTime, KinesisClient, Location, PayloadTemplate, Properties, TypeNameText};

/// One source of messages.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Ingress {
    /// `io.statefun.kafka.v1/ingress`.
    Kafka(KafkaIngress),
    /// `io.statefun.kinesis.v1/ingress`: understood, not served.
    Kinesis(KinesisIngress),
    /// `io.statefun.playground.v1/ingress`.
    Playground(PlaygroundIngress),
    /// `io.statefun.http.v1/ingress`.
    Http(HttpIngress),
    /// `io.statefun.file.v1/ingress`.
    File(FileIngress),
    /// `io.statefun.generator.v1/ingress`.
    Generator(GeneratorIngress),
}

impl Ingress {
    /// Its name, unique in the module. Kinds without one have a fixed name.
    #[must_use]
    pub fn id(&self) -> &TypeNameText {
        match self {
            Self::Kafka(it) => &it.id,
            Self::Kinesis(it) => &it.id,
            Self::Playground(it) => &it.id,
            Self::Http(it) => &it.id,
            Self::File(it) => &it.id,
            Self::Generator(it) => &it.id,
        }
    }

    /// The kind as written in a module.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "io.statefun.kafka.v1/ingress",
            Self::Kinesis(_) => "io.statefun.kinesis.v1/ingress",
            Self::Playground(_) => "io.statefun.playground.v1/ingress",
            Self::Http(_) => "io.statefun.http.v1/ingress",
            Self::File(_) => "io.statefun.file.v1/ingress",
            Self::Generator(_) => "io.statefun.generator.v1/ingress",
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
            Self::Generator(it) => &it.declared_at,
        }
    }

    /// How it tells event time; `None`: its messages have none.
    #[must_use]
    pub fn event_time(&self) -> Option<&IngressTime> {
        match self {
            Self::Kafka(it) => it.event_time.as_ref(),
            Self::Kinesis(it) => it.event_time.as_ref(),
            Self::Playground(it) => it.event_time.as_ref(),
            Self::Http(it) => it.event_time.as_ref(),
            Self::File(it) => it.event_time.as_ref(),
            Self::Generator(it) => it.event_time.as_ref(),
        }
    }

    /// The functions it sends records to; none if each message names its own.
    #[must_use]
    pub fn targets(&self) -> Vec<&TypeNameText> {
        match self {
            Self::Kafka(it) => it.topics.iter().flat_map(|route| &route.targets).collect(),
            Self::Kinesis(it) => it.streams.iter().flat_map(|route| &route.targets).collect(),
            Self::Playground(_) | Self::Http(_) => Vec::new(),
            Self::File(it) => it.targets.iter().collect(),
            Self::Generator(it) => it.targets.iter().collect(),
        }
    }

    /// Whether its records are sent on by routes, so that more functions can be given them.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        !matches!(self, Self::Playground(_) | Self::Http(_))
    }

    /// Whether this release can run it. What it cannot run is parsed in full, so `check` is still of use.
    #[must_use]
    pub fn is_served(&self) -> bool {
        !matches!(self, Self::Kinesis(_))
    }
}

/// Reads Kafka topics; the record's key becomes the id of the function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KafkaIngress {
    /// Its name.
    pub id: TypeNameText,
    /// Bootstrap servers, from `address` or the property `bootstrap.servers`.
    pub address: String,
    /// From `consumerGroupId` or the property `group.id`.
    pub consumer_group_id: String,
    /// The routes, one entry per topic, in the order declared.
    pub topics: Vec<Route>,
    /// Where to read on if an offset does not exist. Default latest.
    pub auto_offset_reset: OffsetReset,
    /// Where to begin without a snapshot. Default latest.
    pub startup_position: KafkaStartup,
    /// How often to look for new partitions; `None`: never (as StateFun).
    pub partition_discovery_interval: Option<Duration>,
    /// The properties as written, later ones having replaced earlier ones of the same name.
    pub properties: Properties,
    /// The same, translated for librdkafka. Named fields are not repeated here.
    pub client_properties: Properties,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// What records of one topic, or one stream, become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The topic or stream.
    pub from: String,
    /// Typename of the value; opaque.
    pub value_type: String,
    /// The functions that each receive one message, in this order.
    pub targets: Vec<TypeNameText>,
}

/// `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OffsetReset {
    /// The oldest record.
    Earliest,
    /// What arrives from now on.
    Latest,
}

/// Where a Kafka ingress begins when there is no snapshot to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum KafkaStartup {
    /// The offsets committed for the consumer group.
    GroupOffsets,
    /// The oldest records.
    Earliest,
    /// What arrives from now on.
    Latest,
    /// Given offsets; partitions not named begin at the group's offsets.
    SpecificOffsets {
        /// In the order of topic and partition.
        offsets: Vec<PartitionOffset>,
    },
    /// The first record whose timestamp is not earlier.
    Date {
        /// Unix milliseconds.
        timestamp_ms: i64,
    },
}

/// One given offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition of the topic.
    pub partition: i32,
    /// The first offset to read.
    pub offset: i64,
}

/// Reads Kinesis streams; the partition key becomes the id of the function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KinesisIngress {
    /// Its name.
    pub id: TypeNameText,
    /// Region, credentials and client settings.
    pub client: KinesisClient,
    /// Where to begin without a snapshot. Default latest.
    pub startup_position: KinesisStartup,
    /// The routes, one entry per stream.
    pub streams: Vec<Route>,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Where a Kinesis ingress begins when there is no snapshot to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum KinesisStartup {
    /// The oldest records.
    Earliest,
    /// What arrives from now on.
    Latest,
    /// The first record whose timestamp is not earlier.
    Date {
        /// Unix milliseconds.
        timestamp_ms: i64,
    },
}

/// Takes messages over HTTP as the StateFun playground does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaygroundIngress {
    /// Always `io.statefun.playground/ingress`.
    pub id: TypeNameText,
    /// The port, on every interface; 0 lets the system choose.
    pub port: u16,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// Takes messages over HTTP and answers when they are durable, or with the function's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpIngress {
    /// Its name. Default `io.statefun.http/ingress`.
    pub id: TypeNameText,
    /// `host:port` to bind. Default `127.0.0.1:8090`; `port` alone binds the loopback interface.
    pub address: String,
    /// Largest body accepted. Default 1 MiB.
    pub max_body_bytes: u64,
    /// The longest `?wait=` granted. Default 60 seconds.
    pub wait_max: Duration,
    /// How long an idempotency key is remembered. Default one day.
    pub idempotency_retention: Duration,
    /// Typename of the argument. Default from the content type.
    pub value_type: HttpValueType,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// How a request's body gets its typename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum HttpValueType {
    /// From the content type: `application/vnd.<typename>` names it, anything else is `io.statefun.types/string`.
    FromContentType,
    /// Always this one, whatever the content type.
    Fixed(String),
}

/// Reads a file, a message per line or row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileIngress {
    /// Its name.
    pub id: TypeNameText,
    /// The file; relative paths begin at the module file's folder.
    pub path: String,
    /// How it is divided into records, and where a record's key is.
    pub format: FileFormat,
    /// Whether to wait for more at the end. Default false: the file is a stream that ends.
    pub follow: bool,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Typename of the value; opaque.
    pub value_type: String,
    /// The functions that each receive one message, in this order.
    pub targets: Vec<TypeNameText>,
    /// Where it is declared.
    pub declared_at: Location,
}

/// A file's format with the place of the key, which becomes the id of the function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FileFormat {
    /// A JSON object per line; the value is the line.
    Jsonl {
        /// Field that holds the key: a text, a number or a boolean. Dots lead into nested objects.
        key: String,
    },
    /// Comma-separated with a header row; the value is the row as a JSON object.
    Csv {
        /// Column that holds the key.
        key: String,
    },
    /// Plain lines; the value is the line.
    Text {
        /// What serves as key.
        key: TextKey,
    },
}

/// The key of a plain line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKey {
    /// The line itself. The default: equal lines meet in one function.
    Line,
    /// The number of the line, from 1.
    Number,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventTimeFormat {
    /// Unix milliseconds.
    Millis,
    /// Unix seconds, with or without a fraction.
    Seconds,
    /// Text such as `2020-02-01T04:15:00Z`.
    Rfc3339,
}

/// Makes messages up, reproducibly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratorIngress {
    /// Its name.
    pub id: TypeNameText,
    /// How many messages; `None`: without end.
    pub count: Option<u64>,
    /// How many per second; `None`: as fast as they are taken.
    pub rate_per_second: Option<f64>,
    /// How many distinct keys (`0` to `keys - 1`, as text). Default 1000.
    pub keys: NonZeroU64,
    /// Same seed, same messages. Default 0.
    pub seed: u64,
    /// What a message carries.
    pub payload: PayloadTemplate,
    /// How it tells event time.
    pub event_time: Option<IngressTime>,
    /// Typename of the value; opaque.
    pub value_type: String,
    /// The functions that each receive one message, in this order.
    pub targets: Vec<TypeNameText>,
    /// Where it is declared.
    pub declared_at: Location,
}
