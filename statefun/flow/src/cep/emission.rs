//! What comes out of a pattern.

use super::match_buffer::{LinkId, MatchBuffer, StageId};
use crate::time::Millis;

/// One output.
#[derive(Debug)]
#[non_exhaustive]
pub enum Emission<'a, E> {
    /// A complete match. Its time is that of the event being fed, or the watermark that completed or released it.
    Match(Match<'a, E>),
    /// A partial match that ran out of time. Its time is the end of the limit.
    Timeout(Match<'a, E>),
    /// An event behind the watermark.
    Late(E),
    /// A partial match dropped because the key holds too many. Its time is that of the event being fed.
    Overflow(Match<'a, E>),
    /// An event refused because too many wait for the watermark.
    Refused(E),
}

/// A match, or as much of it as there is, borrowed from the state of its key.
#[derive(Clone, Debug)]
pub struct Match<'a, E> {
    /// The event time of the output.
    pub at: Millis,
    stages: &'a [String],
    /// In the order of acceptance.
    events: Vec<(StageId, &'a E)>,
}

impl<'a, E> Match<'a, E> {
    pub(super) fn new(at: Millis, stages: &'a [String], buffer: &'a MatchBuffer<E>, last: Option<LinkId>) -> Self {
        let mut events: Vec<_> = buffer.newest_first(last).map(|(stage, _, event)| (stage, event)).collect();
        events.reverse();
        Self { at, stages, events }
    }

    /// The accepted events with their stages, in the order of acceptance.
    pub fn events(&self) -> impl Iterator<Item = (&'a str, &'a E)> {
        self.events.iter().map(|(stage, event)| (self.stages[usize::from(*stage)].as_str(), *event))
    }

    /// The events accepted for a stage, in the order of acceptance.
    pub fn of(&self, stage: &str) -> impl Iterator<Item = &'a E> {
        self.events().filter(move |(name, _)| *name == stage).map(|(_, event)| event)
    }

    /// The stages that have events, in the order of the pattern.
    pub fn stages(&self) -> impl Iterator<Item = (&'a str, Vec<&'a E>)> {
        (0..).zip(self.stages).filter_map(|(id, name)| {
            let events: Vec<&'a E> =
                self.events.iter().filter(|(stage, _)| *stage == id).map(|(_, event)| *event).collect();
            (!events.is_empty()).then_some((name.as_str(), events))
        })
    }
}
