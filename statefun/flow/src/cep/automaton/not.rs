//! What must not occur.
//!
//! A `not_next` is a state in front of what follows it. A `not_followed_by` is no state but a way to the stop state
//! from every state in which its time lasts: from the stage behind it, from optional stages in between (they may be
//! left out, so what follows them must be guarded, too) and from a loop in front of it.

use super::super::invalid::PatternError;
use super::super::match_buffer::StageId;
use super::compile::{Compiler, Part, Place};
use super::guard::Guard;
use super::repeat::take_of;
use super::{Action, Kind, StateId};

impl Compiler {
    /// At the end of the pattern a `not_followed_by` is a state that waits for the time limit; elsewhere it is found
    /// by the stages around it.
    pub(super) fn not_followed_by(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let part = place.part();
        if !self.is_final(sink) || part.previous_ms.or(self.whole_ms).is_none() {
            return Ok(sink);
        }
        let pending = self.state(Kind::Pending, part.stage)?;
        self.at(pending).previous_ms = part.previous_ms;
        let unwanted = take_of(place, part);
        let stop = self.stop(part.stage, &unwanted)?;
        self.edge(pending, Action::Proceed, stop, unwanted.clone());
        self.edge(pending, Action::Ignore, pending, unwanted.negate());
        Ok(pending)
    }

    pub(super) fn not_next(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let part = place.part();
        let waiting = self.state(Kind::Waiting, part.stage)?;
        self.at(waiting).previous_ms = part.previous_ms;
        let unwanted = take_of(place, part);
        let stop = self.stop(part.stage, &unwanted)?;
        // The final state is entered with an event, not in front of one.
        let onward = if self.is_final(sink) { Action::Ignore } else { Action::Proceed };
        self.edge(waiting, onward, sink, unwanted.clone().negate());
        self.edge(waiting, Action::Proceed, stop, unwanted);
        Ok(waiting)
    }

    fn stop(&mut self, stage: Option<StageId>, unwanted: &Guard) -> Result<StateId, PatternError> {
        if let Some(stop) = self.stops.get(&stage) {
            return Ok(*stop);
        }
        let stop = self.state(Kind::Stop, stage)?;
        self.edge(stop, Action::Take, stop, unwanted.clone());
        self.stops.insert(stage, stop);
        Ok(stop)
    }

    /// Ways to the stop states of every `not_followed_by` that is in force while the stage at `place` is awaited.
    pub(super) fn guard_against_nots(&mut self, place: Place<'_>, state: StateId) -> Result<(), PatternError> {
        for not in nots_in_front(place) {
            let unwanted = take_of(place, not);
            let stop = self.stop(not.stage, &unwanted)?;
            self.edge(state, Action::Proceed, stop, unwanted);
        }
        Ok(())
    }

    /// The way to the stop state of a `not_followed_by` right behind a loop: its time begins within the loop.
    pub(super) fn guard_against_following_not(&mut self, place: Place<'_>, state: StateId) -> Result<(), PatternError> {
        if let Some(not) = place.following.filter(|following| following.is_not_followed_by()) {
            let unwanted = take_of(place, not);
            let stop = self.stop(not.stage, &unwanted)?;
            self.edge(state, Action::Proceed, stop, unwanted);
        }
        Ok(())
    }

    /// What follows an optional stage once that stage has its event: every `not_followed_by` in front of the stage is
    /// over then, but was still in force had the stage been left out. So the sink exists twice.
    pub(super) fn without_nots(&mut self, place: Place<'_>, sink: StateId) -> Result<StateId, PatternError> {
        let over: Vec<Option<StageId>> = nots_in_front(place).map(|not| not.stage).collect();
        if over.is_empty() || !place.part().is_optional() {
            return Ok(sink);
        }
        self.copy(sink, |compiler, edge| {
            if edge.action != Action::Proceed {
                return Ok(Some(edge.target));
            }
            let target = compiler.at(edge.target);
            if target.kind == Kind::Stop {
                return Ok((!over.contains(&target.stage)).then_some(edge.target));
            }
            compiler.without_nots(place, edge.target).map(Some)
        })
    }
}

/// The `not_followed_by` stages in front of a place, nearest first, looking back over stages that may be left out.
fn nots_in_front<'p>(place: Place<'p>) -> impl Iterator<Item = &'p Part> {
    place.chain[..place.at]
        .iter()
        .rev()
        .take_while(|part| part.is_optional() || part.is_not_followed_by())
        .filter(|part| part.is_not_followed_by())
}
