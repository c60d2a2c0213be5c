//! What can be wrong with an endpoint before it is ever called.

use std::path::PathBuf;
use std::time::Duration;

/// An endpoint cannot be set up as declared. Every variant names the field, and the file if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The template is no URL once a name is filled in.
    #[error("urlPathTemplate {template:?} is no URL: {reason}")]
    Url {
        /// The template.
        template: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A scheme that nobody here speaks.
    #[error("urlPathTemplate {template:?} has the scheme {scheme:?}; use http, https, http+unix or https+unix")]
    Scheme {
        /// The template.
        template: String,
        /// Its scheme.
        scheme: String,
    },
    /// A Unix URL that does not say where the socket is.
    #[error("urlPathTemplate {template:?} names no socket: write http+unix:///path/to/file.sock/serve/path")]
    Socket {
        /// The template.
        template: String,
    },
    /// A time limit of nothing.
    #[error("{field} cannot be zero")]
    ZeroTimeout {
        /// The field.
        field: &'static str,
    },
    /// A limit for a part that exceeds the limit of the whole.
    #[error("{field} is {limit:?}, but cannot be larger than the limit of the call, {call:?}")]
    TimeoutAboveCall {
        /// The field.
        field: &'static str,
        /// Its value.
        limit: Duration,
        /// The limit of the call.
        call: Duration,
    },
    /// A file could not be read.
    #[error("cannot read {path}, given as {field}", path = path.display())]
    ReadFile {
        /// The field that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path}, given as {field}, {problem}", path = path.display())]
    FileContents {
        /// The field that names the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, continuing a sentence that starts with the file.
        problem: String,
    },
    /// The machine lists no authorities, so no server could ever be trusted.
    #[error("this machine lists no certificate authorities{}; name some with trust_cacerts", reasons(errors))]
    NoAuthorities {
        /// What went wrong while looking.
        errors: Vec<String>,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up an HTTP client for {template:?}")]
    Client {
        /// The template of the endpoint.
        template: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
}

fn reasons(errors: &[String]) -> String {
    if errors.is_empty() { String::new() } else { format!(" ({})", errors.join("; ")) }
}
