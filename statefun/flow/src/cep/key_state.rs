//! What a pattern remembers about one key.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::automaton::StateId;
use super::earliest_first::{EarliestFirst, Started};
use super::match_buffer::{LinkId, MatchBuffer};
use crate::time::Millis;

/// What a pattern remembers about one key: events waiting for the watermark, partial matches, and complete ones that
/// wait for their turn.
///
/// It is the caller's: keep it where state of the key is kept, hand it to the [`Matcher`](super::Matcher) with each
/// event, write it with serde. A state that [is empty](Self::is_empty) need not be kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyState<E> {
    /// Fingerprint of the pattern it belongs to; 0 before the first event.
    pub(super) pattern: u64,
    /// In the order in which they will be fed.
    pub(super) waiting: VecDeque<Waiting<E>>,
    /// The start state among them, unless there is nothing else.
    pub(super) partial: EarliestFirst<Partial>,
    pub(super) complete: EarliestFirst<Partial>,
    pub(super) buffer: MatchBuffer<E>,
    /// How many events have been fed: the ordinal of the next one.
    pub(super) fed: u64,
    /// Ends of the time limits of everything that ever started, ascending. Kept only for patterns that limit the time
    /// between two events as well; otherwise the earliest partial match tells.
    pub(super) deadlines: VecDeque<Millis>,
}

/// An event that waits for the watermark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting<E> {
    pub(super) at: Millis,
    pub(super) event: E,
}

/// A partial match; a complete one if its state is final or pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Partial {
    pub(super) state: StateId,
    /// The end of its chain of accepted events.
    pub(super) last: Option<LinkId>,
    /// Ordinal of its first event.
    pub(super) started: u64,
    /// Time of its first event.
    pub(super) started_at: Millis,
    /// Time of the event accepted last.
    pub(super) previous_at: Millis,
}

impl Partial {
    /// Waits for the first event of a match.
    pub(super) fn start(state: StateId) -> Self {
        Self { state, last: None, started: u64::MAX, started_at: Millis::MAX, previous_at: Millis::MAX }
    }

    pub(super) fn is_start(&self) -> bool {
        self.started == u64::MAX
    }
}

impl Started for Partial {
    fn started(&self) -> u64 {
        self.started
    }
}

impl<E> Default for KeyState<E> {
    fn default() -> Self {
        Self {
            pattern: 0,
            waiting: VecDeque::new(),
            partial: EarliestFirst::default(),
            complete: EarliestFirst::default(),
            buffer: MatchBuffer::default(),
            fed: 0,
            deadlines: VecDeque::new(),
        }
    }
}

impl<E> KeyState<E> {
    /// Whether it remembers nothing: the next event would be handled the same without it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.partial.is_empty() && self.complete.is_empty()
    }

    /// Drops partial and complete matches, so that the state is no pattern's; events that wait for the watermark stay.
    /// Returns how many of each there were.
    pub fn discard_matches(&mut self) -> (usize, usize) {
        let counts = self.matches();
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self { waiting, fed: self.fed, ..Self::default() };
        counts
    }

    /// How many events wait for the watermark.
    #[must_use]
    pub fn waiting_events(&self) -> usize {
        self.waiting.len()
    }

    /// How many partial matches have begun, and how many complete ones wait for their turn.
    #[must_use]
    pub fn matches(&self) -> (usize, usize) {
        (self.partial.len().saturating_sub(1), self.complete.len())
    }

    /// How many events and how many links between them the matches hold.
    #[must_use]
    pub fn shared(&self) -> (usize, usize) {
        self.buffer.len()
    }
}
