//! Functions, their state, and the endpoints that serve them.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use statefun::TypedValue;

/// Where functions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Home {
    /// In this process.
    Embedded,
    /// Behind HTTP.
    Remote,
}

/// A function type and its counters since the process began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FunctionView {
    /// `namespace/name`.
    pub function: String,
    /// Whether anybody serves it now.
    pub served: bool,
    /// Where it runs, if it is served.
    pub home: Option<Home>,
    /// The URL of a remote one.
    pub url: Option<String>,
    /// Messages received.
    pub received: u64,
    /// Messages handled.
    pub invocations: u64,
    /// Messages sent to functions.
    pub sent: u64,
    /// Records written to egresses.
    pub egress: u64,
    /// Remote calls made.
    pub calls: u64,
    /// Remote calls in flight.
    pub in_flight: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Messages that became dead letters because they always failed.
    pub parked: u64,
    /// Messages that wait, the ones in flight included.
    pub backlog: u64,
    /// Addresses that wait for a retry.
    pub backing_off: u64,
    /// The time all attempts took together, in milliseconds.
    pub latency_ms_total: u64,
    /// What went wrong last.
    pub last_failure: Option<String>,
}

/// One stored value of one address. The API adds the decoded value where it knows the type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateValue {
    /// The instance it belongs to.
    pub id: String,
    /// The state's name.
    pub name: String,
    /// What the value is.
    pub typename: String,
    /// Its encoding.
    pub bytes: Vec<u8>,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is durable.
    Durable,
    /// The function has replied, and the reply is durable.
    Reply(TypedValue),
    /// It is durable, and there was no reply in time.
    Accepted {
        /// Names the request.
        request: String,
    },
    /// Neither a reply nor durability in time: it may still be handled.
    Unknown,
}

/// A remote endpoint to be added. Checked by the API: `functions` is a typename or `namespace/*`, `url` begins with a
/// scheme that can be called and holds no character that a URL cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// `namespace/name` or `namespace/*`.
    pub functions: String,
    /// Where requests go; `{function.name}` stands for the name of the type.
    pub url: String,
    /// Invocations in one request at most.
    pub max_num_batch_requests: Option<NonZeroU32>,
}

/// A binding of functions to where they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentView {
    /// `namespace/name` or `namespace/*`.
    pub functions: String,
    /// Where they run.
    pub home: Home,
    /// The URL of a remote endpoint.
    pub url: Option<String>,
    /// Invocations in one request at most, where known.
    pub max_num_batch_requests: Option<NonZeroU32>,
}
