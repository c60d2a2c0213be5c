//! Kafka topics as sinks.
//!
//! ```text
//!   SinkInput ──▶ lanes: per topic, in order ──▶ librdkafka ──▶ broker
//!       ▲                  ▲                         │
//!       │                  └──── failed, held ───────┤ delivery reports
//!       └───────── published / rejected ─────────────┘
//! ```
//!
//! The producer is idempotent and waits for all in-sync replicas; librdkafka retries for ever, so a broker that is away costs
//! time only. What fails nevertheless is held in its topic's [`lane`](self) until everything of that topic that is under way
//! has an outcome, and then produced again in order; other topics go on. What the broker refuses for good is rejected.
//!
//! Keys are dealt to partitions as Java clients deal them (murmur2), so records written by other programs and by this one
//! meet in the same partition.
//!
//! With exactly-once delivery none of this applies: [`transactions`](self) says what happens instead.

mod client;
mod lane;
mod options;
mod refusal;
mod sink;
mod transactions;

pub use options::{CONTROL_TOPIC, Delivery, Options};
pub use sink::KafkaSink;
