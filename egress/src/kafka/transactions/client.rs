//! The transactional producer and what it reports.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::util::Timeout;
use statefun::Symbol;
use tracing::debug;

use super::terms::Terms;
use super::trouble::is_fence;
use crate::kafka::client::configuration;

/// How long one poll takes. Whatever waits for librdkafka waits in such steps: its own waiting has steps of 100 ms.
const POLL: Duration = Duration::from_millis(1);

/// Properties that a transaction decides. Java's names are translated before they come here.
const DECIDED: [&str; 11] = [
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "transactional.id",
    "transaction.timeout.ms",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "message.send.max.retries",
    "retries",
    "socket.timeout.ms",
];

/// A producer of transactions, driven by the thread that owns it.
pub(super) struct Client {
    producer: BaseProducer<Context>,
    reports: Receiver<Report>,
    /// Handed over, without a report.
    under_way: usize,
}

/// What became of a record: the number it was sent with.
pub(super) struct Report {
    pub(super) number: usize,
    pub(super) outcome: Result<(), Code>,
}

impl Client {
    /// A producer that is not connected yet.
    pub(super) fn new(terms: &Terms) -> KafkaResult<Self> {
        let mut config = configuration(&terms.options);
        for name in DECIDED {
            config.remove(name);
        }
        let timeout = terms.timeout.as_millis().to_string();
        config
            .set("transactional.id", &terms.transactional_id)
            .set("transaction.timeout.ms", &timeout)
            .set("message.timeout.ms", &timeout)
            .set("enable.idempotence", "true")
            .set("acks", "all");
        if !["linger.ms", "queue.buffering.max.ms"].iter().any(|name| terms.options.properties.contains_key(*name)) {
            // All records of a transaction are handed over at once, so waiting for more gains nothing.
            config.set("linger.ms", "1");
        }
        let (report_to, reports) = mpsc::channel();
        let producer = config.create_with_context(Context { id: terms.options.id, report_to })?;
        Ok(Self { producer, reports, under_way: 0 })
    }

    pub(super) fn init(&self, at_most: Duration) -> KafkaResult<()> {
        self.producer.init_transactions(Timeout::After(at_most))
    }

    pub(super) fn begin(&self) -> KafkaResult<()> {
        self.producer.begin_transaction()
    }

    /// Hands a record over; the report bears `number`.
    pub(super) fn send(
        &mut self,
        number: usize,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> KafkaResult<()> {
        let mut message = BaseRecord::with_opaque_to(topic, number).payload(value);
        message.key = key;
        message.partition = partition;
        self.producer.send(message).map_err(|(error, _)| error)?;
        self.under_way += 1;
        Ok(())
    }

    pub(super) fn is_drained(&self) -> bool {
        self.under_way == 0
    }

    /// Lets librdkafka report for a moment.
    pub(super) fn poll(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.producer.poll(POLL);
        let under_way = &mut self.under_way;
        self.reports.try_iter().inspect(move |_| *under_way = under_way.saturating_sub(1))
    }

    /// Commits what was sent and reported. `Ok(false)`: not yet, ask again.
    pub(super) fn commit(&self, at_most: Duration) -> KafkaResult<bool> {
        match self.producer.commit_transaction(Timeout::After(at_most)) {
            Ok(()) => Ok(true),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !is_fence(error.code()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Why no commit is possible. Asked only after a record failed, when a commit cannot succeed.
    pub(super) fn why_not(&self) -> Option<KafkaError> {
        self.producer.commit_transaction(Timeout::After(Duration::from_millis(200))).err()
    }

    /// Aborts the transaction and forgets its records.
    pub(super) fn abort(&mut self, at_most: Duration) -> KafkaResult<()> {
        let by = Instant::now() + at_most;
        self.producer.purge(rdkafka::producer::PurgeConfig::default().queue());
        while !self.is_drained() && Instant::now() < by {
            self.poll().for_each(drop);
        }
        let left = by.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        self.producer.abort_transaction(Timeout::After(left))
    }

    /// Has the producer look for a topic that it holds to be missing. It would do so by itself only minutes later.
    pub(super) fn look_for(&self, topic: &str, at_most: Duration) {
        // The answer changes what the producer knows; here it is of no interest.
        drop(self.producer.client().fetch_metadata(Some(topic), at_most));
    }
}

/// Receives callbacks of librdkafka.
pub(super) struct Context {
    id: Symbol,
    report_to: Sender<Report>,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(egress = %self.id, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Whatever stops a transaction is told by it, and warned of then.
        debug!(egress = %self.id, "{error}: {reason}");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(Code::Fail)),
        };
        // The receiver is dropped after the producer has ended.
        let _ = self.report_to.send(Report { number, outcome });
    }
}
