//! What a pattern finds, by definition: every way to give events to stages is tried.
//!
//! Independent of the automaton, and hopeless on anything but short scripts.

use super::super::{Contiguity, Inner, Times};
use super::{Pattern, Stage, Word};
use crate::time::Millis;

/// Every match of a pattern without greed, stop conditions, groups and skip strategy, as the names of its events,
/// sorted. Stages that must not occur stand between stages that occur exactly once.
pub(super) fn matches(pattern: &Pattern<Word>, script: &[(Word, Millis)]) -> Vec<String> {
    let mut search =
        Search { stages: &pattern.stages, script, within: pattern.within.map(|within| within.ms), found: Vec::new() };
    search.extend(&mut Vec::new());
    search.found.sort();
    search.found
}

struct Search<'a> {
    stages: &'a [Stage<Word>],
    script: &'a [(Word, Millis)],
    within: Option<Millis>,
    found: Vec<String>,
}

/// An event given to a stage.
#[derive(Clone, Copy)]
struct Given {
    stage: usize,
    event: usize,
}

impl Search<'_> {
    /// Tries every event for the stage given to last and for the stages behind it.
    fn extend(&mut self, given: &mut Vec<Given>) {
        if self.is_complete(given) {
            self.found
                .push(given.iter().map(|given| self.script[given.event].0.name.as_str()).collect::<Vec<_>>().join(" "));
        }
        let from = given.last().map_or(0, |last| last.event + 1);
        for event in from..self.script.len() {
            for stage in given.last().map_or(0, |last| last.stage)..self.stages.len() {
                if self.may_give(given, Given { stage, event }) {
                    given.push(Given { stage, event });
                    self.extend(given);
                    given.pop();
                }
            }
        }
    }

    fn is_complete(&self, given: &[Given]) -> bool {
        !given.is_empty() && (0..self.stages.len()).all(|stage| self.has_enough(given, stage))
    }

    /// Stages in front of a given one are done; so the stage has its events, or is left out.
    fn has_enough(&self, given: &[Given], stage: usize) -> bool {
        let quantifier = &self.stages[stage].quantifier;
        let count = count(given, stage);
        let least = match quantifier.times {
            Times::One => 1,
            Times::Exactly(n) | Times::OrMore(n) => n,
            Times::Range(from, _) => from.max(1),
        };
        is_not(&self.stages[stage]) || count >= least || (count == 0 && quantifier.is_optional())
    }

    fn may_give(&self, given: &[Given], next: Given) -> bool {
        let stage = &self.stages[next.stage];
        let most = match stage.quantifier.times {
            Times::One => 1,
            Times::Exactly(n) | Times::Range(_, n) => n,
            Times::OrMore(_) => u32::MAX,
        };
        if is_not(stage) || !self.fits(next.stage, next.event) || count(given, next.stage) >= most {
            return false;
        }
        let Some(last) = given.last() else {
            return (0..next.stage).all(|stage| self.has_enough(given, stage));
        };
        let first = given[0].event;
        if self.within.is_some_and(|within| self.script[next.event].1 - self.script[first].1 >= within) {
            return false;
        }
        let mut between = last.event + 1..next.event;
        if last.stage == next.stage {
            return match stage.quantifier.inner {
                Inner::Strict => between.is_empty(),
                Inner::Relaxed => !between.any(|event| self.fits(next.stage, event)),
                Inner::Any => true,
            };
        }
        let left_out = last.stage..next.stage;
        let follows = match stage.contig {
            Some(Contiguity::Next) => between.is_empty(),
            Some(Contiguity::FollowedBy) => !between.clone().any(|event| self.fits(next.stage, event)),
            Some(Contiguity::FollowedByAny) => true,
            other => unreachable!("{other:?} does not take events"),
        };
        let mut forbidden = (last.stage + 1..next.stage).filter(|stage| is_not(&self.stages[*stage]));
        follows
            && left_out.clone().all(|stage| self.has_enough(given, stage))
            && forbidden.all(|not| match self.stages[not].contig {
                Some(Contiguity::NotNext) => !self.fits(not, last.event + 1),
                _ => !between.clone().any(|event| self.fits(not, event)),
            })
    }

    fn fits(&self, stage: usize, event: usize) -> bool {
        let nothing = super::super::match_buffer::MatchBuffer::default();
        let accepted = super::super::Accepted::new(&nothing, None, &[]);
        self.stages[stage].condition.as_ref().is_none_or(|condition| condition.holds(&self.script[event].0, &accepted))
    }
}

fn count(given: &[Given], stage: usize) -> u32 {
    u32::try_from(given.iter().filter(|given| given.stage == stage).count()).unwrap()
}

fn is_not(stage: &Stage<Word>) -> bool {
    matches!(stage.contig, Some(Contiguity::NotNext | Contiguity::NotFollowedBy))
}
