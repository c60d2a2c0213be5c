//! The producer: its configuration, and what it reports.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext, ThreadedProducer};
use statefun::Symbol;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{Delivery, Options};

/// A producer that reports to a channel.
pub(super) type Producer = ThreadedProducer<Context>;

/// What became of a record.
#[derive(Debug)]
pub(super) struct Report {
    /// Which producer says so; a fatal error makes a new one, and what the old one says then is void.
    pub(super) incarnation: u64,
    pub(super) seq: u64,
    pub(super) outcome: Result<(), RDKafkaErrorCode>,
}

/// Makes a producer. Nothing is connected yet, so a broker that is away does not matter.
pub(super) fn producer(
    options: &Options,
    incarnation: u64,
    reports: mpsc::UnboundedSender<Report>,
) -> KafkaResult<Producer> {
    let context = || Context { id: options.id, incarnation, reports: reports.clone(), spoken: Mutex::new(None) };
    let config = configuration(options);
    let created = config.create_with_context(context());
    let is_own_choice = options.properties.contains_key("enable.idempotence");
    match created {
        Err(error) if options.delivery == Delivery::AtLeastOnce && !is_own_choice => {
            // Properties such as `acks=1` exclude idempotence. They were asked for; order per key is kept otherwise.
            let created = without_idempotence(options, config).create_with_context(context());
            if created.is_ok() && incarnation == 0 {
                warn!(egress = %options.id, "the properties exclude an idempotent producer; going on without: {error}");
            }
            // The first error is about what the user wrote; the second may be about what was changed here.
            created.map_err(|_| error)
        }
        created => created,
    }
}

/// What every producer of this egress is made with.
pub(super) fn configuration(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("partitioner", "murmur2_random")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.propagation.max.ms", "5000");
    if options.delivery == Delivery::AtLeastOnce {
        // No time-out: a message that may not expire needs no second look at whether it arrived.
        config.set("enable.idempotence", "true").set("acks", "all").set("message.timeout.ms", "0");
    }
    for (name, value) in &options.properties {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &options.brokers);
    config
}

fn without_idempotence(options: &Options, mut config: ClientConfig) -> ClientConfig {
    config.set("enable.idempotence", "false");
    let names = ["max.in.flight", "max.in.flight.requests.per.connection"];
    if names.iter().all(|name| !options.properties.contains_key(*name)) {
        // Two requests under way could be retried in the wrong order.
        config.set("max.in.flight", "1");
    }
    config
}

/// Receives callbacks of librdkafka.
pub(super) struct Context {
    id: Symbol,
    incarnation: u64,
    reports: mpsc::UnboundedSender<Report>,
    spoken: Mutex<Option<Instant>>,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        // Everything that matters arrives as an error too.
        debug!(egress = %self.id, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut spoken = self.spoken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if spoken.is_some_and(|last| last.elapsed() < Duration::from_secs(10)) {
            debug!(egress = %self.id, "{error}: {reason}");
            return;
        }
        *spoken = Some(Instant::now());
        warn!(egress = %self.id, "trouble with Kafka, trying again: {error}: {reason}");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, seq: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        };
        // Nobody listens any more after the sink has ended.
        let _ = self.reports.send(Report { incarnation: self.incarnation, seq: seq as u64, outcome });
    }
}
