//! Producing, reading and looking at offsets, directly at the broker.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::Follower;

const PATIENCE: Duration = Duration::from_secs(30);

/// A client of one broker.
pub struct KafkaClient {
    address: String,
    producer: BaseProducer,
}

/// A record as it lies in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// In which partition.
    pub partition: i32,
    /// At which offset.
    pub offset: i64,
    /// Its key, if it has one.
    pub key: Option<String>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Record {
    pub(super) fn of(message: &rdkafka::message::BorrowedMessage<'_>) -> Self {
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(|key| String::from_utf8_lossy(key).into_owned()),
            value: message.payload().unwrap_or_default().to_vec(),
        }
    }

    /// The value as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.value).into_owned()
    }
}

impl KafkaClient {
    /// A client of the broker at `address`.
    ///
    /// # Panics
    /// When librdkafka refuses its configuration.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let mut config = config(address);
        config.set("linger.ms", "2").set("queue.buffering.max.messages", "1000000");
        Self { address: address.to_owned(), producer: config.create().expect("a producer") }
    }

    /// Creates a topic.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let created = block_on(self.admin().create_topics([&topic], &AdminOptions::new())).expect("the broker answers");
        for result in created {
            result.unwrap_or_else(|error| panic!("topic {name}: {error:?}"));
        }
    }

    /// Gives a topic more partitions.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn grow_topic(&self, name: &str, partitions: usize) {
        let more = NewPartitions::new(name, partitions);
        let grown =
            block_on(self.admin().create_partitions([&more], &AdminOptions::new())).expect("the broker answers");
        for result in grown {
            result.unwrap_or_else(|error| panic!("topic {name}: {error:?}"));
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        config(&self.address).create().expect("an admin client")
    }

    /// Hands a record to the producer; [`flush`](Self::flush) makes sure it is there.
    ///
    /// # Panics
    /// When the producer refuses it.
    pub fn produce(&self, topic: &str, partition: Option<i32>, key: Option<&str>, value: &[u8]) {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).payload(value);
        if let Some(key) = key {
            record = record.key(key);
        }
        if let Some(partition) = partition {
            record = record.partition(partition);
        }
        self.producer.send(record).unwrap_or_else(|(error, _)| panic!("cannot produce to {topic}: {error}"));
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until everything produced is acknowledged.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn flush(&self) {
        self.producer.flush(PATIENCE).expect("the broker acknowledges");
    }

    /// Reads a topic from the beginning (committed records only) until there are `count`, sorted by partition and offset.
    ///
    /// # Panics
    /// When there are fewer after `within`.
    #[must_use]
    pub fn read(&self, topic: &str, count: usize, within: Duration) -> Vec<Record> {
        let begun = Instant::now();
        let mut records = Vec::new();
        let consumer = self.consumer("reader");
        let mut assigned = 0;
        while records.len() < count {
            assert!(
                begun.elapsed() < within,
                "{topic} holds {} and not {count} records after {within:?}; the last ones: {:?}",
                records.len(),
                records.iter().rev().take(5).map(Record::text).collect::<Vec<_>>()
            );
            // A topic may come to be, or grow, while it is read; a new assignment begins anew.
            let partitions = self.partitions(&consumer, topic);
            if partitions > assigned {
                assigned = partitions;
                records.clear();
                assign_all(&consumer, topic, partitions);
            }
            let until = Instant::now() + Duration::from_millis(500);
            while records.len() < count && Instant::now() < until {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                    records.push(Record::of(&message));
                }
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// Everything committed in a topic up to its present end.
    #[must_use]
    pub fn read_all(&self, topic: &str) -> Vec<Record> {
        let consumer = self.consumer("reader");
        let partitions = self.partitions(&consumer, topic);
        assign_all(&consumer, topic, partitions);
        let mut ends: Vec<i64> = (0..partitions)
            .map(|partition| {
                consumer.fetch_watermarks(topic, partition, PATIENCE).expect("the broker knows its ends").1
            })
            .collect();
        let mut records = Vec::new();
        let begun = Instant::now();
        let mut quiet = Instant::now();
        while ends.iter().any(|end| *end > 0) && begun.elapsed() < 10 * PATIENCE {
            match consumer.poll(Duration::from_millis(50)) {
                Some(Ok(message)) => {
                    quiet = Instant::now();
                    let partition = message.partition();
                    if message.offset() + 1 >= ends[partition as usize] {
                        ends[partition as usize] = 0;
                    }
                    records.push(Record::of(&message));
                }
                // The last offsets of a topic written in transactions are marks that no reader sees.
                _ if quiet.elapsed() > Duration::from_secs(2) => break,
                _ => {}
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// The offsets a group has committed for a topic, by partition; -1 where there is none.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let consumer = self.consumer(group);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let committed = consumer.committed_offsets(list, PATIENCE).expect("the broker knows the group");
        let offset = |offset| if let Offset::Offset(offset) = offset { offset } else { -1 };
        committed.elements().iter().map(|element| offset(element.offset())).collect()
    }

    /// Commits offsets for a group, as an operator would with Kafka's tools.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("an offset");
        let consumer = self.consumer(group);
        consumer.commit(&list, rdkafka::consumer::CommitMode::Sync).expect("the broker commits");
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = config(&self.address);
        config.set("group.id", group).set("enable.auto.commit", "false").set("isolation.level", "read_committed");
        config.set("auto.offset.reset", "earliest").set("fetch.wait.max.ms", "50");
        config.create().expect("a consumer")
    }

    fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> i32 {
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
        metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32)
    }

    /// Produces one record with a timestamp in Unix milliseconds and, perhaps, no value.
    ///
    /// # Panics
    /// When the producer refuses it.
    pub fn produce_at(&self, topic: &str, timestamp_ms: i64, key: &str, value: Option<&[u8]>) {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(key).timestamp(timestamp_ms);
        if let Some(value) = value {
            record = record.payload(value);
        }
        self.producer.send(record).unwrap_or_else(|(error, _)| panic!("cannot produce to {topic}: {error}"));
    }

    /// Reads a topic in the background from its beginning. The topic exists.
    #[must_use]
    pub fn follow(&self, topic: &str) -> Follower {
        let consumer = self.consumer("follower");
        let partitions = self.partitions(&consumer, topic);
        assign_all(&consumer, topic, partitions);
        Follower::start(consumer)
    }
}

fn assign_all(consumer: &BaseConsumer, topic: &str, partitions: i32) {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("partitions can be assigned");
}

fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address).set("allow.auto.create.topics", "true");
    config.set("reconnect.backoff.max.ms", "500").set("log_level", "0");
    config
}

/// rdkafka's admin client completes its futures on a thread of its own, so any executor will do.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
