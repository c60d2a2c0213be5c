//! Looking into the state of a key: what is under way, and why an event did not move it.
//!
//! Nothing here changes anything. Conditions written in Rust are called again, which is why they must be pure.

use serde::Serialize;

use super::automaton::{Action, Edge, Guard, Kind, Literal, StateId};
use super::emission::Match;
use super::event::Event;
use super::key_state::{KeyState, Partial};
use super::matcher::Matcher;
use super::step::{Outcomes, View};
use crate::time::Millis;

/// A match under way, or a complete one that waits for its turn.
#[derive(Clone, Debug)]
pub struct PartialMatch<'a, E> {
    /// What it has accepted; `at` is the time of the event accepted last.
    pub accepted: Match<'a, E>,
    /// The stages one of which takes the next event; none if it waits for its turn or for its time limit.
    pub waits_for: Vec<&'a str>,
    /// Whether it is complete and waits for partial matches that started earlier.
    pub complete: bool,
    /// When its time ends.
    pub ends_at: Option<Millis>,
}

/// What an event would do to one partial match.
#[derive(Clone, Debug)]
pub struct Explanation<'a, E> {
    /// What the partial match has accepted; nothing for the match that the event might begin.
    pub accepted: Match<'a, E>,
    /// What would become of it.
    pub fate: Fate,
    /// Each stage that could take the event, and why it would not.
    pub stages: Vec<Verdict>,
}

/// What would become of a partial match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It accepts the event, in one way or several.
    Advances,
    /// It lets the event go by.
    Waits,
    /// The event fits nothing it waits for, and nothing may lie in between.
    Breaks,
    /// The event is one that must not occur.
    Stopped {
        /// The stage that must not occur.
        by: String,
    },
    /// Its time was over before the event.
    OutOfTime {
        /// When its time ended.
        ended_at: Millis,
    },
}

/// Whether a stage would take the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The stage.
    pub stage: String,
    /// Whether it would.
    pub takes: bool,
    /// Why not; empty if it would.
    pub because: Vec<Reason>,
}

/// Why a stage would not take the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A condition that does not hold and should.
    Fails(String),
    /// A condition that holds and should not: a stop condition.
    Holds(String),
    /// The greedy loop in front of the stage takes the event.
    Greed,
    /// Too long after the repetition before.
    TooLate,
}

impl<E: Event> Matcher<E> {
    /// What is under way for a key: partial matches in the order of their first events, then complete ones.
    #[must_use]
    pub fn partial_matches<'a>(&'a self, state: &'a KeyState<E>) -> Vec<PartialMatch<'a, E>> {
        let view = |partial: &Partial, complete: bool| PartialMatch {
            accepted: Match::new(partial.previous_at, &self.automaton.stages, &state.buffer, partial.last),
            waits_for: if complete { Vec::new() } else { self.waits_for(partial.state) },
            complete,
            ends_at: self.ends_at(partial),
        };
        let partial = in_order(state.partial.iter().filter(|partial| !partial.is_start()));
        let complete = in_order(state.complete.iter());
        let partial = partial.into_iter().map(|partial| view(partial, false));
        partial.chain(complete.into_iter().map(|complete| view(complete, true))).collect()
    }

    /// What `event`, fed at time `at`, would do to each partial match, and why. The last explanation is that of the
    /// match the event might begin.
    #[must_use]
    pub fn explain<'a>(&'a self, state: &'a KeyState<E>, event: &E, at: Millis) -> Vec<Explanation<'a, E>> {
        let begun = in_order(state.partial.iter().filter(|partial| !partial.is_start()));
        let start = Partial::start(self.automaton.start);
        let partials = begun.into_iter().copied().chain([start]);
        partials.map(|partial| self.explain_one(state, event, at, &partial)).collect()
    }

    fn explain_one<'a>(
        &'a self,
        state: &'a KeyState<E>,
        event: &E,
        at: Millis,
        partial: &Partial,
    ) -> Explanation<'a, E> {
        let automaton = &self.automaton;
        let accepted = Match::new(at, &automaton.stages, &state.buffer, partial.last);
        if let Some(ended_at) = self.end_of(partial, at) {
            return Explanation { accepted, fate: Fate::OutOfTime { ended_at }, stages: Vec::new() };
        }
        let view = View { automaton, buffer: &state.buffer, event, at, partial };
        let mut outcomes = Outcomes::default();
        outcomes.next_event(automaton.conditions.len());
        let (mut ignores, mut stopped, mut stages) = (false, None, Vec::<Verdict>::new());
        let mut ahead = vec![(partial.state, Vec::new())];
        while let Some((id, on_the_way)) = ahead.pop() {
            for edge in &automaton.state(id).edges {
                let mut because = on_the_way.clone();
                self.reasons(&view, edge, &mut outcomes, &mut because);
                let stop = automaton.kind(edge.target) == Kind::Stop;
                match edge.action {
                    Action::Proceed if stop && because.is_empty() => stopped = Some(self.name(edge.target)),
                    Action::Proceed if stop => {}
                    Action::Proceed => ahead.push((edge.target, because)),
                    Action::Ignore => ignores |= because.is_empty() && !partial.is_start(),
                    Action::Take => note(&mut stages, self.name(id), because),
                }
            }
        }
        let fate = match stopped {
            Some(by) => Fate::Stopped { by },
            None if stages.iter().any(|verdict| verdict.takes) => Fate::Advances,
            None if ignores || partial.is_start() => Fate::Waits,
            None => Fate::Breaks,
        };
        Explanation { accepted, fate, stages }
    }

    /// Adds why an edge is closed.
    fn reasons(&self, view: &View<'_, E>, edge: &Edge, outcomes: &mut Outcomes, because: &mut Vec<Reason>) {
        if view.edge_is_open(edge, outcomes) {
            return;
        }
        let before = because.len();
        for literal in &edge.guard.0 {
            let told = |condition: &u16| self.automaton.conditions[usize::from(*condition)].to_string();
            match literal {
                Literal::Holds(condition) if !view.condition(*condition) => {
                    because.push(Reason::Fails(told(condition)))
                }
                Literal::Fails(condition) if view.condition(*condition) => because.push(Reason::Holds(told(condition))),
                Literal::Closed(inner) if view.is_open(inner, outcomes) => because.push(Reason::Greed),
                Literal::Holds(_) | Literal::Fails(_) | Literal::Closed(_) => {}
            }
        }
        if because.len() == before {
            because.push(Reason::TooLate);
        }
    }

    /// The stages that take events here, looking ahead over proceed edges that some event could pass.
    fn waits_for(&self, state: StateId) -> Vec<&str> {
        let mut stages = Vec::new();
        let mut ahead = vec![state];
        while let Some(id) = ahead.pop() {
            let state = self.automaton.state(id);
            for edge in &state.edges {
                let open = edge.guard != Guard(vec![Literal::Closed(Guard::default())]);
                match edge.action {
                    Action::Take if open && state.kind != Kind::Stop => {
                        stages.extend(state.stage.map(|stage| self.automaton.stages[usize::from(stage)].as_str()));
                    }
                    Action::Proceed if open => ahead.push(edge.target),
                    Action::Take | Action::Ignore | Action::Proceed => {}
                }
            }
        }
        stages.sort_unstable();
        stages.dedup();
        stages
    }

    fn ends_at(&self, partial: &Partial) -> Option<Millis> {
        let previous_ms = self.automaton.state(partial.state).previous_ms;
        let previous = previous_ms.map(|limit| partial.previous_at.saturating_add(limit));
        let whole = self.automaton.whole_ms.map(|limit| partial.started_at.saturating_add(limit));
        previous.into_iter().chain(whole).min()
    }

    fn name(&self, state: StateId) -> String {
        self.automaton
            .state(state)
            .stage
            .map(|stage| self.automaton.stages[usize::from(stage)].clone())
            .unwrap_or_default()
    }
}

/// The earliest first; by their state if they started with the same event.
fn in_order<'a>(partials: impl Iterator<Item = &'a Partial>) -> Vec<&'a Partial> {
    let mut partials: Vec<&Partial> = partials.collect();
    partials.sort_by_key(|partial| (partial.started, partial.previous_at, partial.state));
    partials
}

/// A stage may be reached in several ways; it takes the event if one of them is open.
fn note(stages: &mut Vec<Verdict>, stage: String, because: Vec<Reason>) {
    let takes = because.is_empty();
    match stages.iter_mut().find(|verdict| verdict.stage == stage) {
        Some(known) if takes => (known.takes, known.because) = (true, Vec::new()),
        Some(known) if !known.takes => {
            known.because.extend(because);
            known.because.sort();
            known.because.dedup();
        }
        Some(_) => {}
        None => stages.push(Verdict { stage, takes, because }),
    }
}
