//! One stage: a single state, a row of repetitions, a loop, or a group of stages in place of a single state.

use super::super::invalid::PatternError;
use super::super::quantifier::{Contiguity, Inner, Times};
use super::compile::{Compiler, Part, Place};
use super::guard::{ConditionId, Guard};
use super::{Action, Kind, StateId};

/// How one repetition of a stage is built.
struct Single {
    take: Guard,
    /// What may go by while it is awaited; `None` if nothing.
    ignore: Option<Guard>,
    /// Where the partial match may go on without it.
    without: Option<StateId>,
    /// A repetition after the first.
    again: bool,
}

impl Compiler {
    /// The stage at `place` in front of `sink`.
    pub(super) fn stage(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let part = place.part();
        let state = match part.quantifier.times {
            Times::One => {
                let single = Single {
                    take: take_of(place, part),
                    ignore: ignore_of(place),
                    without: is_optional(place).then_some(sink),
                    again: false,
                };
                self.single(place, sink, single)?
            }
            Times::Exactly(n) => self.row(place, sink, sink, (n, n))?,
            Times::Range(from, to) => self.row(place, sink, sink, (from.max(1), to))?,
            Times::OrMore(n) => {
                let onward = self.without_nots(place, sink)?;
                let endless = if part.group.is_empty() {
                    self.endless(place, onward)?
                } else {
                    self.endless_group(place, onward)?
                };
                self.row(place, endless, sink, (n, n))?
            }
        };
        self.guard_against_nots(place, state)?;
        Ok(state)
    }

    /// Repetitions one after the other, of which those after the least number may be left out.
    fn row(
        &mut self,
        place: Place<'_>,
        sink: StateId,
        without: StateId,
        (from, to): (u32, u32),
    ) -> Result<StateId, PatternError> {
        let part = place.part();
        let take = unless(take_of(place, part), part.until);
        let inner = inner_ignore_of(place).map(|ignore| unless(ignore, part.until));
        if part.quantifier.greedy && from != to {
            if part.until.is_some() {
                self.copy_for_the_end_of_greed(without)?;
            }
            self.restrict_by_greed(without, &take);
        }
        let mut sink = sink;
        for repetition in (1..to).rev() {
            // Repetition 0 is the first one, built below.
            let single = Single {
                take: take.clone(),
                ignore: inner.clone(),
                without: (repetition >= from).then_some(without),
                again: true,
            };
            sink = self.single(place, sink, single)?;
            self.guard_against_following_not(place, sink)?;
        }
        let first =
            Single { take, ignore: ignore_of(place), without: is_optional(place).then_some(without), again: false };
        self.single(place, sink, first)
    }

    fn single(&mut self, place: Place<'_>, sink: StateId, single: Single) -> Result<StateId, PatternError> {
        let part = place.part();
        // The way past the first stage of a group is the way past the group, and is made with the group.
        let without = single.without.filter(|_| single.again || place.head_of().is_none());
        if !part.group.is_empty() {
            let head = self.chain(place.inside(!single.again), sink)?;
            if let Some(without) = without {
                self.edge(head, Action::Proceed, without, any_of(place));
            }
            return Ok(head);
        }
        let state = self.waiting(place, single.again)?;
        let sink = self.without_nots(place, sink)?;
        self.edge(state, Action::Take, sink, single.take.clone());
        if let Some(without) = without {
            self.proceed_without(place, state, without);
        }
        if let Some(ignore) = single.ignore {
            let mut after_a_gap = state;
            if single.without.is_some() {
                // Once an event was let go by, the choice to leave the stage out is over.
                after_a_gap = self.waiting(place, single.again)?;
                self.edge(after_a_gap, Action::Take, sink, single.take);
                self.edge(after_a_gap, Action::Ignore, after_a_gap, ignore.clone());
                self.guard_against_nots(place, after_a_gap)?;
            }
            self.edge(state, Action::Ignore, after_a_gap, ignore);
        }
        Ok(state)
    }

    /// The way past a stage. Behind a greedy loop it leads, once the stop condition holds, to a state that is not
    /// restricted by the loop's greed.
    fn proceed_without(&mut self, place: Place<'_>, state: StateId, without: StateId) {
        let part = place.part();
        match part.until.filter(|_| part.quantifier.greedy) {
            Some(until) => {
                let ungreedy = self.ungreedy.get(&without).copied().unwrap_or(without);
                self.edge(state, Action::Proceed, ungreedy, any_of(place).and(Guard::holds(Some(until))));
                self.edge(state, Action::Proceed, without, unless(any_of(place), Some(until)));
            }
            None => self.edge(state, Action::Proceed, without, any_of(place)),
        }
    }

    /// A state that takes any number of events and may go on to `sink` in front of each.
    fn endless(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let part = place.part();
        let take = unless(take_of(place, part), part.until);
        let ignore = inner_ignore_of(place).map(|ignore| unless(ignore, part.until));
        let state = self.waiting(place, true)?;
        if part.quantifier.greedy {
            if let Some(until) = part.until {
                let ungreedy = self.copy_for_the_end_of_greed(sink)?;
                self.edge(state, Action::Proceed, ungreedy, any_of(place).and(Guard::holds(Some(until))));
            }
            self.edge(state, Action::Proceed, sink, unless(any_of(place), part.until));
            self.restrict_by_greed(sink, &take_of(place, part));
        } else {
            self.edge(state, Action::Proceed, sink, any_of(place));
        }
        self.edge(state, Action::Take, state, take.clone());
        self.guard_against_following_not(place, state)?;
        if let Some(ignore) = ignore {
            let after_a_gap = self.waiting(place, true)?;
            self.edge(after_a_gap, Action::Take, state, take);
            self.edge(after_a_gap, Action::Ignore, after_a_gap, ignore.clone());
            self.edge(state, Action::Ignore, after_a_gap, ignore);
            self.guard_against_following_not(place, after_a_gap)?;
        }
        Ok(state)
    }

    /// A joint at which another round of the group may begin, any number of times.
    fn endless_group(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let joint = self.state(Kind::Waiting, None)?;
        let head = self.chain(place.inside(false), joint)?;
        self.edge(head, Action::Proceed, sink, any_of(place));
        self.edge(joint, Action::Proceed, head, any_of(place));
        Ok(joint)
    }

    fn waiting(&mut self, place: Place<'_>, again: bool) -> Result<StateId, PatternError> {
        let part = place.part();
        let state = self.state(Kind::Waiting, part.stage)?;
        self.at(state).previous_ms = part.previous_ms;
        let next_round =
            place.head_of().filter(|round| !round.first && !again).and_then(|round| round.group.quantifier.window_ms);
        if let Some(gap) = part.quantifier.window_ms.filter(|_| again).or(next_round) {
            self.gaps_ms.insert(state, gap);
        }
        Ok(state)
    }

    fn copy_for_the_end_of_greed(&mut self, sink: StateId) -> Result<StateId, PatternError> {
        let copy = self.copy(sink, |_, edge| Ok(Some(edge.target)))?;
        self.ungreedy.insert(sink, copy);
        Ok(copy)
    }

    /// What a greedy loop could take is not for the stage behind it.
    fn restrict_by_greed(&mut self, sink: StateId, take: &Guard) {
        for edge in &mut self.at(sink).edges {
            edge.guard = std::mem::take(&mut edge.guard).and(take.clone().negate());
        }
    }
}

/// The stop condition of a loop closes what it is put on.
fn unless(guard: Guard, until: Option<ConditionId>) -> Guard {
    match until {
        Some(until) => Guard::holds(Some(until)).negate().and(guard),
        None => guard,
    }
}

/// Any event, unless it ends the loop of the group the stage is in.
fn any_of(place: Place<'_>) -> Guard {
    unless(Guard::always(), place.group_until())
}

/// The events that fit `part`, as far as the group of the place goes on.
pub(super) fn take_of(place: Place<'_>, part: &Part) -> Guard {
    unless(part.take(), place.group_until())
}

/// What may go by before the first event of the stage. At the head of a group the group decides: how it follows on
/// its first round, what may lie between its rounds on the later ones.
fn ignore_of(place: Place<'_>) -> Option<Guard> {
    let relaxed = || place.part().take().negate();
    let contig = |contig| match contig {
        None | Some(Contiguity::Next | Contiguity::NotNext) => None,
        Some(Contiguity::FollowedBy | Contiguity::NotFollowedBy) => Some(relaxed()),
        Some(Contiguity::FollowedByAny) => Some(Guard::always()),
    };
    let ignore = match place.head_of() {
        Some(round) if round.first => contig(round.group.contig),
        Some(round) => inner(round.group.quantifier.inner, relaxed),
        None => contig(place.part().contig),
    };
    ignore.map(|ignore| unless(ignore, place.group_until()))
}

/// What may go by before the later events of a loop. At the head of a group the group decides.
fn inner_ignore_of(place: Place<'_>) -> Option<Guard> {
    let relaxed = || place.part().take().negate();
    let decides = place.head_of().map_or_else(|| place.part(), |round| round.group);
    inner(decides.quantifier.inner, relaxed).map(|ignore| unless(ignore, place.group_until()))
}

fn inner(inner: Inner, relaxed: impl Fn() -> Guard) -> Option<Guard> {
    match inner {
        Inner::Strict => None,
        Inner::Relaxed => Some(relaxed()),
        Inner::Any => Some(Guard::always()),
    }
}

/// Whether the first event of the stage may be left out. At the head of a group that is a matter of the group's first
/// round.
fn is_optional(place: Place<'_>) -> bool {
    match place.head_of() {
        Some(round) => round.first && round.group.is_optional(),
        None => place.part().is_optional(),
    }
}
