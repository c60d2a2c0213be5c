//! The engine's side of a source, played by a test.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::time::Duration;

use statefun::{EventTime, Symbol};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceEvent, SourceOutput, SourceRecord};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

struct Output {
    records: mpsc::Sender<Vec<SourceRecord>>,
    events: mpsc::UnboundedReceiver<SourceEvent>,
}

impl SourceOutput for Output {
    fn send(&mut self, records: Vec<SourceRecord>) -> BoxFuture<'_, bool> {
        Box::pin(async { self.records.send(records).await.is_ok() })
    }

    fn event(&mut self) -> BoxFuture<'_, SourceEvent> {
        Box::pin(async {
            match self.events.recv().await {
                Some(event) => event,
                None => std::future::pending().await,
            }
        })
    }

    fn try_event(&mut self) -> Option<SourceEvent> {
        self.events.try_recv().ok()
    }
}

/// A source that runs. It has room for one batch that the test has not looked at.
pub(crate) struct Running {
    records: mpsc::Receiver<Vec<SourceRecord>>,
    events: mpsc::UnboundedSender<SourceEvent>,
    seen: std::collections::VecDeque<SourceRecord>,
    task: JoinHandle<Result<(), SourceError>>,
}

pub(crate) fn start(source: impl Source + 'static, positions: Vec<Position>) -> Running {
    let (outgoing, records) = mpsc::channel(1);
    let (events, incoming) = mpsc::unbounded_channel();
    let task = tokio::spawn(Box::new(source).run(positions, Box::new(Output { records: outgoing, events: incoming })));
    Running { records, events, seen: Default::default(), task }
}

impl Running {
    /// The next record, or `None` when the source has ended.
    pub(crate) async fn next(&mut self) -> Option<SourceRecord> {
        while self.seen.is_empty() {
            let batch = tokio::time::timeout(Duration::from_secs(60), self.records.recv());
            self.seen.extend(batch.await.expect("the source is silent")?);
        }
        self.seen.pop_front()
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<Keyed> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            taken.push(keyed(self.next().await.expect("the source ended early")));
        }
        taken
    }

    /// Whether nothing comes for a while: for what must *not* happen, which nothing signals.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.seen.is_empty() && tokio::time::timeout(Duration::from_millis(300), self.records.recv()).await.is_err()
    }

    pub(crate) fn committed(&self, positions: Vec<Position>) {
        self.events.send(SourceEvent::Committed(positions)).unwrap();
    }

    pub(crate) async fn stop(mut self) -> Result<(), SourceError> {
        let _ = self.events.send(SourceEvent::Stop);
        self.records.close();
        self.end().await
    }

    /// Everything up to the end of the input, and how it ended.
    pub(crate) async fn rest(mut self) -> (Vec<SourceRecord>, Result<(), SourceError>) {
        let mut all = Vec::new();
        while let Some(record) = self.next().await {
            all.push(record);
        }
        (all, self.end().await)
    }

    pub(crate) async fn end(self) -> Result<(), SourceError> {
        tokio::time::timeout(Duration::from_secs(60), self.task).await.expect("the source does not end").unwrap()
    }
}

/// A keyed record as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keyed {
    pub(crate) route: u32,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) event_time: EventTime,
    pub(crate) position: Position,
}

pub(crate) fn keyed(record: SourceRecord) -> Keyed {
    let text = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    match record {
        SourceRecord::Keyed { route, key, value, event_time, position } => {
            Keyed { route, key: key.map(text), value: value.map(text), event_time, position }
        }
        other => panic!("not a keyed record: {other:?}"),
    }
}

pub(crate) fn values(records: &[Keyed]) -> Vec<&str> {
    records.iter().map(|record| record.value.as_deref().unwrap_or("null")).collect()
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::intern(text).unwrap()
}

pub(crate) fn position(partition: &str, next: impl std::fmt::Display) -> Position {
    Position { partition: partition.into(), next: next.to_string().into() }
}
