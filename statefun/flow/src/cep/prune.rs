//! Which matches a match takes away.

use super::key_state::Partial;
use super::match_buffer::{LinkId, MatchBuffer, StageId};
use super::skip::SkipStrategy;

/// A skip strategy with its stage found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prune {
    ToNext,
    PastLast,
    ToFirst(StageId),
    ToLast(StageId),
}

/// Where the next match may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Behind the event of this ordinal.
    Behind(u64),
    /// At the event of this ordinal.
    At(u64),
}

impl Prune {
    pub(super) fn new(skip: &SkipStrategy, stages: &[String]) -> Option<Self> {
        let stage = |name: &String| (0..).zip(stages).find(|(_, stage)| *stage == name).map(|(id, _)| id);
        match skip {
            SkipStrategy::NoSkip => None,
            SkipStrategy::SkipToNext => Some(Self::ToNext),
            SkipStrategy::SkipPastLast => Some(Self::PastLast),
            SkipStrategy::SkipToFirst { name } => stage(name).map(Self::ToFirst),
            SkipStrategy::SkipToLast { name } => stage(name).map(Self::ToLast),
        }
    }

    /// Where the next match may start after this one; anywhere if it lacks the stage.
    pub(super) fn point<E>(self, buffer: &MatchBuffer<E>, last: Option<LinkId>) -> Option<Point> {
        let ordinals = || buffer.newest_first(last).map(|(stage, ordinal, _)| (stage, ordinal));
        let of = |wanted| ordinals().filter(move |(stage, _)| *stage == wanted).map(|(_, ordinal)| ordinal);
        match self {
            Self::ToNext => ordinals().last().map(|(_, ordinal)| Point::Behind(ordinal)),
            Self::PastLast => ordinals().next().map(|(_, ordinal)| Point::Behind(ordinal)),
            Self::ToFirst(stage) => of(stage).last().map(Point::At),
            Self::ToLast(stage) => of(stage).next().map(Point::At),
        }
    }
}

impl Point {
    /// Whether a match or partial match started too early. What has not started is not taken away.
    pub(super) fn takes(self, partial: &Partial) -> bool {
        match self {
            Self::Behind(ordinal) => partial.started <= ordinal,
            Self::At(ordinal) => partial.started < ordinal,
        }
    }
}
