//! Windows as a function.

use std::sync::Arc;

use compact_str::CompactString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use statefun::function::{Context, Function, FunctionError, StateSpec, TimeRole};
use statefun::{EventTime, TypedValue};

use super::message::Input;
use super::out::{Emit, LateEvent, Out};
use super::state::{put, states, take};
use super::timers::{Host, woken};
use crate::time::{Millis, ProcessingTime};
use crate::timers::Timers;
use crate::window::aggregate::Aggregate;
use crate::window::{self, Fired, KeyStateOf, Window, WindowOperator};

/// The result of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowResult<O> {
    /// Whose events.
    pub key: CompactString,
    /// Which window.
    pub window: Window,
    /// What it computed.
    pub result: O,
}

/// Where results and late events go.
pub struct WindowOutputs<E, O> {
    /// What is done with results.
    pub results: Emit<WindowResult<O>>,
    /// What is done with late events; called if the windows' description has `late_output`.
    pub late: Option<Emit<LateEvent<E>>>,
}

impl<E, O> Clone for WindowOutputs<E, O> {
    fn clone(&self) -> Self {
        Self { results: Arc::clone(&self.results), late: self.late.clone() }
    }
}

/// A [`WindowOperator`] as a function; the id of its address is the key.
pub struct WindowFunction<A: Aggregate> {
    states: [StateSpec; 1],
    operator: Arc<WindowOperator<A>>,
    input: Input<A::Event>,
    outputs: WindowOutputs<A::Event, A::Output>,
    role: TimeRole,
}

impl<A: Aggregate> WindowFunction<A> {
    /// The function of its parts.
    pub fn new(
        operator: Arc<WindowOperator<A>>,
        input: Input<A::Event>,
        outputs: WindowOutputs<A::Event, A::Output>,
        role: TimeRole,
    ) -> Self {
        Self { states: states(), operator, input, outputs, role }
    }
}

/// An operator's host: the context, and where results go.
struct WindowHost<'h, 'c, E, O> {
    host: Host<'h, 'c>,
    outputs: &'h WindowOutputs<E, O>,
}

impl<E, O> Timers for WindowHost<'_, '_, E, O> {
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

impl<E, O> window::Context<E, O> for WindowHost<'_, '_, E, O> {
    fn emit(&mut self, fired: Fired<O>) {
        let at = fired.at();
        let key = self.host.0.address().id.clone();
        let result = WindowResult { key, window: fired.window, result: fired.result };
        (self.outputs.results)(&mut Out::new(self.host.0, at), result);
    }

    fn late(&mut self, at: Millis, event: E) {
        if let Some(late) = &self.outputs.late {
            late(&mut Out::new(self.host.0, at), LateEvent { at, event });
        }
    }
}

impl<A> WindowFunction<A>
where
    A: Aggregate,
    KeyStateOf<A>: Serialize + DeserializeOwned + Send + 'static,
{
    fn handle(
        &self,
        context: &mut Context<'_>,
        step: impl FnOnce(&mut KeyStateOf<A>, &mut WindowHost<'_, '_, A::Event, A::Output>),
    ) -> Result<(), FunctionError> {
        let mut state = take::<KeyStateOf<A>>(context, |state| {
            let why = "the key state belongs to windows of another kind: their description was changed while windows were open";
            if self.operator.accepts(state) { Ok(()) } else { Err(why.to_owned()) }
        })?;
        step(&mut state.0, &mut WindowHost { host: Host(context), outputs: &self.outputs });
        let is_empty = state.0.is_empty();
        put(context, state, is_empty);
        Ok(())
    }
}

impl<A> Function for WindowFunction<A>
where
    A: Aggregate + Send + Sync + 'static,
    A::Event: Clone,
    KeyStateOf<A>: Serialize + DeserializeOwned + Send + 'static,
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
        if let Some(at) = woken(argument) {
            return self.handle(context, |state, host| self.operator.on_processing_timer(state, at, host));
        }
        let Some((at, event)) = self.input.event(context, argument)? else { return Ok(()) };
        self.handle(context, |state, host| self.operator.on_event(state, at, event, host))
    }

    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        self.handle(context, |state, host| self.operator.on_timer(state, at.0, host))
    }
}
