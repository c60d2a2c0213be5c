use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer as _};
use statefun::{EgressRecord, KafkaRecord};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::client::{self, Producer, Report};
use super::lane::Lane;
use super::refusal::{self, Refusal};
use super::{Delivery, Options, transactions};

/// Pause before records that failed are produced again.
const MENDING_PAUSE: Duration = Duration::from_millis(200);
/// Pause before a producer whose queue is full is offered more.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(10);
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
const REPORTS_AT_ONCE: usize = 4096;
/// Lanes kept although nothing is in them: topics come from records, so there may be any number of them.
const IDLE_LANES_MAX: usize = 256;

/// Writes to Kafka topics.
#[derive(Debug)]
pub struct KafkaSink {
    options: Options,
}

impl KafkaSink {
    /// A sink that does as `options` say. Nothing is connected before it runs.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Sink for KafkaSink {
    fn run(self: Box<Self>, input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        let options = self.options;
        Box::pin(async move {
            match options.delivery.clone() {
                Delivery::ExactlyOnce { transaction_timeout, lineage, control_topic } => {
                    transactions::run(options, transaction_timeout, &lineage, control_topic, input).await
                }
                Delivery::None | Delivery::AtLeastOnce => Publisher::new(options, input)?.run().await,
            }
        })
    }
}

struct Publisher {
    options: Options,
    input: Box<dyn SinkInput>,
    producer: Producer,
    incarnation: u64,
    reports: mpsc::UnboundedReceiver<Report>,
    /// For the next producer.
    report_to: mpsc::UnboundedSender<Report>,
    lanes: HashMap<String, Lane>,
    /// Handed to the producer, without an outcome.
    under_way: BTreeMap<u64, KafkaRecord>,
    /// Held and under way.
    unpublished: usize,
    unpublished_bytes: usize,
    full_until: Option<Instant>,
    stop_by: Option<Instant>,
}

impl Publisher {
    fn new(options: Options, input: Box<dyn SinkInput>) -> Result<Self, SinkError> {
        let (report_to, reports) = mpsc::unbounded_channel();
        let producer = client::producer(&options, 0, report_to.clone()).map_err(|error| SinkError {
            sink_id: options.id,
            message: format!("cannot make a Kafka producer of these properties: {error}"),
            retryable: false,
        })?;
        Ok(Self {
            options,
            input,
            producer,
            incarnation: 0,
            reports,
            report_to,
            lanes: HashMap::new(),
            under_way: BTreeMap::new(),
            unpublished: 0,
            unpublished_bytes: 0,
            full_until: None,
            stop_by: None,
        })
    }

    async fn run(mut self) -> Result<(), SinkError> {
        let mut reports = Vec::with_capacity(REPORTS_AT_ONCE);
        loop {
            self.produce()?;
            let now = Instant::now();
            if self.stop_by.is_some_and(|by| self.unpublished == 0 || by <= now) {
                return self.end().await;
            }
            let has_room = self.stop_by.is_none() && self.has_room();
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                1.. = self.reports.recv_many(&mut reports, REPORTS_AT_ONCE) => self.hear_reports(&mut reports)?,
                command = self.input.next(), if has_room => {
                    self.hear(command);
                    while self.stop_by.is_none() && self.has_room() {
                        match self.input.try_next() {
                            Some(command) => self.hear(command),
                            None => break,
                        }
                    }
                }
                () = sleep_until(wake_at.unwrap_or(now)), if wake_at.is_some() => {}
            }
        }
    }

    fn has_room(&self) -> bool {
        self.unpublished < self.options.unpublished_max && self.unpublished_bytes < self.options.unpublished_bytes_max
    }

    fn wake_at(&self) -> Option<Instant> {
        let lanes = self.lanes.values().filter_map(Lane::wake_at);
        lanes.chain(self.full_until).chain(self.stop_by).min()
    }

    fn hear(&mut self, command: SinkCommand) {
        match command {
            SinkCommand::Publish(records) => {
                for OutboxRecord { seq, record } in records {
                    self.take(seq, record);
                }
            }
            SinkCommand::Completed(_) => {}
            SinkCommand::Stop => self.stop_by = Some(Instant::now() + self.options.stop_patience),
        }
    }

    fn take(&mut self, seq: u64, record: EgressRecord) {
        let EgressRecord::Kafka(record) = record else {
            self.input.rejected(vec![seq], "only Kafka records can be written to Kafka".to_owned());
            return;
        };
        // librdkafka takes topics as C strings.
        if record.topic.is_empty() || record.topic.contains('\0') {
            self.input.rejected(vec![seq], format!("{:?} is no topic", record.topic));
            return;
        }
        self.unpublished += 1;
        self.unpublished_bytes += size(&record);
        match self.lanes.get_mut(&record.topic) {
            Some(lane) => lane.hold(seq, record),
            None => self.lanes.entry(record.topic.clone()).or_default().hold(seq, record),
        }
    }

    /// Hands the producer whatever may be produced now.
    fn produce(&mut self) -> Result<(), SinkError> {
        let now = Instant::now();
        if self.full_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        self.full_until = None;
        if self.lanes.len() > IDLE_LANES_MAX {
            self.lanes.retain(|_, lane| !lane.is_idle());
        }
        let mut published = Vec::new();
        let mut fatal = None;
        'lanes: for (topic, lane) in &mut self.lanes {
            while let Some((seq, record)) = lane.next(now) {
                let opaque = usize::try_from(seq).expect("sequence numbers fit into a machine word");
                let mut message = BaseRecord::with_opaque_to(topic, opaque).payload(&record.value[..]);
                message.key = record.key.as_deref();
                match self.producer.send(message) {
                    Ok(()) => {
                        let Some((seq, record)) = lane.sent() else { break };
                        if self.options.delivery == Delivery::None {
                            lane.settled();
                            self.unpublished -= 1;
                            self.unpublished_bytes -= size(&record);
                            published.push(seq);
                        } else {
                            self.under_way.insert(seq, record);
                        }
                    }
                    Err((error, _)) => match error.rdkafka_error_code() {
                        Some(RDKafkaErrorCode::QueueFull) => {
                            self.full_until = Some(now + QUEUE_FULL_PAUSE);
                            break 'lanes;
                        }
                        code => {
                            let refusal = code.map_or(Refusal::ForGood, refusal::judge);
                            match refusal {
                                Refusal::Producer => {
                                    fatal = Some(error);
                                    break 'lanes;
                                }
                                Refusal::Passing => lane.postpone(now + MENDING_PAUSE),
                                Refusal::UnknownTopic
                                    if now.duration_since(lane.unknown(now)) < self.options.unknown_topic_patience =>
                                {
                                    lane.postpone(now + MENDING_PAUSE);
                                    ask_again(&self.producer, topic);
                                }
                                Refusal::UnknownTopic | Refusal::ForGood => {
                                    let Some((seq, record)) = lane.refused() else { break };
                                    self.unpublished -= 1;
                                    self.unpublished_bytes -= size(&record);
                                    self.input.rejected(vec![seq], why(topic, &error));
                                }
                            }
                        }
                    },
                }
            }
        }
        if !published.is_empty() {
            self.input.published(published);
        }
        match fatal {
            Some(error) => self.replace_producer(&error),
            None => Ok(()),
        }
    }

    fn hear_reports(&mut self, reports: &mut Vec<Report>) -> Result<(), SinkError> {
        let now = Instant::now();
        let mut published = Vec::with_capacity(reports.len());
        let mut fatal = None;
        for Report { incarnation, seq, outcome } in reports.drain(..) {
            if incarnation != self.incarnation {
                continue;
            }
            let Some(record) = self.under_way.remove(&seq) else {
                if let Err(code) = outcome {
                    // Delivery is `none`: nobody waits for this record any more.
                    warn!(egress = %self.options.id, seq, "a record was lost, as delivery `none` allows: {code}");
                }
                continue;
            };
            let lane = self.lanes.entry(record.topic.clone()).or_default();
            let refusal = match outcome {
                Ok(()) => {
                    lane.known();
                    lane.settled();
                    self.unpublished -= 1;
                    self.unpublished_bytes -= size(&record);
                    published.push(seq);
                    continue;
                }
                Err(code) => (refusal::judge(code), KafkaError::MessageProduction(code)),
            };
            match refusal {
                (Refusal::UnknownTopic, error)
                    if now.duration_since(lane.unknown(now)) >= self.options.unknown_topic_patience =>
                {
                    self.reject(seq, &record, &error);
                }
                (Refusal::ForGood, error) => self.reject(seq, &record, &error),
                (Refusal::Passing | Refusal::UnknownTopic, _) => lane.failed(seq, record, now + MENDING_PAUSE),
                (Refusal::Producer, error) => {
                    lane.failed(seq, record, now + MENDING_PAUSE);
                    fatal = Some(error);
                }
            }
        }
        if !published.is_empty() {
            self.input.published(published);
        }
        match fatal {
            Some(error) => self.replace_producer(&error),
            None => Ok(()),
        }
    }

    fn reject(&mut self, seq: u64, record: &KafkaRecord, error: &KafkaError) {
        if let Some(lane) = self.lanes.get_mut(&record.topic) {
            lane.settled();
        }
        self.unpublished -= 1;
        self.unpublished_bytes -= size(record);
        self.input.rejected(vec![seq], why(&record.topic, error));
    }

    /// Goes on with another producer. What was under way is produced again: it may have arrived, which at-least-once allows.
    fn replace_producer(&mut self, error: &KafkaError) -> Result<(), SinkError> {
        error!(egress = %self.options.id, under_way = self.under_way.len(), "the producer cannot go on, making another one: {error}");
        self.incarnation += 1;
        let next = client::producer(&self.options, self.incarnation, self.report_to.clone());
        let next = next.map_err(|error| SinkError {
            sink_id: self.options.id,
            message: format!("cannot make another Kafka producer: {error}"),
            retryable: true,
        })?;
        discard(std::mem::replace(&mut self.producer, next));
        let until = Instant::now() + MENDING_PAUSE;
        for (seq, record) in std::mem::take(&mut self.under_way) {
            self.lanes.entry(record.topic.clone()).or_default().failed(seq, record, until);
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), SinkError> {
        if self.options.delivery == Delivery::None {
            let by = self.stop_by.take().unwrap_or_else(Instant::now);
            while self.producer.in_flight_count() > 0 && Instant::now() < by {
                tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            }
        }
        let held: usize = self.lanes.values().map(Lane::held).sum();
        let owed = self.under_way.len() + held;
        if owed > 0 {
            warn!(egress = %self.options.id, owed, "stopping without acknowledgements; these records stay in the outbox");
        }
        discard(self.producer);
        Ok(())
    }
}

/// Has the producer look for a topic it has given up. It would do so by itself only minutes later.
fn ask_again(producer: &Producer, topic: &str) {
    let (producer, topic) = (producer.clone(), topic.to_owned());
    // The answer changes what the producer knows; here it is of no interest.
    drop(tokio::task::spawn_blocking(move || drop(producer.client().fetch_metadata(Some(&topic), METADATA_TIMEOUT))));
}

/// Dropping a producer joins its thread and waits for purged messages: not on the arbiter.
fn discard(producer: Producer) {
    drop(tokio::task::spawn_blocking(move || drop(producer)));
}

fn size(record: &KafkaRecord) -> usize {
    record.value.len() + record.key.as_ref().map_or(0, bytes::Bytes::len)
}

fn why(topic: &str, error: &KafkaError) -> String {
    format!("Kafka refused a record for topic {topic:?} for good: {error}")
}
