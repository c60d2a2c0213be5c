//! The automaton that a pattern is compiled to.
//!
//! A partial match waits in a [`State`]. An event takes it along the [`Edge`]s whose [`Guard`]s let it pass: a *take*
//! accepts the event, an *ignore* lets it go by, a *proceed* looks at the same event from another state. Several edges
//! may be open at once, then the partial match splits. For `a followed_by b+ followed_by c`:
//!
//! ```text
//!  start --take a--> [b, first] --take b--> [b, more] --take b--> (itself)
//!                     | not b: ignore          | not b: ignore --> [b, after a gap] --take b--> [b, more]
//!                     +-> (itself)             | proceed
//!                                              v
//!                                             [c] --take c--> final       not c: ignore (itself)
//! ```

mod compile;
mod guard;
mod not;
mod repeat;

pub(super) use compile::compile;
pub(super) use guard::{ConditionId, Guard, Literal};

use super::condition::Condition;
use super::match_buffer::StageId;
use crate::time::Millis;

/// Index of a state.
pub(super) type StateId = u16;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Automaton<E> {
    pub(super) states: Vec<State>,
    pub(super) start: StateId,
    /// Names of the stages, by [`StageId`].
    pub(super) stages: Vec<String>,
    pub(super) conditions: Vec<Condition<E>>,
    /// Those among them whose outcome depends on the partial match.
    pub(super) iterative: Vec<ConditionId>,
    /// Limit from the first event of a match to its last.
    pub(super) whole_ms: Option<Millis>,
    /// Whether some state has a limit from the event before.
    pub(super) has_previous_limits: bool,
    /// The same for the same pattern; state of one pattern is not given to another.
    pub(super) fingerprint: u64,
}

/// Where a partial match waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) kind: Kind,
    /// The stage whose event is awaited; `None` for the final state and for joints of groups.
    pub(super) stage: Option<StageId>,
    pub(super) edges: Vec<Edge>,
    /// Limit from the event before: a partial match that waits longer is dropped.
    pub(super) previous_ms: Option<Millis>,
    /// Whether proceeding may lead to the final state: the match may be complete here.
    pub(super) may_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Waits for an event.
    Waiting,
    /// Waits for the time limit, which completes the match.
    Pending,
    /// The match is complete.
    Final,
    /// Something came that must not: the partial match is dropped.
    Stop,
}

/// A way out of a state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Edge {
    pub(super) action: Action,
    pub(super) target: StateId,
    pub(super) guard: Guard,
    /// The event must come less than so many milliseconds after the one before.
    pub(super) previous_ms: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// Accepts the event.
    Take,
    /// Lets the event go by.
    Ignore,
    /// Looks at the same event from the target.
    Proceed,
}

impl<E> Automaton<E> {
    pub(super) fn state(&self, id: StateId) -> &State {
        &self.states[usize::from(id)]
    }

    pub(super) fn kind(&self, id: StateId) -> Kind {
        self.state(id).kind
    }
}
