//! What an endpoint's declaration says about its HTTP exchange.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::TransportError;

/// Everything needed to call the functions of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointOptions {
    /// Where requests go: `http`, `https`, `http+unix` or `https+unix`; `{function.name}` stands for the name part of the
    /// function's typename.
    pub url_template: String,
    /// By whose rules.
    pub transport: TransportKind,
}

impl EndpointOptions {
    /// An endpoint with the default transport.
    pub fn new(url_template: impl Into<String>) -> Self {
        Self { url_template: url_template.into(), transport: TransportKind::default() }
    }

    /// The same endpoint with another transport.
    #[must_use]
    pub fn with_transport(mut self, transport: impl Into<TransportKind>) -> Self {
        self.transport = transport.into();
        self
    }
}

/// The two transports of StateFun. They differ in time limits, in redirects and in how strictly they read content types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// `io.statefun.transports.v1/async`, the default of version 2 endpoints.
    Async(AsyncOptions),
    /// `io.statefun.transports.v1/okhttp`, the only one of version 1 endpoints.
    OkHttp(OkHttpOptions),
}

impl Default for TransportKind {
    fn default() -> Self {
        Self::Async(AsyncOptions::default())
    }
}

impl From<AsyncOptions> for TransportKind {
    fn from(options: AsyncOptions) -> Self {
        Self::Async(options)
    }
}

impl From<OkHttpOptions> for TransportKind {
    fn from(options: OkHttpOptions) -> Self {
        Self::OkHttp(options)
    }
}

/// Options of `io.statefun.transports.v1/async`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncOptions {
    /// Limit of an attempt, from waiting for a connection to the last byte of the answer.
    pub call: Duration,
    /// Limit for getting a connection: once for a free place in the pool, once for connecting.
    pub connect: Duration,
    /// How old a connection may become before no new request is sent over it; `None` for any age. Young connections
    /// find new instances behind a name or a load balancer.
    pub pool_ttl: Option<Duration>,
    /// Requests in flight, and so connections, at most.
    pub pool_size: NonZeroUsize,
    /// Largest answer accepted, decompressed.
    pub payload_bytes_max: u64,
    /// PEM file of the authorities that may vouch for the server, instead of those of the machine.
    pub trust_cacerts: Option<PathBuf>,
    /// Our own certificate, for servers that ask for one.
    pub client_identity: Option<ClientIdentity>,
}

impl Default for AsyncOptions {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(120),
            connect: Duration::from_secs(20),
            pool_ttl: Some(Duration::from_secs(15)),
            pool_size: NonZeroUsize::new(1024).expect("1024 is not zero"),
            payload_bytes_max: 32 << 20,
            trust_cacerts: None,
            client_identity: None,
        }
    }
}

/// Files that prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM certificate, followed by those of its issuers.
    pub cert: PathBuf,
    /// PEM private key in PKCS#8, encrypted or not.
    pub key: PathBuf,
    /// File that *contains* the password of an encrypted key.
    pub key_password: Option<PathBuf>,
}

/// Options of `io.statefun.transports.v1/okhttp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OkHttpOptions {
    /// Limit of an attempt, redirects included.
    pub call: Duration,
    /// Limit for connecting.
    pub connect: Duration,
    /// Longest silence of a server that owes us bytes.
    pub read: Duration,
    /// Longest time that a server may leave us sitting on bytes of the request.
    pub write: Duration,
    /// Largest answer accepted, decompressed. StateFun knows no such option here; its limit is that of a Java array.
    pub payload_bytes_max: u64,
}

impl Default for OkHttpOptions {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(60),
            connect: Duration::from_secs(10),
            read: Duration::from_secs(10),
            write: Duration::from_secs(10),
            payload_bytes_max: i32::MAX as u64,
        }
    }
}

impl TransportKind {
    pub(crate) fn call_timeout(&self) -> Duration {
        match self {
            Self::Async(options) => options.call,
            Self::OkHttp(options) => options.call,
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        match self {
            Self::Async(options) => options.connect,
            Self::OkHttp(options) => options.connect,
        }
    }

    pub(crate) fn payload_bytes_max(&self) -> u64 {
        match self {
            Self::Async(options) => options.payload_bytes_max,
            Self::OkHttp(options) => options.payload_bytes_max,
        }
    }

    /// Checks what the types allow and the transports do not.
    pub(crate) fn check(&self) -> Result<(), TransportError> {
        let limits: &[(&'static str, Duration)] = match self {
            Self::Async(options) => &[("call", options.call), ("connect", options.connect)],
            Self::OkHttp(options) => &[
                ("timeouts.call", options.call),
                ("timeouts.connect", options.connect),
                ("timeouts.read", options.read),
                ("timeouts.write", options.write),
            ],
        };
        for &(field, limit) in limits {
            if limit.is_zero() {
                return Err(TransportError::ZeroTimeout { field });
            }
            if matches!(self, Self::OkHttp(_)) && limit > self.call_timeout() {
                return Err(TransportError::TimeoutAboveCall { field, limit, call: self.call_timeout() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_statefun() {
        let TransportKind::Async(options) = EndpointOptions::new("http://f/").transport else { panic!("not async") };
        assert_eq!((options.call, options.connect), (Duration::from_secs(120), Duration::from_secs(20)));
        assert_eq!((options.pool_size.get(), options.payload_bytes_max), (1024, 33_554_432));
        assert!(TransportKind::from(options).check().is_ok());
        assert!(TransportKind::from(OkHttpOptions::default()).check().is_ok());
    }

    #[test]
    fn a_part_of_a_call_cannot_take_longer_than_the_call() {
        let options = OkHttpOptions { call: Duration::from_secs(5), ..Default::default() };
        let error = TransportKind::from(options).check().unwrap_err();
        assert_eq!(error.to_string(), "timeouts.connect is 10s, but cannot be larger than the limit of the call, 5s");
    }

    #[test]
    fn a_timeout_of_zero_is_refused_by_name() {
        let options = AsyncOptions { connect: Duration::ZERO, ..Default::default() };
        assert_eq!(TransportKind::from(options).check().unwrap_err().to_string(), "connect cannot be zero");
    }
}
