use std::time::Duration;

use statefun::ValueType;

/// Where to listen and how to read requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `host:port`; port 0 lets the system choose.
    pub address: String,
    /// The largest body accepted.
    pub body_bytes_max: usize,
    /// The longest `?wait=` granted.
    pub wait_max: Duration,
    /// How long a plain request may wait for its epoch.
    pub durable_max: Duration,
    /// How long a request is remembered, by its key and for late answers.
    pub retention: Duration,
    /// The type of every argument; `None`: from the content type.
    pub value_type: Option<ValueType>,
    /// Whose customs to follow.
    pub dialect: Dialect,
    /// Threads that read and answer requests.
    pub workers: usize,
}

impl Options {
    /// Our own customs: 1 MiB bodies, waits of up to a minute.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            body_bytes_max: 1 << 20,
            wait_max: Duration::from_secs(60),
            durable_max: Duration::from_secs(30),
            retention: Duration::from_secs(86_400),
            value_type: None,
            dialect: Dialect::Native,
            workers: 1,
        }
    }
}

/// Whose customs a listener follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours.
    Native,
    /// The StateFun playground's: any method, a `Status` header beside the real status.
    Playground,
}
