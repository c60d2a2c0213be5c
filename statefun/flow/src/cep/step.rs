//! One event and everything that waits for one.

use smallvec::SmallVec;

use super::accepted::Accepted;
use super::automaton::{Action, Automaton, ConditionId, Edge, Guard, Kind, Literal, StateId};
use super::earliest_first::EarliestFirst;
use super::emission::Emission;
use super::event::Event;
use super::key_state::{KeyState, Partial};
use super::match_buffer::{EventId, LinkId, MatchBuffer};
use super::matcher::Matcher;
use crate::time::Millis;

/// Room to work in, used for event after event. It stands on the stack, unless a pattern or key is unusually large.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// States still to be looked at, over proceed edges.
    stack: SmallVec<[StateId; 8]>,
    /// Open edges: the state they leave, and their number there.
    open: SmallVec<[(StateId, usize); 4]>,
    outcomes: Outcomes,
    /// What the partial match at hand became.
    became: SmallVec<[Partial; 4]>,
    /// Matches completed by the event.
    completed: SmallVec<[Partial; 2]>,
}

/// Outcomes of the conditions that were already asked for: those of the event alone once per event, iterative ones once
/// per partial match.
#[derive(Debug, Default)]
pub(super) struct Outcomes(SmallVec<[Option<bool>; 16]>);

impl Outcomes {
    pub(super) fn next_event(&mut self, conditions: usize) {
        self.0.clear();
        self.0.resize(conditions, None);
    }

    fn next_partial(&mut self, iterative: &[ConditionId]) {
        iterative.iter().for_each(|condition| self.0[usize::from(*condition)] = None);
    }
}

/// An event as one partial match sees it.
pub(super) struct View<'a, E> {
    pub(super) automaton: &'a Automaton<E>,
    pub(super) buffer: &'a MatchBuffer<E>,
    pub(super) event: &'a E,
    pub(super) at: Millis,
    pub(super) partial: &'a Partial,
}

impl<E: Event> View<'_, E> {
    pub(super) fn condition(&self, condition: ConditionId) -> bool {
        let accepted = Accepted::new(self.buffer, self.partial.last, &self.automaton.stages);
        self.automaton.conditions[usize::from(condition)].holds(self.event, &accepted)
    }

    pub(super) fn is_open(&self, guard: &Guard, outcomes: &mut Outcomes) -> bool {
        guard.0.iter().all(|literal| match literal {
            Literal::Holds(condition) => self.outcome(*condition, outcomes),
            Literal::Fails(condition) => !self.outcome(*condition, outcomes),
            Literal::Closed(inner) => !self.is_open(inner, outcomes),
        })
    }

    fn outcome(&self, condition: ConditionId, outcomes: &mut Outcomes) -> bool {
        *outcomes.0[usize::from(condition)].get_or_insert_with(|| self.condition(condition))
    }

    pub(super) fn edge_is_open(&self, edge: &Edge, outcomes: &mut Outcomes) -> bool {
        let in_time = || edge.previous_ms.is_none_or(|limit| self.at.saturating_sub(self.partial.previous_at) < limit);
        self.is_open(&edge.guard, outcomes) && in_time()
    }
}

impl Step {
    /// Collects the take and ignore edges that are open to the event, over proceed edges that are.
    fn find_open<E: Event>(&mut self, view: &View<'_, E>) {
        self.open.clear();
        self.stack.push(view.partial.state);
        while let Some(id) = self.stack.pop() {
            for (number, edge) in view.automaton.state(id).edges.iter().enumerate() {
                // A match does not begin with an event that is let go by.
                let idle = edge.action == Action::Ignore && view.partial.is_start();
                if idle || !view.edge_is_open(edge, &mut self.outcomes) {
                    continue;
                }
                match edge.action {
                    Action::Proceed => self.stack.push(edge.target),
                    Action::Take | Action::Ignore => self.open.push((id, number)),
                }
            }
        }
    }

    /// Whether the match may be complete in `state`: proceeding leads to the final state under this event.
    fn ends<E: Event>(&mut self, view: &View<'_, E>, state: StateId) -> bool {
        if !view.automaton.state(state).may_end {
            return false;
        }
        self.stack.push(state);
        while let Some(id) = self.stack.pop() {
            for edge in &view.automaton.state(id).edges {
                if edge.action != Action::Proceed || !view.edge_is_open(edge, &mut self.outcomes) {
                    continue;
                }
                if view.automaton.kind(edge.target) == Kind::Final {
                    self.stack.clear();
                    return true;
                }
                self.stack.push(edge.target);
            }
        }
        false
    }
}

impl<E: Event> Matcher<E> {
    /// Shows an event to every partial match and to the start state.
    pub(super) fn accept(
        &self,
        state: &mut KeyState<E>,
        event: E,
        at: Millis,
        step: &mut Step,
        out: &mut impl FnMut(Emission<'_, E>),
    ) {
        let ordinal = state.fed;
        state.fed += 1;
        if state.partial.is_empty() {
            state.partial.push(Partial::start(self.automaton.start));
        }
        let event = state.buffer.store(event, ordinal);
        step.outcomes.next_event(self.automaton.conditions.len());
        step.completed.clear();
        // The new queue is only made when something changes: most events leave most keys as they are.
        let mut changed: Option<EarliestFirst<Partial>> = None;
        for number in 0..state.partial.len() {
            let partial = *state.partial.get(number);
            let same = self.follow(&mut state.buffer, &partial, (event, at, ordinal), step);
            if same {
                if let Some(changed) = &mut changed {
                    changed.push(partial);
                }
                continue;
            }
            if partial.is_start() {
                self.note_deadline(state, at);
            }
            let changed = changed.get_or_insert_with(|| state.partial.prefix(number));
            step.became.iter().for_each(|became| changed.push(*became));
            state.buffer.release(partial.last);
        }
        state.buffer.settle(event);
        if let Some(changed) = changed {
            state.partial = changed;
            if state.partial.len() + state.complete.len() > self.limits.partial_matches_max {
                self.shed(state, at, out);
            }
        }
        if !step.completed.is_empty() || !state.complete.is_empty() {
            let mut completed = EarliestFirst::default();
            step.completed.drain(..).for_each(|complete| completed.push(complete));
            self.release(state, &completed, at, out);
        }
    }

    /// Follows the open edges of one partial match. Returns whether it stays exactly as it is; if not, `step.became`
    /// is what it became.
    fn follow(
        &self,
        buffer: &mut MatchBuffer<E>,
        partial: &Partial,
        (event, at, ordinal): (EventId, Millis, u64),
        step: &mut Step,
    ) -> bool {
        let automaton = &self.automaton;
        step.outcomes.next_partial(&automaton.iterative);
        step.became.clear();
        let view = View { automaton, buffer, event: buffer.event(event), at, partial };
        step.find_open(&view);
        match step.open.as_slice() {
            [] if partial.is_start() => return true,
            [(from, number)] => {
                let edge = &automaton.state(*from).edges[*number];
                if edge.action == Action::Ignore && edge.target == partial.state {
                    return true;
                }
            }
            _ => {}
        }
        let open = std::mem::take(&mut step.open);
        let edges = || open.iter().map(|(from, number)| (*from, &automaton.state(*from).edges[*number]));
        // What must not occur takes every way on with it, except one that completes the match.
        let stopped = edges().any(|(_, edge)| automaton.kind(edge.target) == Kind::Stop);
        let started = if partial.is_start() { (ordinal, at) } else { (partial.started, partial.started_at) };
        for (from, edge) in edges() {
            let kind = automaton.kind(edge.target);
            let view = View { automaton, buffer, event: buffer.event(event), at, partial };
            let completes = kind == Kind::Final
                || (edge.action == Action::Take && kind != Kind::Stop && step.ends(&view, edge.target));
            let continues = !stopped && kind != Kind::Final;
            if !completes && !continues {
                continue;
            }
            let last = match edge.action {
                Action::Take => {
                    let stage = automaton.state(from).stage.expect("only stages take events");
                    Some(buffer.link(event, stage, partial.last))
                }
                Action::Ignore | Action::Proceed => retained(buffer, partial.last),
            };
            let previous_at = if edge.action == Action::Take { at } else { partial.previous_at };
            let became = |state| Partial { state, last, started: started.0, started_at: started.1, previous_at };
            if continues {
                step.became.push(became(edge.target));
            }
            if completes {
                if continues {
                    retained(buffer, last);
                }
                step.completed.push(became(edge.target));
            }
        }
        step.open = open;
        if partial.is_start() {
            step.became.push(*partial);
        }
        false
    }

    /// The time limit of what started just now.
    fn note_deadline(&self, state: &mut KeyState<E>, at: Millis) {
        if let Some(whole_ms) = self.automaton.whole_ms.filter(|_| self.automaton.has_previous_limits) {
            let deadline = at.saturating_add(whole_ms);
            if state.deadlines.back() != Some(&deadline) {
                state.deadlines.push_back(deadline);
            }
        }
    }
}

/// One more holder of the end of a chain.
fn retained<E>(buffer: &mut MatchBuffer<E>, last: Option<LinkId>) -> Option<LinkId> {
    if let Some(last) = last {
        buffer.retain(last);
    }
    last
}
