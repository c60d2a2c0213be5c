//! A reader that keeps up with a topic while a test does other things.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;

use super::Record;

/// Everything a topic has held since its beginning, as it comes.
pub struct Follower {
    records: Arc<Mutex<Vec<(Instant, Record)>>>,
    is_over: Arc<AtomicBool>,
}

impl Follower {
    pub(super) fn start(consumer: BaseConsumer) -> Self {
        let follower = Self { records: Arc::default(), is_over: Arc::default() };
        let (records, is_over) = (Arc::clone(&follower.records), Arc::clone(&follower.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                // Errors are the broker's absence, which ends by itself.
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                    records.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), Record::of(&message)));
                }
            }
        });
        follower
    }

    /// How many records came so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none came so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records so far but for the first `known`.
    #[must_use]
    pub fn after(&self, known: usize) -> Vec<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records[known..].iter().map(|(_, record)| record.clone()).collect()
    }

    /// The records so far, and when each came.
    #[must_use]
    pub fn arrivals(&self) -> Vec<(Instant, Record)> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The records so far that `is_meant`.
    pub fn matching(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().map(|(_, record)| record).filter(|record| is_meant(record)).cloned().collect()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
