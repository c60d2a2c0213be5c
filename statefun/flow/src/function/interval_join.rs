//! The interval join as a function.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use statefun::function::{Context, Function, FunctionError, StateSpec, TimeRole};
use statefun::{EventTime, TypedValue};

use super::message::Input;
use super::out::{Emit, LateEvent, Out};
use super::state::{put, states, take};
use super::timers::Host;
use crate::join::{IntervalContext, IntervalJoin, IntervalState, Joined, Sided};
use crate::time::{Millis, ProcessingTime};
use crate::timers::Timers;

/// Two events that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<L, R> {
    /// When the left one happened.
    pub left_at: Millis,
    /// The left one.
    pub left: L,
    /// When the right one happened.
    pub right_at: Millis,
    /// The right one.
    pub right: R,
}

/// What is done with late events of either side.
type Late<L, R> = Emit<LateEvent<Sided<L, R>>>;

/// An [`IntervalJoin`] as a function; the id of its address is the key.
pub struct IntervalJoinFunction<L, R> {
    states: [StateSpec; 1],
    join: IntervalJoin,
    input: Input<Sided<L, R>>,
    pairs: Emit<Pair<L, R>>,
    late: Option<Late<L, R>>,
    role: TimeRole,
}

impl<L, R> IntervalJoinFunction<L, R> {
    /// The function of its parts; `late` is called if the join's description has `late_output`.
    pub fn new(
        join: IntervalJoin,
        input: Input<Sided<L, R>>,
        pairs: Emit<Pair<L, R>>,
        late: Option<Late<L, R>>,
        role: TimeRole,
    ) -> Self {
        Self { states: states(), join, input, pairs, late, role }
    }
}

struct JoinHost<'h, 'c, L, R> {
    host: Host<'h, 'c>,
    pairs: &'h Emit<Pair<L, R>>,
    late: Option<&'h Late<L, R>>,
}

impl<L, R> Timers for JoinHost<'_, '_, L, R> {
    fn watermark(&self) -> Millis {
        self.host.watermark()
    }
    fn processing_time(&self) -> ProcessingTime {
        self.host.processing_time()
    }
    fn set_timer(&mut self, at: Millis) {
        self.host.set_timer(at);
    }
    fn delete_timer(&mut self, at: Millis) {
        self.host.delete_timer(at);
    }
    fn set_processing_timer(&mut self, at: ProcessingTime) {
        self.host.set_processing_timer(at);
    }
    fn delete_processing_timer(&mut self, at: ProcessingTime) {
        self.host.delete_processing_timer(at);
    }
}

impl<L, R> JoinHost<'_, '_, L, R> {
    fn late(&mut self, at: Millis, event: Sided<L, R>) {
        if let Some(late) = self.late {
            late(&mut Out::new(self.host.0, at), LateEvent { at, event });
        }
    }
}

impl<L: Clone, R: Clone> IntervalContext<L, R> for JoinHost<'_, '_, L, R> {
    fn emit(&mut self, joined: Joined<'_, L, R>) {
        let Joined { left_at, left, right_at, right } = joined;
        let pair = Pair { left_at, left: left.clone(), right_at, right: right.clone() };
        (self.pairs)(&mut Out::new(self.host.0, left_at.max(right_at)), pair);
    }
    fn late_left(&mut self, at: Millis, event: L) {
        self.late(at, Sided::Left(event));
    }
    fn late_right(&mut self, at: Millis, event: R) {
        self.late(at, Sided::Right(event));
    }
}

impl<L, R> IntervalJoinFunction<L, R>
where
    L: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    fn handle(
        &self,
        context: &mut Context<'_>,
        step: impl FnOnce(&mut IntervalState<L, R>, &mut JoinHost<'_, '_, L, R>),
    ) -> Result<(), FunctionError> {
        let mut state = take::<IntervalState<L, R>>(context, |_| Ok(()))?;
        step(&mut state.0, &mut JoinHost { host: Host(context), pairs: &self.pairs, late: self.late.as_ref() });
        let is_empty = state.0.is_empty();
        put(context, state, is_empty);
        Ok(())
    }
}

impl<L, R> Function for IntervalJoinFunction<L, R>
where
    L: Clone + Serialize + DeserializeOwned + Send + 'static,
    R: Clone + Serialize + DeserializeOwned + Send + 'static,
{
    fn states(&self) -> &[StateSpec] {
        &self.states
    }

    fn live_state(&self) -> Option<usize> {
        Some(0)
    }

    fn time_role(&self) -> TimeRole {
        self.role.clone()
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let Some((at, event)) = self.input.event(context, argument)? else { return Ok(()) };
        self.handle(context, |state, host| match event {
            Sided::Left(left) => self.join.on_left(state, at, left, host),
            Sided::Right(right) => self.join.on_right(state, at, right, host),
        })
    }

    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        self.handle(context, |state, host| self.join.on_timer(state, at.0, host))
    }
}

impl<L, R> Clone for IntervalJoinFunction<L, R> {
    fn clone(&self) -> Self {
        Self {
            states: self.states,
            join: self.join.clone(),
            input: self.input.clone(),
            pairs: Arc::clone(&self.pairs),
            late: self.late.clone(),
            role: self.role.clone(),
        }
    }
}
