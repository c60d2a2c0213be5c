//! HTTP transport to remote functions: one attempt at one call.
//!
//! ```text
//!   InvocationBatch ──► request ──► exchange ──► answer ──► CallOutcome
//!                       encode      POST over     decode,
//!                                   a pooled      check
//!                                   connection
//! ```
//!
//! Start at [`HttpTransport`]: one per endpoint of a module, built from [`EndpointOptions`], called through the port
//! [`RemoteTransport`](statefun_ports::remote::RemoteTransport). Retries, batches, budgets and the handshake are decided
//! by the engine; here an attempt happens, and whatever goes wrong becomes a
//! [`CallFailure`](statefun_ports::remote::CallFailure) with a kind to decide by and a sentence to read.
//!
//! # Invariants
//! * Always `POST`, HTTP/1.1, with a content length: never chunked, never compressed. The HTTP servers that people put
//!   in front of the official SDKs understand no more.
//! * A success is a 2xx status *and* the content type `application/octet-stream`. An empty body with that type means "no
//!   effects"; without it, it is how some servers report an exception, and taking it for an answer would lose messages.
//! * Nothing is read beyond the limit of the options, compressed or not.
//! * Dropping a call's future drops its connection: a late answer is never read as the answer to the next call.

mod answer;
mod connections;
mod error;
mod exchange;
mod failure;
mod options;
mod progress;
mod request;
mod template;
mod tls;
mod transport;

pub use error::TransportError;
pub use options::{AsyncOptions, ClientIdentity, EndpointOptions, OkHttpOptions, TransportKind};
pub use transport::HttpTransport;
