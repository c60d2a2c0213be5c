//! Connectors that carry records out.
//!
//! A connector publishes what it is given, in order, and says what it has published. What was not acknowledged is kept
//! in snapshots and given again after a crash.

use statefun::{EgressRecord, Epoch, Symbol};

use crate::BoxFuture;

/// A record and its place in the egress's order, which is the idempotency key of sinks without transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRecord {
    /// Ascending within the egress and lineage, the same after a crash.
    pub seq: u64,
    /// The record.
    pub record: EgressRecord,
}

/// What the engine tells a connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkCommand {
    /// Publish these, in order.
    Publish(Vec<OutboxRecord>),
    /// An epoch completed; with delivery per epoch, everything published before belongs to it.
    Completed(Epoch),
    /// Publish what you have and end.
    Stop,
}

/// The connector's way to the engine.
pub trait SinkInput: Send {
    /// The next command; never returns while there is none.
    fn next(&mut self) -> BoxFuture<'_, SinkCommand>;

    /// The next command, if there is one already.
    fn try_next(&mut self) -> Option<SinkCommand>;

    /// These were published and need not be kept.
    fn published(&mut self, seqs: Vec<u64>);

    /// These were refused for good; they become dead letters.
    fn rejected(&mut self, seqs: Vec<u64>, why: String);
}

/// How a connector's run ended.
#[derive(Debug, thiserror::Error)]
#[error("egress {sink_id}: {message}")]
pub struct SinkError {
    /// The egress.
    pub sink_id: Symbol,
    /// What happened.
    pub message: String,
    /// Whether starting again later may help.
    pub retryable: bool,
}

/// A connector.
pub trait Sink: Send {
    /// Publishes until told to stop.
    fn run(self: Box<Self>, input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>>;
}
