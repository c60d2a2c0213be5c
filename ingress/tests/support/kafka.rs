//! Brokers for tests: one that is given, and ones of a test's own that it may kill.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// The broker to test with, or `None` when there is none and none is required.
pub(crate) fn given_broker() -> Option<Broker> {
    if let Ok(brokers) = std::env::var("STATEFUN_TEST_KAFKA") {
        return Some(Broker { brokers });
    }
    assert!(
        std::env::var("STATEFUN_TEST_KAFKA_REQUIRED").as_deref() != Ok("1"),
        "STATEFUN_TEST_KAFKA_REQUIRED is set, so STATEFUN_TEST_KAFKA must name a broker as host:port; \
         integration-tests/kafka/kafka.sh starts one"
    );
    eprintln!("skipped: no broker");
    None
}

pub(crate) struct Broker {
    pub(crate) brokers: String,
}

impl Broker {
    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap()
    }

    /// Makes a topic with a name of its own.
    pub(crate) async fn topic(&self, partitions: i32) -> String {
        let name = format!("test-{}", uuid::Uuid::new_v4());
        self.make_topic(&name, partitions).await;
        name
    }

    pub(crate) async fn make_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        self.until_known(name, partitions as usize);
    }

    pub(crate) async fn add_partitions(&self, topic: &str, count: usize) {
        let partitions = NewPartitions::new(topic, count);
        self.admin().create_partitions([&partitions], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        self.until_known(topic, count);
    }

    fn until_known(&self, topic: &str, partitions: usize) {
        let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        for _ in 0..100 {
            let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(5)).unwrap();
            if metadata.topics()[0].partitions().len() == partitions {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{topic} never had {partitions} partitions");
    }

    /// What retention does: everything of a partition before `offset` is gone.
    pub(crate) async fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        self.admin().delete_records(&list, &AdminOptions::new()).await.unwrap();
    }

    /// Writes records with these values, keys `k-<value>` and timestamps 1000, 1001 and so on.
    pub(crate) async fn produce(&self, topic: &str, partition: i32, values: &[&str]) {
        let producer: FutureProducer = self.producer();
        for (n, value) in values.iter().enumerate() {
            let key = format!("k-{value}");
            let record = FutureRecord::to(topic).partition(partition).key(&key).payload(*value);
            producer.send(record.timestamp(1000 + n as i64), Duration::from_secs(30)).await.unwrap();
        }
    }

    pub(crate) fn producer(&self) -> FutureProducer {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).set("linger.ms", "0").create().unwrap()
    }

    /// The offset that a group has committed.
    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let consumer = self.member(group);
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let list = consumer.committed_offsets(list, Duration::from_secs(10)).unwrap();
        list.elements()[0].offset().to_raw().filter(|offset| *offset >= 0)
    }

    pub(crate) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        self.member(group).commit(&list, rdkafka::consumer::CommitMode::Sync).unwrap();
    }

    fn member(&self, group: &str) -> BaseConsumer {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).set("group.id", group).create().unwrap()
    }
}

/// A broker of the test's own.
pub(crate) struct OwnBroker {
    pub(crate) broker: Broker,
    port: u16,
    folder: tempfile::TempDir,
}

impl OwnBroker {
    /// Reserves a place for a broker; none runs yet.
    pub(crate) fn reserve() -> Self {
        // Below 55,000 the broker's script takes the port 10,000 above for itself, which must be free too.
        let free = |port: &u16| {
            [*port, port + 10_000].iter().all(|it| std::net::TcpListener::bind(("127.0.0.1", *it)).is_ok())
        };
        let first = 20_000 + (uuid::Uuid::new_v4().as_u128() % 10_000) as u16;
        let port = (first..30_000).chain(20_000..first).find(free).unwrap();
        let broker = Broker { brokers: format!("127.0.0.1:{port}") };
        Self { broker, port, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn start(&self) {
        self.script(&["start", "--port", &self.port.to_string(), "--dir", self.dir()]);
    }

    pub(crate) fn kill(&self) {
        self.script(&["kill", "--dir", self.dir()]);
    }

    fn dir(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn script(&self, arguments: &[&str]) {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../integration-tests/kafka/kafka.sh");
        let status = Command::new("bash").arg(script).args(arguments).status().unwrap();
        assert!(status.success(), "kafka.sh {arguments:?} failed");
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        if self.folder.path().join("kafka.pid").exists() {
            self.kill();
        }
    }
}
