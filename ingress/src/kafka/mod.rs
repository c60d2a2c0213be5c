//! Kafka topics as sources.
//!
//! Partitions are *assigned*, never subscribed: the snapshot says where reading goes on, so there is no rebalance that could
//! say otherwise, and a paused source is not thrown out of a group. Offsets are committed to the group after an epoch
//! completed, for the eyes of operators and their tools.
//!
//! # Where a partition begins
//!
//! | Found | Position in the snapshot | Begins at |
//! |---|---|---|
//! | any time | yes | that position; gone: [`LostPositions`] |
//! | at a first start | no | [`Startup`]; gone or unknown: [`OffsetReset`] |
//! | at a start from a snapshot | no | the group's offset, which every start leaves as a mark, else the oldest record |
//! | while running | no | the oldest record: it is new |
//!
//! The mark matters for a partition that had no record before the snapshot: without it, `latest` would skip what arrived
//! while nobody was reading.
//!
//! # A broker that is away
//!
//! costs time only, at the start too: it is asked again until it answers, and a warning says so now and then.

mod client;
mod cursors;
mod header;
mod options;
mod reader;
mod source;
mod start;

pub use options::{LostPositions, OffsetReset, Options, Startup, TimeHeader};
pub use source::KafkaSource;
