//! What the application is, as far as the engine needs to know: who serves a function type, and where an egress leads.

use std::time::Duration;

use statefun::function::Function;
use statefun::{Address, EgressId, EgressRecord, FunctionType, SinkId, Symbol, TypedValue};

/// Answers what `module.yaml` and the embedding program bound. Asked once per function type and shard.
pub trait Directory: Send + Sync {
    /// Who serves a function type; `None` when nobody does.
    fn function(&self, function: FunctionType) -> Option<FunctionBinding>;

    /// Decodes and checks a record for an egress, before the invocation that wrote it is applied, and adds it to
    /// `records` with the sink it is for.
    ///
    /// # Errors
    /// When the egress is unknown or does not take such a record.
    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
        records: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError>;

    /// The function type whose messages are answers to HTTP requests, and the sink that gives them.
    fn replies(&self) -> Option<(FunctionType, SinkId)>;

    /// The ingresses that tell event time.
    fn timed(&self) -> Vec<Symbol> {
        Vec::new()
    }
}

/// Who serves a function type.
pub enum FunctionBinding {
    /// A Rust function in this process; one instance per shard.
    Embedded(Box<dyn Function>, FailurePolicy),
    /// A function behind HTTP.
    Remote(RemotePolicy),
}

/// A record that an egress does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("egress {egress}: {why}")]
pub struct EgressError {
    /// The egress.
    pub egress: EgressId,
    /// What is wrong.
    pub why: String,
}

/// How a remote function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemotePolicy {
    /// The most messages in one request (`maxNumBatchRequests`).
    pub batch_max: usize,
    /// The most bytes of arguments in one request, as long as one message goes through.
    pub batch_bytes_max: usize,
    /// What happens when calls fail.
    pub failure: FailurePolicy,
}

impl Default for RemotePolicy {
    fn default() -> Self {
        Self { batch_max: 1000, batch_bytes_max: 512 << 10, failure: FailurePolicy::default() }
    }
}

/// What happens when an invocation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailurePolicy {
    /// The wait before the first retry; it doubles with each.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// After so many attempts a message becomes a dead letter and its key goes on. `None`: it holds its key for ever.
    pub park_after: Option<u32>,
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self { backoff_first: Duration::from_millis(4), backoff_max: Duration::from_secs(10), park_after: None }
    }
}

/// When records of an egress leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once, and forgotten: a crash may lose and repeat.
    None,
    /// At once, and kept until published: a crash may repeat, never lose.
    AtLeastOnce,
    /// When the epoch that holds them has completed, in order, kept until published.
    PerEpoch,
}
