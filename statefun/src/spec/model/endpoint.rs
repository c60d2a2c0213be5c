//! Where functions live: HTTP endpoints of remote functions, and functions compiled into the process.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;

use super::{FunctionSelector, Location, UrlTemplate};

/// A declaration that function types are served over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The types served. An exact binding wins over that of a namespace.
    pub functions: FunctionSelector,
    /// Where requests go; `{function.name}` stands for the name of the type.
    pub url: UrlTemplate,
    /// Invocations waiting for one address beyond which its input is held back. Default 1000.
    pub max_num_batch_requests: NonZeroU32,
    /// Bytes of arguments put into one request. Default 512 KiB, which the default body limit of common HTTP servers
    /// (1 MiB) lets pass. A single larger argument travels alone.
    pub batch_bytes_max: u64,
    /// How the HTTP exchange is made.
    pub transport: Transport,
    /// What happens to an invocation that keeps failing.
    pub on_failure: OnFailure,
    /// How event time crosses a batch.
    pub event_time: EventTimeMode,
    /// Where it is declared.
    pub declared_at: Location,
}

/// The two transports of StateFun, whose time limits and retry rules differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Transport {
    /// `io.statefun.transports.v1/async`: everything is retried within one budget.
    Async(AsyncTransport),
    /// `io.statefun.transports.v1/okhttp`: the only one of `io.statefun.endpoints.v1/http`.
    OkHttp(OkHttpTransport),
}

/// Settings of `io.statefun.transports.v1/async`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsyncTransport {
    /// Budget of a request with its retries. Default 2 minutes, or 1 minute below `timeouts`.
    pub call: Duration,
    /// Limit for connecting. Default 20 seconds, or 10 seconds below `timeouts`.
    pub connect: Duration,
    /// How long a connection is kept; `None` (written as 0) keeps it without limit. Default 15 seconds.
    pub pool_ttl: Option<Duration>,
    /// Connections to one endpoint. Default 1024.
    pub pool_size: NonZeroU32,
    /// Largest response accepted. Default 32 MiB.
    pub payload_max_bytes: u64,
    /// Where the authorities are listed which may sign the server's certificate. Default: those of the machine.
    pub trust_cacerts: Option<FileLocation>,
    /// Our own certificate and key, for mutual TLS.
    pub client_identity: Option<ClientIdentity>,
}

/// A client certificate with its key, always both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientIdentity {
    /// PEM certificate chain.
    pub cert: FileLocation,
    /// PKCS#8 private key.
    pub key: FileLocation,
    /// A file that contains the password of the key.
    pub key_password: Option<FileLocation>,
}

/// Where a file is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileLocation {
    /// A path, written plainly or as `file:...`.
    Path(String),
    /// Written as `classpath:...`: there is no class path here, so it is looked up beside the module file.
    Classpath(String),
}

/// Settings of `io.statefun.transports.v1/okhttp`. All limits are above zero; none exceeds `call`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OkHttpTransport {
    /// Budget of a request with its retries. Default 1 minute.
    pub call: Duration,
    /// Limit for connecting. Default 10 seconds.
    pub connect: Duration,
    /// Limit for silence while reading. Default 10 seconds.
    pub read: Duration,
    /// Limit for being stuck while writing. Default 10 seconds.
    pub write: Duration,
}

/// The policy for an invocation that keeps failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OnFailure {
    /// Calls made before `then` applies. A call is one spent budget of the transport, not one attempt within it.
    /// `None`: for ever.
    pub max_attempts: Option<NonZeroU32>,
    /// What happens afterwards.
    pub then: FailureAction,
}

/// What becomes of an invocation when its attempts are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureAction {
    /// Its address waits, other addresses go on. Nothing is lost and nothing overtakes. The default.
    Hold,
    /// It becomes a dead letter and its address goes on.
    Park,
}

/// How event time crosses a batch whose answer does not say which invocation caused an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventTimeMode {
    /// Batches are cut where event time changes. The default.
    Exact,
    /// Outputs take the greatest time of their batch.
    Coarse,
}

/// A declaration that function types are served by functions compiled into the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EmbeddedFunctions {
    /// The types served.
    pub functions: FunctionSelector,
    /// Where it is declared.
    pub declared_at: Location,
}
