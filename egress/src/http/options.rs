use std::collections::BTreeMap;
use std::time::Duration;

use statefun::Symbol;

/// Where to post and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The egress.
    pub id: Symbol,
    /// Where to post.
    pub url: String,
    /// Headers sent with each request; they replace the sink's own of the same name.
    pub headers: BTreeMap<String, String>,
    /// Limit for one attempt.
    pub timeout: Duration,
    /// Attempts after the first; `None`: for ever. A record whose retries are spent is rejected.
    pub retries: Option<u32>,
    /// Waiting before the first retry.
    pub backoff_initial: Duration,
    /// The longest waiting between retries, unless the receiver's `Retry-After` asks for more.
    pub backoff_max: Duration,
    /// The history of state the records belong to, as text: the first part of the idempotency key.
    pub lineage: String,
}

impl Options {
    /// Posts to `url`, ten seconds per attempt, retrying for ever.
    #[must_use]
    pub fn new(id: Symbol, url: impl Into<String>, lineage: impl Into<String>) -> Self {
        Self {
            id,
            url: url.into(),
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(10),
            retries: None,
            backoff_initial: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            lineage: lineage.into(),
        }
    }
}
