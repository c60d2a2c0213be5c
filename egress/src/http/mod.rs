//! A webhook as a sink: one POST per record, in order.
//!
//! Delivery is at least once. What a receiver needs to make that once is in every request:
//! `Idempotency-Key: <lineage>-<egress>-<seq>`, the same however often a record is sent, after a crash too, and different in
//! a history that began from a savepoint.

mod options;
mod request;
mod sink;
mod verdict;

pub use options::Options;
pub use sink::WebhookSink;
