//! The engine's side of a sink, played by a test.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::time::Duration;

use bytes::Bytes;
use statefun::{Address, EgressRecord, FunctionType, Id, KafkaRecord, Symbol, TypedValue, ValueType};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a sink says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Published(u64),
    Rejected(u64, String),
}

struct Input {
    commands: mpsc::UnboundedReceiver<SinkCommand>,
    said: mpsc::UnboundedSender<Said>,
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
        for seq in seqs {
            let _ = self.said.send(Said::Published(seq));
        }
    }

    fn rejected(&mut self, seqs: Vec<u64>, why: String) {
        for seq in seqs {
            let _ = self.said.send(Said::Rejected(seq, why.clone()));
        }
    }
}

/// A sink that runs.
pub(crate) struct Running {
    commands: mpsc::UnboundedSender<SinkCommand>,
    said: mpsc::UnboundedReceiver<Said>,
    task: JoinHandle<Result<(), SinkError>>,
}

pub(crate) fn start(sink: impl Sink + 'static) -> Running {
    let (commands, incoming) = mpsc::unbounded_channel();
    let (outgoing, said) = mpsc::unbounded_channel();
    let task = tokio::spawn(Box::new(sink).run(Box::new(Input { commands: incoming, said: outgoing })));
    Running { commands, said, task }
}

impl Running {
    pub(crate) fn publish(&self, records: impl IntoIterator<Item = (u64, EgressRecord)>) {
        let records = records.into_iter().map(|(seq, record)| OutboxRecord { seq, record }).collect();
        self.commands.send(SinkCommand::Publish(records)).unwrap();
    }

    pub(crate) async fn said(&mut self) -> Said {
        tokio::time::timeout(Duration::from_secs(60), self.said.recv()).await.expect("the sink is silent").unwrap()
    }

    /// The next `count` things said, which must all be `published`.
    pub(crate) async fn published(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            match self.said().await {
                Said::Published(seq) => seqs.push(seq),
                Said::Rejected(seq, why) => panic!("{seq} was rejected: {why}"),
            }
        }
        seqs
    }

    pub(crate) fn silent(&mut self) -> bool {
        self.said.try_recv().is_err()
    }

    pub(crate) async fn stop(self) -> Result<(), SinkError> {
        let _ = self.commands.send(SinkCommand::Stop);
        self.end().await
    }

    pub(crate) async fn end(self) -> Result<(), SinkError> {
        tokio::time::timeout(Duration::from_secs(60), self.task).await.expect("the sink does not end").unwrap()
    }
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::intern(text).unwrap()
}

pub(crate) fn value(typename: &str, bytes: impl Into<Vec<u8>>) -> EgressRecord {
    EgressRecord::Value {
        source: Address::new(FunctionType::parse("shop/cart").unwrap(), Id::from("ann")),
        value: TypedValue::new(ValueType::named(typename).unwrap(), bytes.into()),
    }
}

pub(crate) fn json(text: &str) -> EgressRecord {
    value("shop/json", text)
}

pub(crate) fn kafka(topic: &str, key: Option<&str>, value: &str) -> EgressRecord {
    EgressRecord::Kafka(KafkaRecord {
        topic: topic.to_owned(),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Bytes::copy_from_slice(value.as_bytes()),
    })
}
