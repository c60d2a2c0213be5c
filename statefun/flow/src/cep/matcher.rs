//! A compiled pattern at work.

use std::cmp::Ordering;

use super::automaton::{Automaton, Kind, compile};
use super::earliest_first::EarliestFirst;
use super::emission::{Emission, Match};
use super::event::Event;
use super::invalid::{PatternError, check};
use super::key_state::{KeyState, Partial, Waiting};
use super::limits::{Limits, Overflow};
use super::pattern::{Pattern, TieBreak};
use super::prune::Prune;
use super::step::Step;
use crate::time::Millis;

/// A pattern, checked and compiled: an immutable description that serves all keys.
///
/// Event time drives it. [`Self::on_event`] lets an event wait until the watermark has passed it; [`Self::advance`]
/// feeds what the watermark has passed, in order of time. Call `advance` for a key when the watermark reaches
/// [`Self::next_timer`]; calling it more often changes nothing.
#[derive(Clone, Debug)]
pub struct Matcher<E> {
    pub(super) automaton: Automaton<E>,
    pub(super) prune: Option<Prune>,
    pub(super) tie_break: Option<TieBreak>,
    pub(super) late_output: bool,
    pub(super) timeout_output: bool,
    pub(super) limits: Limits,
}

/// What became of an event that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It waits for the watermark.
    Waiting,
    /// It was behind the watermark.
    Late,
    /// Too many wait already.
    Refused,
}

/// State that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The partial matches were made by another pattern.
    #[error(
        "the state belongs to the pattern {state:016x}, not to {pattern:016x}: partial matches of one pattern mean \
         nothing to another"
    )]
    OtherPattern {
        /// Fingerprint of the pattern the state belongs to.
        state: u64,
        /// Fingerprint of this pattern.
        pattern: u64,
    },
}

impl<E: Event> Matcher<E> {
    pub(super) fn new(pattern: &Pattern<E>) -> Result<Self, PatternError> {
        check(pattern)?;
        let automaton = compile(pattern)?;
        Ok(Self {
            prune: Prune::new(&pattern.skip, &automaton.stages),
            automaton,
            tie_break: pattern.tie_break,
            late_output: pattern.late_output,
            timeout_output: pattern.timeout_output,
            limits: pattern.limits,
        })
    }

    /// The names of the stages, in the order of the pattern, groups unfolded.
    #[must_use]
    pub fn stages(&self) -> &[String] {
        &self.automaton.stages
    }

    /// The same number for the same pattern; partial matches survive a change of program as long as it stays the same.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.automaton.fingerprint
    }

    /// An event of the key at time `at`, while the watermark is `watermark`.
    ///
    /// # Errors
    /// If the state belongs to another pattern; it is unchanged then.
    pub fn on_event(
        &self,
        state: &mut KeyState<E>,
        event: E,
        at: Millis,
        watermark: Millis,
        out: &mut impl FnMut(Emission<'_, E>),
    ) -> Result<Arrival, StateError> {
        self.own(state)?;
        if at <= watermark {
            if self.late_output {
                out(Emission::Late(event));
            }
            return Ok(Arrival::Late);
        }
        if state.waiting.len() >= self.limits.waiting_events_max {
            out(Emission::Refused(event));
            return Ok(Arrival::Refused);
        }
        let position = match state.waiting.back() {
            Some(last) if self.feeding_order(last, at, &event) == Ordering::Greater => {
                state.waiting.partition_point(|other| self.feeding_order(other, at, &event) != Ordering::Greater)
            }
            _ => state.waiting.len(),
        };
        state.waiting.insert(position, Waiting { at, event });
        Ok(Arrival::Waiting)
    }

    /// The watermark is now `watermark`: feeds the events it has passed and drops what ran out of time.
    ///
    /// # Errors
    /// If the state belongs to another pattern; it is unchanged then.
    pub fn advance(
        &self,
        state: &mut KeyState<E>,
        watermark: Millis,
        out: &mut impl FnMut(Emission<'_, E>),
    ) -> Result<(), StateError> {
        self.own(state)?;
        let mut step = Step::default();
        let mut now = None;
        while state.waiting.front().is_some_and(|waiting| waiting.at <= watermark) {
            let Waiting { at, event } = state.waiting.pop_front().expect("there is a first one");
            if now != Some(at) {
                self.expire(state, at, out);
                now = Some(at);
            }
            self.accept(state, event, at, &mut step, out);
        }
        if now.is_some() || self.deadline(state).is_some_and(|deadline| deadline <= watermark) {
            self.expire(state, watermark, out);
            while state.deadlines.front().is_some_and(|deadline| *deadline <= watermark) {
                state.deadlines.pop_front();
            }
        }
        self.forget_start(state);
        Ok(())
    }

    /// Feeds an event at once, without waiting for a watermark: for events that arrive in the order they are meant to
    /// be looked at, such as those of processing time.
    ///
    /// # Errors
    /// If the state belongs to another pattern; it is unchanged then.
    pub fn feed(
        &self,
        state: &mut KeyState<E>,
        event: E,
        at: Millis,
        out: &mut impl FnMut(Emission<'_, E>),
    ) -> Result<(), StateError> {
        self.own(state)?;
        self.expire(state, at, out);
        self.accept(state, event, at, &mut Step::default(), out);
        self.forget_start(state);
        Ok(())
    }

    /// When to call [`Self::advance`] if nothing else happens.
    ///
    /// There is no timer for a limit between two events: running out of that is noticed with the next event of the
    /// key. A key of which no more events come keeps such a partial match; limit the whole pattern as well.
    #[must_use]
    pub fn next_timer(&self, state: &KeyState<E>) -> Option<Millis> {
        let waiting = state.waiting.front().map(|waiting| waiting.at);
        waiting.into_iter().chain(self.deadline(state)).min()
    }

    fn deadline(&self, state: &KeyState<E>) -> Option<Millis> {
        let whole_ms = self.automaton.whole_ms?;
        if self.automaton.has_previous_limits {
            return state.deadlines.front().copied();
        }
        let earliest = state.partial.peek().filter(|partial| !partial.is_start())?;
        Some(earliest.started_at.saturating_add(whole_ms))
    }

    /// Whether `state` belongs to this pattern, or to none yet.
    ///
    /// # Errors
    /// If it belongs to another one.
    pub fn owns(&self, state: &KeyState<E>) -> Result<(), StateError> {
        match state.pattern {
            known if known == self.automaton.fingerprint || known == 0 => Ok(()),
            other => Err(StateError::OtherPattern { state: other, pattern: self.automaton.fingerprint }),
        }
    }

    fn own(&self, state: &mut KeyState<E>) -> Result<(), StateError> {
        match state.pattern {
            known if known == self.automaton.fingerprint => Ok(()),
            0 => {
                state.pattern = self.automaton.fingerprint;
                Ok(())
            }
            other => Err(StateError::OtherPattern { state: other, pattern: self.automaton.fingerprint }),
        }
    }

    /// Whether `waiting` is fed before or after an event at `at`; equal means in the order of arrival.
    fn feeding_order(&self, waiting: &Waiting<E>, at: Millis, event: &E) -> Ordering {
        waiting.at.cmp(&at).then_with(|| {
            let by_v = || {
                let [one, other] = [&waiting.event, event].map(|event| event.number("v").unwrap_or(f64::NEG_INFINITY));
                one.total_cmp(&other)
            };
            match self.tie_break {
                None => Ordering::Equal,
                Some(TieBreak::VAsc) => by_v(),
                Some(TieBreak::VDesc) => by_v().reverse(),
            }
        })
    }

    /// Drops the partial matches that have no time left at `now`; those that waited for just this are complete.
    fn expire(&self, state: &mut KeyState<E>, now: Millis, out: &mut impl FnMut(Emission<'_, E>)) {
        let whole_over = state
            .partial
            .peek()
            .is_some_and(|earliest| self.is_over(earliest.started_at, self.automaton.whole_ms, now));
        if !whole_over && !self.automaton.has_previous_limits {
            return;
        }
        if !state.partial.iter().any(|partial| self.end_of(partial, now).is_some()) {
            return;
        }
        let mut alive = EarliestFirst::default();
        let mut completed = EarliestFirst::default();
        for partial in state.partial.iter() {
            match self.end_of(partial, now) {
                None => alive.push(*partial),
                Some(_) if self.automaton.kind(partial.state) == Kind::Pending => completed.push(*partial),
                Some(end) => {
                    if self.timeout_output {
                        let dropped = Match::new(end, &self.automaton.stages, &state.buffer, partial.last);
                        out(Emission::Timeout(dropped));
                    }
                    state.buffer.release(partial.last);
                }
            }
        }
        state.partial = alive;
        self.release(state, &completed, now, out);
    }

    /// When the time of a partial match ended, if it has none left at `now`.
    pub(super) fn end_of(&self, partial: &Partial, now: Millis) -> Option<Millis> {
        if partial.is_start() {
            return None;
        }
        let previous_ms = self.automaton.state(partial.state).previous_ms;
        if self.is_over(partial.previous_at, previous_ms, now) {
            return previous_ms.map(|limit| partial.previous_at.saturating_add(limit));
        }
        let whole_ms = self.automaton.whole_ms;
        whole_ms
            .filter(|_| self.is_over(partial.started_at, whole_ms, now))
            .map(|limit| partial.started_at.saturating_add(limit))
    }

    fn is_over(&self, since: Millis, limit: Option<Millis>, now: Millis) -> bool {
        limit.is_some_and(|limit| now.saturating_sub(since) >= limit)
    }

    /// Emits complete matches: without a skip strategy all of them at once, else those whose turn it is because no
    /// partial match started before, while the others wait.
    pub(super) fn release(
        &self,
        state: &mut KeyState<E>,
        completed: &EarliestFirst<Partial>,
        now: Millis,
        out: &mut impl FnMut(Emission<'_, E>),
    ) {
        if self.prune.is_none() {
            completed.iter().for_each(|complete| self.emit(state, *complete, now, out));
            return;
        }
        completed.iter().for_each(|complete| state.complete.push(*complete));
        while let Some(first) = state.complete.peek() {
            if state.partial.peek().is_some_and(|partial| partial.started < first.started) {
                return;
            }
            let Some(first) = state.complete.pop() else { return };
            if let Some(point) = self.prune.and_then(|prune| prune.point(&state.buffer, first.last)) {
                let buffer = &mut state.buffer;
                state.partial.remove_all(|partial| point.takes(partial), |partial| buffer.release(partial.last));
                state.complete.remove_all(|complete| point.takes(complete), |complete| buffer.release(complete.last));
            }
            self.emit(state, first, now, out);
        }
    }

    /// Emits a complete match and lets go of its events.
    pub(super) fn emit(
        &self,
        state: &mut KeyState<E>,
        complete: Partial,
        now: Millis,
        out: &mut impl FnMut(Emission<'_, E>),
    ) {
        out(Emission::Match(Match::new(now, &self.automaton.stages, &state.buffer, complete.last)));
        state.buffer.release(complete.last);
    }

    /// Drops as many partial matches as the key holds too many, all in one go.
    pub(super) fn shed(&self, state: &mut KeyState<E>, now: Millis, out: &mut impl FnMut(Emission<'_, E>)) {
        let numbered = || state.partial.iter().enumerate();
        let mut victims: Vec<(u64, usize)> = numbered()
            .filter(|(_, partial)| !partial.is_start())
            .map(|(number, partial)| (partial.started, number))
            .collect();
        let excess = (victims.len() + state.complete.len()).saturating_sub(self.limits.partial_matches_max);
        victims.sort_unstable();
        if self.limits.on_overflow == Overflow::DropNewest {
            victims.reverse();
        }
        victims.truncate(excess);
        let mut doomed: Vec<usize> = victims.into_iter().map(|(_, number)| number).collect();
        doomed.sort_unstable();
        let mut kept = EarliestFirst::default();
        for (number, partial) in numbered() {
            if doomed.binary_search(&number).is_ok() {
                let dropped = Match::new(now, &self.automaton.stages, &state.buffer, partial.last);
                out(Emission::Overflow(dropped));
                state.buffer.release(partial.last);
            } else {
                kept.push(*partial);
            }
        }
        state.partial = kept;
    }

    /// A key with nothing but the start state remembers nothing.
    fn forget_start(&self, state: &mut KeyState<E>) {
        if state.partial.len() == 1 && state.partial.peek().is_some_and(Partial::is_start) && state.complete.is_empty()
        {
            state.partial = EarliestFirst::default();
        }
    }
}
