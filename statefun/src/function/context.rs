//! What an embedded function sees and records while it handles a message.

use std::time::Duration;

use compact_str::CompactString;

use super::{
    DelayedCommand, Effects, EgressMessage, Live, LiveValue, Mutation, OutgoingMessage, Refused, StateSpec,
    TimerCommand,
};
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
    watermark: Option<EventTime>,
    states: &'a [StateSpec],
    view: &'a dyn StateView,
    live: Option<(usize, &'a mut Live)>,
    effects: &'a mut Effects,
}

impl<'a> Context<'a> {
    /// A context of its parts, without timers and a watermark; what functions record lands in `effects`.
    #[inline]
    pub fn new(
        address: &'a Address,
        caller: Option<&'a Address>,
        now: ProcessingTime,
        event_time: EventTime,
        states: &'a [StateSpec],
        view: &'a dyn StateView,
        effects: &'a mut Effects,
    ) -> Self {
        Self { address, caller, now, event_time, watermark: None, states, view, live: None, effects }
    }

    /// The same for a component, whose event time has come to `watermark` and whose timers somebody keeps.
    #[must_use]
    pub fn at_watermark(mut self, watermark: EventTime) -> Self {
        self.watermark = Some(watermark);
        self
    }

    /// The same with the value of the state that stays decoded; what the function leaves there is its new value.
    #[must_use]
    pub fn with_live(mut self, index: usize, live: &'a mut Live) -> Self {
        self.live = Some((index, live));
        self
    }

    /// Whether somebody keeps timers for this function: it is a component and it is embedded.
    #[must_use]
    pub fn has_timers(&self) -> bool {
        self.watermark.is_some()
    }

    /// The instance that runs.
    #[inline]
    #[must_use]
    pub fn address(&self) -> &Address {
        self.address
    }

    /// Who sent the message; `None` for what came from an ingress.
    #[inline]
    #[must_use]
    pub fn caller(&self) -> Option<&Address> {
        self.caller
    }

    /// The node's clock when the invocation began.
    #[inline]
    #[must_use]
    pub fn now(&self) -> ProcessingTime {
        self.now
    }

    /// The message's event time.
    #[inline]
    #[must_use]
    pub fn event_time(&self) -> EventTime {
        self.event_time
    }

    /// How far event time has come for this function, as its [time role](super::TimeRole) says: no message with a time
    /// at or before it is expected any more. Inside a timer already the new one. [`EventTime::NONE`] before any watermark
    /// and for plain functions.
    #[must_use]
    pub fn watermark(&self) -> EventTime {
        self.watermark.unwrap_or(EventTime::NONE)
    }

    /// The value of the `index`-th declared state, with what this invocation wrote so far.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&TypedValue> {
        let name = self.states[index].name;
        match self.effects.mutations.iter().rev().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value.as_ref(),
            None => self.view.value(index),
        }
    }

    /// Writes the `index`-th declared state; `None` deletes it.
    #[inline]
    pub fn set(&mut self, index: usize, value: Option<TypedValue>) {
        let name = self.states[index].name;
        match self.effects.mutations.iter_mut().find(|mutation| mutation.name == name) {
            Some(mutation) => mutation.value = value,
            None => self.effects.mutations.push(Mutation { name, value }),
        }
    }

    /// Takes the value of the `index`-th declared state, to be changed in place. [`Context::put_live`] gives it back.
    pub fn take_live(&mut self, index: usize) -> Live {
        match &mut self.live {
            Some((live_index, live)) if *live_index == index => std::mem::take(*live),
            _ => self.get(index).cloned().map_or(Live::Absent, Live::Encoded),
        }
    }

    /// Gives the value of the `index`-th declared state back; `None` deletes it.
    pub fn put_live(&mut self, index: usize, value: Option<Box<dyn LiveValue>>) {
        match &mut self.live {
            Some((live_index, live)) if *live_index == index => **live = value.map_or(Live::Absent, Live::Decoded),
            _ => self.set(index, value.map(|value| value.encode())),
        }
    }

    /// Gives back unchanged what [`Context::take_live`] gave, before failing.
    pub fn give_back(&mut self, index: usize, value: Live) {
        if let Some((live_index, live)) = &mut self.live
            && *live_index == index
        {
            **live = value;
        }
    }

    /// Makes something a dead letter and goes on: what this function could not take or deliver.
    pub fn refuse(&mut self, argument: TypedValue, why: String) {
        self.effects.refused.push(Refused { argument, why });
    }

    /// Sends a message.
    pub fn send(&mut self, target: Address, argument: TypedValue) {
        self.effects.messages.push(OutgoingMessage { target, argument, event_time: EventTime::NONE });
    }

    /// Sends a message with an event time of its own. One that is earlier than that of the message being handled is
    /// honoured, but nobody waits for it: it may be late.
    pub fn send_at(&mut self, target: Address, argument: TypedValue, event_time: EventTime) {
        self.effects.messages.push(OutgoingMessage { target, argument, event_time });
    }

    /// Sets an event-time timer of this address: [`Function::on_timer`](super::Function::on_timer) runs when the
    /// watermark reaches `at`. Timers of an address are a set, so twice is once; one at or before the watermark fires on
    /// the next advance. Only functions with a [time role](super::TimeRole) have timers; of a plain one the invocation
    /// fails.
    pub fn set_timer(&mut self, at: EventTime) {
        self.effects.timers.push(TimerCommand::Set(at));
    }

    /// Deletes the event-time timer of this address at exactly that time, if there is one.
    pub fn delete_timer(&mut self, at: EventTime) {
        self.effects.timers.push(TimerCommand::Delete(at));
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
    #[inline]
    #[must_use]
    pub fn effects(&mut self) -> &mut Effects {
        self.effects
    }
}
