//! An outbox that survives its sink, and a reader of committed records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use statefun::EgressRecord;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

type Task = JoinHandle<Result<(), SinkError>>;

#[derive(Default)]
struct Kept {
    owed: BTreeMap<u64, EgressRecord>,
    /// Settled since the sink that runs was started: no snapshot says so yet.
    unsaved: BTreeMap<u64, EgressRecord>,
    published: Vec<u64>,
    rejected: BTreeMap<u64, String>,
}

impl Kept {
    fn settle(&mut self, seq: u64) {
        let record = self.owed.remove(&seq).unwrap_or_else(|| panic!("{seq} was settled twice"));
        self.unsaved.insert(seq, record);
    }
}

/// What the engine keeps, and the sink it gives it to.
pub(crate) struct Outbox {
    kept: Arc<Mutex<Kept>>,
    /// Given to the sink that runs.
    handed_to: u64,
    sink: Option<(mpsc::UnboundedSender<SinkCommand>, Task)>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), handed_to: 0, sink: None }
    }

    /// Adds records to what is owed.
    pub(crate) fn give(&mut self, records: impl IntoIterator<Item = (u64, EgressRecord)>) {
        self.kept.lock().unwrap().owed.extend(records);
    }

    /// Forgets what the last sink has settled: the newest snapshot is older.
    pub(crate) fn forget(&mut self) {
        let mut kept = self.kept.lock().unwrap();
        let unsaved = std::mem::take(&mut kept.unsaved);
        kept.owed.extend(unsaved);
    }

    /// Starts a sink and gives it all that is owed, as after a crash.
    pub(crate) fn start(&mut self, sink: impl Sink + 'static) {
        let (commands, to_hear) = mpsc::unbounded_channel();
        let input = Input { commands: to_hear, kept: Arc::clone(&self.kept) };
        self.sink = Some((commands, tokio::spawn(Box::new(sink).run(Box::new(input)))));
        self.kept.lock().unwrap().unsaved.clear();
        self.handed_to = 0;
        self.hand_over();
    }

    /// Gives the sink what it was not given yet.
    pub(crate) fn hand_over(&mut self) {
        let records: Vec<_> = {
            let kept = self.kept.lock().unwrap();
            let new = kept.owed.range(self.handed_to + 1..);
            new.map(|(seq, record)| OutboxRecord { seq: *seq, record: record.clone() }).collect()
        };
        if let Some(last) = records.last() {
            self.handed_to = last.seq;
            // A sink that has ended hears nothing.
            let _ = self.sink.as_ref().unwrap().0.send(SinkCommand::Publish(records));
        }
    }

    pub(crate) async fn until_empty(&mut self) {
        let by = Instant::now() + Duration::from_secs(120);
        while !self.kept.lock().unwrap().owed.is_empty() {
            if self.sink.as_ref().unwrap().1.is_finished() {
                let (_, task) = self.sink.take().unwrap();
                panic!("the sink has ended: {:?}", task.await.unwrap());
            }
            let owed = || self.kept.lock().unwrap().owed.keys().next().copied();
            assert!(Instant::now() < by, "the sink does not publish {:?}", owed());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Drops the sink wherever it is.
    pub(crate) async fn crash(&mut self) {
        let (_, task) = self.sink.take().unwrap();
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }

    pub(crate) async fn stop(self) -> Result<(), SinkError> {
        let _ = self.sink.as_ref().unwrap().0.send(SinkCommand::Stop);
        self.end().await
    }

    pub(crate) async fn end(mut self) -> Result<(), SinkError> {
        let (_commands, task) = self.sink.take().unwrap();
        tokio::time::timeout(Duration::from_secs(60), task).await.expect("the sink does not end").unwrap()
    }

    /// What was reported as published, in order.
    pub(crate) fn heard(&self) -> Vec<u64> {
        self.kept.lock().unwrap().published.clone()
    }

    pub(crate) fn rejected(&self) -> BTreeMap<u64, String> {
        self.kept.lock().unwrap().rejected.clone()
    }
}

struct Input {
    commands: mpsc::UnboundedReceiver<SinkCommand>,
    kept: Arc<Mutex<Kept>>,
}

impl SinkInput for Input {
    fn next(&mut self) -> BoxFuture<'_, SinkCommand> {
        Box::pin(async {
            match self.commands.recv().await {
                Some(command) => command,
                None => std::future::pending().await,
            }
        })
    }

    fn try_next(&mut self) -> Option<SinkCommand> {
        self.commands.try_recv().ok()
    }

    fn published(&mut self, seqs: Vec<u64>) {
        let mut kept = self.kept.lock().unwrap();
        for seq in seqs {
            kept.settle(seq);
            kept.published.push(seq);
        }
    }

    fn rejected(&mut self, seqs: Vec<u64>, why: String) {
        let mut kept = self.kept.lock().unwrap();
        for seq in seqs {
            kept.settle(seq);
            kept.rejected.insert(seq, why.clone());
        }
    }
}

/// What a reader of committed records sees now: keys and values, each partition in order.
pub(crate) fn read_committed(brokers: &str, topic: &str) -> Vec<(String, String)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(20)).unwrap();
    let mut list = TopicPartitionList::new();
    let mut open = metadata.topics()[0].partitions().len();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut all = Vec::new();
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    while open > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("the topic does not end") {
            Ok(message) => all.push((text(message.key()), text(message.payload()))),
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    all
}

/// The same when there are so many, and a moment later: the broker shows a commit a little after it has acknowledged it.
pub(crate) fn read_committed_once_there_are(brokers: &str, topic: &str, count: usize) -> Vec<(String, String)> {
    let by = Instant::now() + Duration::from_secs(15);
    while read_committed(brokers, topic).len() < count && Instant::now() < by {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(500));
    read_committed(brokers, topic)
}

/// A broker of the test's own that can hang.
pub(crate) struct HangingBroker {
    pub(crate) brokers: String,
    folder: tempfile::TempDir,
}

impl HangingBroker {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let broker = Self { brokers: format!("127.0.0.1:{port}"), folder: tempfile::tempdir().unwrap() };
        broker.script(&["start", "--port", &port.to_string()]);
        broker
    }

    /// Has it hang for so long.
    pub(crate) async fn hang(&self, time: Duration) {
        self.script(&["pause"]);
        tokio::time::sleep(time).await;
        self.script(&["resume"]);
    }

    fn script(&self, arguments: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../integration-tests/kafka/kafka.sh");
        let mut command = std::process::Command::new("bash");
        command.arg(script).args(arguments).arg("--dir").arg(self.folder.path());
        assert!(command.status().unwrap().success(), "kafka.sh {arguments:?} failed");
    }
}

impl Drop for HangingBroker {
    fn drop(&mut self) {
        self.script(&["kill"]);
    }
}
