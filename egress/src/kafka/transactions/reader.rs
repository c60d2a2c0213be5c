//! Reading the control topic, and making it.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use statefun_engine::publication::{Mark, Trouble};
use tracing::{debug, info, warn};

use super::control::Ledger;
use super::inbox::Inbox;
use super::terms::Terms;

/// The only partition of the control topic: what one reader must see in order lies in one.
pub(super) const PARTITION: i32 = 0;
/// Short, because nothing is heard meanwhile.
const METADATA_PATIENCE: Duration = Duration::from_secs(3);
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// A transaction that a crashed stranger left open hides what follows it, until the broker aborts it.
const READ_PATIENCE: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(100);

/// Segments small enough that compaction keeps up, so that a start has little to read.
const TOPIC_CONFIG: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "16777216"),
    ("segment.ms", "3600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
];

/// Properties that are about connections, which a consumer needs too.
fn config(terms: &Terms) -> ClientConfig {
    let mut config = ClientConfig::new();
    let is_about_connections = |name: &str| {
        ["security.", "ssl.", "sasl.", "enable.ssl.", "https.", "broker.address.", "client.", "socket.", "api.version."]
            .iter()
            .any(|family| name.starts_with(family))
    };
    for (name, value) in terms.options.properties.iter().filter(|(name, _)| is_about_connections(name)) {
        config.set(name, value);
    }
    config.set("bootstrap.servers", &terms.options.brokers).set("reconnect.backoff.max.ms", "1000");
    config
}

fn consumer(terms: &Terms) -> KafkaResult<BaseConsumer<Quiet>> {
    let mut config = config(terms);
    config
        // Nothing is committed to it and nobody joins it.
        .set("group.id", &terms.transactional_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.error.backoff.ms", "50")
        .set("allow.auto.create.topics", "false");
    config.create_with_context(Quiet)
}

/// Reads on until `mark` was seen and the topic ends; without a mark, until it ends.
pub(super) fn read(terms: &Terms, ledger: &mut Ledger, mark: Option<&Mark>, inbox: &mut Inbox) -> Result<(), Trouble> {
    let passing = |what: &str, error: &KafkaError| Trouble::Passing(format!("control topic, {what}: {error}"));
    let consumer = consumer(terms).map_err(|error| Trouble::Hopeless(format!("control topic: {error}")))?;
    let mut list = TopicPartitionList::new();
    let from = ledger.next_offset.map_or(Offset::Beginning, Offset::Offset);
    list.add_partition_offset(&terms.control_topic, PARTITION, from).map_err(|error| passing("assigning", &error))?;
    // A consumer that knows the leader when it begins does not wait half a second before it asks again.
    drop(consumer.fetch_metadata(Some(&terms.control_topic), METADATA_PATIENCE));
    consumer.assign(&list).map_err(|error| passing("assigning", &error))?;
    let patience = Instant::now() + if mark.is_some() { READ_PATIENCE } else { ANSWER_PATIENCE };
    let mut is_late_told = false;
    loop {
        let is_complete = |ledger: &Ledger| mark.is_none_or(|mark| ledger.view.mark.as_ref() == Some(mark));
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                let (offset, key) = (message.offset(), message.key().unwrap_or_default());
                ledger.note(offset, key, message.payload()).map_err(|unreadable| {
                    Trouble::Hopeless(format!(
                        "control topic {:?} cannot be understood at offset {} (key {}): {}",
                        terms.control_topic, unreadable.offset, unreadable.key, unreadable.why
                    ))
                })?;
            }
            Some(Err(KafkaError::PartitionEOF(_))) if is_complete(ledger) => return Ok(()),
            Some(Err(KafkaError::PartitionEOF(_))) | None => {}
            Some(Err(error)) => debug!(egress = %terms.options.id, "reading the control topic: {error}"),
        }
        if inbox.must_end() {
            return Err(Trouble::Ended);
        }
        let left = patience.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Passing("the control topic could not be read to its end".to_owned()));
        }
        if !is_late_told && mark.is_some() && left < READ_PATIENCE - ANSWER_PATIENCE {
            is_late_told = true;
            info!(egress = %terms.options.id, "waiting for the control topic; an open transaction may be in the way");
        }
    }
}

/// Makes the control topic if there is none, and refuses one that would forget.
pub(super) fn ensure_topic(terms: &Terms) -> Result<(), Trouble> {
    let (id, topic) = (terms.options.id, terms.control_topic.as_str());
    let passing =
        |what: &str, error: &dyn std::fmt::Display| Trouble::Passing(format!("control topic, {what}: {error}"));
    let admin: AdminClient<DefaultClientContext> =
        config(terms).create().map_err(|error| Trouble::Hopeless(format!("control topic: {error}")))?;
    let metadata = admin.inner().fetch_metadata(None, METADATA_PATIENCE);
    let metadata = metadata.map_err(|error| passing("asking for the topics", &error))?;
    let found = metadata.topics().iter().find(|it| it.name() == topic);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| passing("no thread for requests", &error))?;
    let options = AdminOptions::new().request_timeout(Some(METADATA_PATIENCE));
    match found.map(|it| it.partitions().len()) {
        Some(0) => Err(Trouble::Passing(format!("control topic {topic:?} has no partitions yet"))),
        Some(_) => {
            let specifier = [ResourceSpecifier::Topic(topic)];
            let described = runtime.block_on(admin.describe_configs(&specifier, &options));
            let described = described.map_err(|error| passing("asking for its configuration", &error))?;
            let policy = match described.first() {
                Some(Ok(resource)) => resource.get("cleanup.policy").and_then(|entry| entry.value.clone()),
                Some(Err(code)) => {
                    warn!(egress = %id, topic, "cannot see whether the control topic is compacted: {code}");
                    None
                }
                None => None,
            };
            match policy.as_deref() {
                None | Some("compact") => Ok(()),
                Some(other) => Err(Trouble::Hopeless(format!(
                    "control topic {topic:?} has cleanup.policy={other}, which forgets what was published; it must be compact"
                ))),
            }
        }
        None => {
            let topic_spec = NewTopic::new(topic, 1, TopicReplication::Fixed(-1));
            let topic_spec = TOPIC_CONFIG.iter().fold(topic_spec, |it, (name, value)| it.set(name, value));
            let made = runtime.block_on(admin.create_topics([&topic_spec], &options));
            match made.map_err(|error| passing("making it", &error))?.first() {
                Some(Ok(_)) => {
                    info!(egress = %id, topic, "made the control topic");
                    Ok(())
                }
                Some(Err((_, Code::TopicAlreadyExists))) => Ok(()),
                Some(Err((
                    _,
                    code @ (Code::TopicAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
                    | Code::InvalidTopic
                    | Code::PolicyViolation
                    | Code::InvalidReplicationFactor),
                ))) => Err(Trouble::Hopeless(format!(
                    "control topic {topic:?} does not exist and cannot be made: {code}; make it with one partition and \
                     cleanup.policy=compact"
                ))),
                Some(Err((_, code))) => Err(passing("making it", code)),
                None => Err(Trouble::Passing("the broker did not say whether it made the control topic".to_owned())),
            }
        }
    }
}

/// A client whose log is for debugging.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!("{error}: {reason}");
    }
}

impl ConsumerContext for Quiet {}
