//! One attempt at calling a remote function. Retries, batches and the handshake are decided by the engine.

use std::sync::Arc;

use statefun::function::{Effects, StateSpec};
use statefun::{Address, CallId, EventTime, Symbol, TypedValue};

use crate::BoxFuture;

/// What a remote function is asked: its state as far as it is known, and messages in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationBatch {
    /// The instance to run.
    pub target: Address,
    /// All states known for the function type. Without a value: known but empty. An unknown state is not listed.
    pub state: Vec<(Symbol, Option<TypedValue>)>,
    /// The messages, at least one, in processing order.
    pub invocations: Vec<Invocation>,
}

/// One message of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Who sent it.
    pub caller: Option<Address>,
    /// What it says.
    pub argument: TypedValue,
    /// Its event time.
    pub event_time: EventTime,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The function ran; all its effects.
    Done(Effects),
    /// The function did not run: these states were missing from the request.
    Incomplete(Vec<StateSpec>),
    /// The attempt failed and may be made again.
    Failed(CallFailure),
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// The kind, for metrics and decisions.
    pub kind: CallFailureKind,
    /// What happened, for people.
    pub message: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallFailureKind {
    /// No connection, or it broke.
    Connection,
    /// No answer in time.
    Timeout,
    /// A status other than success.
    Status(u16),
    /// A success that is no answer: wrong content type, garbage, or too much.
    Malformed,
    /// The function ran and asked to be tried again. Only a function in this process can say so.
    Function,
    /// The function ran and will never handle the message: a dead letter. Only a function in this process can say so.
    Rejected,
}

impl CallFailureKind {
    /// The stable word used in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
            Self::Malformed => "malformed",
            Self::Function => "function",
            Self::Rejected => "rejected",
        }
    }
}

/// Where remote functions are called.
pub trait RemoteTransport: Send + Sync {
    /// Makes one attempt. `trace` is a W3C `traceparent` to send along, if the call is traced.
    fn call(
        self: Arc<Self>,
        call: CallId,
        batch: InvocationBatch,
        trace: Option<String>,
    ) -> BoxFuture<'static, CallOutcome>;
}
