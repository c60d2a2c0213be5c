//! The events a partial match has accepted, as conditions see them.

use super::match_buffer::{LinkId, MatchBuffer};

/// What a partial match has accepted so far. The event at hand is not part of it.
pub struct Accepted<'a, E> {
    buffer: &'a MatchBuffer<E>,
    last: Option<LinkId>,
    stages: &'a [String],
}

impl<'a, E> Accepted<'a, E> {
    pub(super) fn new(buffer: &'a MatchBuffer<E>, last: Option<LinkId>, stages: &'a [String]) -> Self {
        Self { buffer, last, stages }
    }

    /// The events accepted for a stage, newest first; none for an unknown stage.
    pub fn newest_first(&self, stage: &str) -> impl Iterator<Item = &'a E> + use<'a, E> {
        let wanted = self.stages.iter().position(|name| name == stage);
        let chain = wanted.and(self.last);
        self.buffer
            .newest_first(chain)
            .filter(move |(stage, ..)| wanted == Some(usize::from(*stage)))
            .map(|(_, _, event)| event)
    }

    /// The events accepted for a stage in the order of their acceptance.
    #[must_use]
    pub fn of(&self, stage: &str) -> Vec<&'a E> {
        let mut events: Vec<&'a E> = self.newest_first(stage).collect();
        events.reverse();
        events
    }

    /// The stages that have events, in the order of the pattern, each with its events in the order of acceptance.
    pub fn stages(&self) -> impl Iterator<Item = (&'a str, Vec<&'a E>)> {
        self.stages.iter().map(|stage| (stage.as_str(), self.of(stage))).filter(|(_, events)| !events.is_empty())
    }

    /// The event accepted last, for whatever stage.
    #[must_use]
    pub fn last(&self) -> Option<&'a E> {
        self.buffer.newest_first(self.last).next().map(|(_, _, event)| event)
    }
}
