use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::mpsc;

/// How many payloads a topic holds; what comes when it is full is dropped.
pub const CAPACITY: usize = 1 << 20;

/// Payloads waiting for readers, by topic.
#[derive(Debug)]
pub struct PlaygroundStore {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    topics: HashMap<String, VecDeque<(u64, Bytes)>>,
    dropped: u64,
    /// To the sink that runs now.
    taken: Option<mpsc::UnboundedSender<u64>>,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// The oldest payload of the topic, which is no longer there.
    Payload(Bytes),
    /// There is none now.
    Empty,
    /// There is no such topic.
    UnknownTopic,
}

/// What became of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Kept,
    Full,
    UnknownTopic,
}

impl PlaygroundStore {
    /// A store with these topics.
    #[must_use]
    pub fn new(topics: impl IntoIterator<Item = String>) -> Self {
        Self::with_capacity(topics, CAPACITY)
    }

    /// A store whose topics hold so many payloads each.
    #[must_use]
    pub fn with_capacity(topics: impl IntoIterator<Item = String>, capacity: usize) -> Self {
        let topics = topics.into_iter().map(|topic| (topic, VecDeque::new())).collect();
        Self { capacity, inner: Mutex::new(Inner { topics, dropped: 0, taken: None }) }
    }

    /// Removes and returns the oldest payload of a topic.
    #[must_use]
    pub fn take(&self, topic: &str) -> Take {
        let mut inner = self.inner();
        let Some(queue) = inner.topics.get_mut(topic) else { return Take::UnknownTopic };
        let Some((seq, payload)) = queue.pop_front() else { return Take::Empty };
        if let Some(taken) = &inner.taken {
            // A sink that ends right now leaves the payload to the next one: it is read twice, not lost.
            let _ = taken.send(seq);
        }
        Take::Payload(payload)
    }

    /// How many payloads wait in a topic.
    #[must_use]
    pub fn waiting(&self, topic: &str) -> usize {
        self.inner().topics.get(topic).map_or(0, VecDeque::len)
    }

    /// How many payloads were dropped because their topic was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.inner().dropped
    }

    /// A sink begins: it is given everything again that no reader has taken.
    pub(super) fn begin(&self) -> mpsc::UnboundedReceiver<u64> {
        let (sender, taken) = mpsc::unbounded_channel();
        let mut inner = self.inner();
        inner.topics.values_mut().for_each(VecDeque::clear);
        inner.taken = Some(sender);
        taken
    }

    pub(super) fn put(&self, topic: &str, seq: u64, payload: Bytes) -> Put {
        let mut inner = self.inner();
        let Some(queue) = inner.topics.get_mut(topic) else { return Put::UnknownTopic };
        if queue.len() >= self.capacity {
            inner.dropped += 1;
            return Put::Full;
        }
        queue.push_back((seq, payload));
        Put::Kept
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
