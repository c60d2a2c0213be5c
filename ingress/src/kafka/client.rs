//! What librdkafka tells, passed on in bearable amounts.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use statefun::Symbol;
use tracing::{debug, warn};

use super::Options;

/// A consumer that reports as this source.
pub(super) type Consumer = BaseConsumer<Context>;

/// The configuration in effect: defaults, then the user's properties, then what the source relies on.
pub(super) fn configuration(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        // After an outage the broker should be found again within a second, not within ten.
        .set("reconnect.backoff.max.ms", "1000")
        // The default lets a fetcher whose queue was full rest for a second, long after the queue has run dry.
        .set("fetch.queue.backoff.ms", "20")
        .set("queued.max.messages.kbytes", "32768");
    for (name, value) in &options.properties {
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", &options.brokers)
        .set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "false")
        // A position that does not exist is for the reader to judge; librdkafka would just move.
        .set("auto.offset.reset", "error");
    config
}

/// Receives callbacks of librdkafka.
pub(super) struct Context {
    source_id: Symbol,
    trouble: Hush,
}

impl Context {
    pub(super) fn new(source_id: Symbol) -> Self {
        Self { source_id, trouble: Hush::new(Duration::from_secs(10)) }
    }

    /// Something went wrong that will be tried again.
    pub(super) fn trouble(&self, attempt: &str, error: &dyn std::fmt::Display) {
        match self.trouble.permit() {
            Some(0) => warn!(ingress = %self.source_id, "cannot {attempt}, trying again: {error}"),
            Some(unsaid) => warn!(ingress = %self.source_id, unsaid, "cannot {attempt}, trying again: {error}"),
            None => debug!(ingress = %self.source_id, "cannot {attempt}, trying again: {error}"),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        // Everything that matters arrives as an error too.
        debug!(ingress = %self.source_id, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble("talk to Kafka", &format!("{error}: {reason}"));
    }
}

// Commits are asynchronous, and librdkafka says nothing about how those ended unless a C callback is set.
impl ConsumerContext for Context {}

/// Lets one message through per interval and counts the others.
struct Hush {
    interval: Duration,
    state: Mutex<(Option<Instant>, u64)>,
}

impl Hush {
    fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::new((None, 0)) }
    }

    /// Whether to speak; if so, how many were not let through since the last time.
    fn permit(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let now = Instant::now();
        if state.0.is_some_and(|last| now.duration_since(last) < self.interval) {
            state.1 += 1;
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}
