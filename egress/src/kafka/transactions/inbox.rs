//! The publisher's side of the way from and to the engine.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use statefun_engine::publication::{self, Pending};
use statefun_ports::sink::SinkError;

/// What the publisher is told.
#[derive(Debug)]
pub(super) enum Word {
    Publish(Vec<Pending>),
    Completed,
    Stop,
}

/// What the publisher tells.
#[derive(Debug)]
pub(super) enum News {
    /// What became of records.
    Of(publication::News),
    /// There will be no more news.
    Ended(Result<(), SinkError>),
}

/// What the publisher was told and has not done yet.
#[derive(Debug)]
pub(super) struct Inbox {
    words: Receiver<Word>,
    stop_patience: Duration,
    /// Records that were given and not taken.
    pub(super) given: Vec<Pending>,
    /// Epochs that completed and were not taken.
    pub(super) completed: u64,
    /// Whether records that were taken wait to be published.
    pub(super) is_owing: bool,
    stop_by: Option<Instant>,
    is_abandoned: bool,
}

impl Inbox {
    pub(super) fn new(words: Receiver<Word>, stop_patience: Duration) -> Self {
        Self {
            words,
            stop_patience,
            given: Vec::new(),
            completed: 0,
            is_owing: false,
            stop_by: None,
            is_abandoned: false,
        }
    }

    /// Hears what there is, without waiting.
    pub(super) fn hear(&mut self) {
        loop {
            match self.words.try_recv() {
                Ok(word) => self.take(word),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.is_abandoned = true;
                    return;
                }
            }
        }
    }

    /// Waits for something to hear, at most so long.
    pub(super) fn wait(&mut self, at_most: Duration) {
        match self.words.recv_timeout(at_most) {
            Ok(word) => {
                self.take(word);
                self.hear();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_abandoned = true,
        }
    }

    /// Lets time pass, unless it is time to end. Returns whether it is.
    pub(super) fn pause(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            if self.must_end() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // Records that arrive do not shorten a pause; a stop with a deadline does.
            self.wait(left.min(Duration::from_millis(50)));
        }
    }

    /// Whether it is time to end: the engine is gone, or it wants an end and all is published or its patience is over.
    pub(super) fn must_end(&mut self) -> bool {
        self.hear();
        let owes = self.is_owing || !self.given.is_empty();
        self.is_abandoned || self.stop_by.is_some_and(|by| !owes || by <= Instant::now())
    }

    fn take(&mut self, word: Word) {
        match word {
            Word::Publish(records) => self.given.extend(records),
            Word::Completed => self.completed += 1,
            Word::Stop => self.stop_by = Some(Instant::now() + self.stop_patience),
        }
    }
}
