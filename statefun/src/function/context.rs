//! What an embedded function sees and records while it handles a message.

use std::time::Duration;

use compact_str::CompactString;

use super::{DelayedCommand, Effects, EgressMessage, Mutation, OutgoingMessage, StateSpec};
use crate::{Address, EgressId, EventTime, ProcessingTime, TypedValue};

/// Reads the stored values of one address. Expired values are not there.
pub trait StateView {
    /// The value of the function's `index`-th declared state.
    fn value(&self, index: usize) -> Option<&TypedValue>;
}

/// The world of one invocation: who, by whom, when, its state, and a place to record effects.
pub struct Context<'a> {
    address: &'a Address,
    caller: Option<&'a Address>,
    now: ProcessingTime,
    event_time: EventTime,
    states: &'a [StateSpec],
    view: &'a dyn StateView,
    effects: &'a mut Effects,
}

impl<'a> Context<'a> {
    /// A context of its parts; what functions record lands in `effects`.
    pub fn new(
        address: &'a Address,
        caller: Option<&'a Address>,
        now: ProcessingTime,
        event_time: EventTime,
        states: &'a [StateSpec],
        view: &'a dyn StateView,
        effects: &'a mut Effects,
    ) -> Self {
        Self { address, caller, now, event_time, states, view, effects }
    }

    /// The instance that runs.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.address
    }

    /// Who sent the message; `None` for what came from an ingress.
    #[must_use]
    pub fn caller(&self) -> Option<&Address> {
        self.caller
    }

    /// The node's clock when the invocation began.
    #[must_use]
    pub fn now(&self) -> ProcessingTime {
        self.now
    }

    /// The message's event time.
    #[must_use]
    pub fn event_time(&self) -> EventTime {
        self.event_time
    }

    /// The value of the `index`-th declared state, with what this invocation wrote so far.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&TypedValue> {
        let name = self.states[index].name;
        match self.effects.mutations.iter().rev().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value.as_ref(),
            None => self.view.value(index),
        }
    }

    /// Writes the `index`-th declared state; `None` deletes it.
    pub fn set(&mut self, index: usize, value: Option<TypedValue>) {
        let name = self.states[index].name;
        match self.effects.mutations.iter_mut().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value = value,
            None => self.effects.mutations.push(Mutation { name, value }),
        }
    }

    /// Sends a message.
    pub fn send(&mut self, target: Address, argument: TypedValue) {
        self.effects.messages.push(OutgoingMessage { target, argument, event_time: EventTime::NONE });
    }

    /// Sends a message to whoever sent this one; `false` when nobody did.
    pub fn reply(&mut self, argument: TypedValue) -> bool {
        let Some(caller) = self.caller else { return false };
        self.send(caller.clone(), argument);
        true
    }

    /// Sends a message later, cancellable by `token` if one is given.
    pub fn send_after(&mut self, delay: Duration, target: Address, argument: TypedValue, token: Option<CompactString>) {
        self.effects.delayed.push(DelayedCommand::Send { delay, target, argument, token });
    }

    /// Takes back what was sent later with `token`.
    pub fn cancel(&mut self, token: CompactString) {
        self.effects.delayed.push(DelayedCommand::Cancel { token });
    }

    /// Writes a record to an egress.
    pub fn egress(&mut self, egress: EgressId, argument: TypedValue) {
        self.effects.egress.push(EgressMessage { egress, argument });
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn effects(&mut self) -> &mut Effects {
        self.effects
    }
}
