//! Brokers for tests: one that is given, and ones of a test's own that it may kill.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

/// The broker to test with, or `None` when there is none and none is required.
pub(crate) fn given_broker() -> Option<String> {
    if let Ok(brokers) = std::env::var("STATEFUN_TEST_KAFKA") {
        return Some(brokers);
    }
    assert!(
        std::env::var("STATEFUN_TEST_KAFKA_REQUIRED").as_deref() != Ok("1"),
        "STATEFUN_TEST_KAFKA_REQUIRED is set, so STATEFUN_TEST_KAFKA must name a broker as host:port; \
         integration-tests/kafka/kafka.sh starts one"
    );
    eprintln!("skipped: no broker");
    None
}

/// A name that no other test and no other run uses.
pub(crate) fn unique(what: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    format!("test-{what}-{}", now.as_nanos())
}

pub(crate) async fn make_topic(brokers: &str, name: &str, partitions: i32, config: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topic = config.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

/// A record as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: String,
}

/// Everything in a topic, partition by partition, up to where it ends now.
pub(crate) fn read_all(brokers: &str, topic: &str) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(20)).unwrap();
    let mut all = Vec::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), Duration::from_secs(20)).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition.id(), Offset::Offset(low)).unwrap();
        consumer.assign(&list).unwrap();
        let mut next = low;
        while next < high {
            let message = consumer.poll(Duration::from_secs(20)).expect("the topic ends early").unwrap();
            next = message.offset() + 1;
            all.push(Read {
                partition: partition.id(),
                key: message.key().map(text),
                value: text(message.payload().unwrap()),
            });
        }
    }
    all
}

/// A broker of the test's own.
pub(crate) struct OwnBroker {
    pub(crate) brokers: String,
    port: u16,
    folder: tempfile::TempDir,
}

impl OwnBroker {
    /// Reserves a place for a broker; none runs yet.
    pub(crate) fn reserve() -> Self {
        // The broker's script takes the port 10,000 above for itself, which must be free too.
        let is_free = |port: &u16| {
            [*port, port + 10_000].iter().all(|it| std::net::TcpListener::bind(("127.0.0.1", *it)).is_ok())
        };
        let first = 20_000 + (std::process::id() % 10_000) as u16;
        let port = (first..30_000).chain(20_000..first).find(is_free).unwrap();
        Self { brokers: format!("127.0.0.1:{port}"), port, folder: tempfile::tempdir().unwrap() }
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
