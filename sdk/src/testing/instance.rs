//! One address of a function.

use std::time::Duration;

use statefun::function::{self, Effects, FunctionError};
use statefun::{Address, Envelope, EventTime, FunctionType, Id, ProcessingTime};

use super::Outcome;
use super::store::{Delayed, Store};
use crate::{Context, Encode, Message, StatefulFunction, States};

/// One address of a function, with its state and a clock.
#[derive(Debug)]
pub struct Instance<F> {
    function: F,
    address: Address,
    store: Store,
    delayed: Delayed,
}

impl<F: StatefulFunction> Instance<F> {
    /// The instance `id` of the function that `declare` makes from the states it declares. No state yet, and the clock
    /// at zero.
    ///
    /// # Panics
    /// When [`F::TYPE`](StatefulFunction::TYPE) is no typename, or a state is declared twice.
    pub fn of(id: impl Into<Id>, declare: impl FnOnce(&mut States<'_>) -> F) -> Self {
        let mut specs = Vec::new();
        let function = declare(&mut States::new(&mut specs));
        let function_type = FunctionType::parse(F::TYPE).unwrap_or_else(|error| panic!("{error}"));
        Self {
            function,
            address: Address::new(function_type, id),
            store: Store::new(specs),
            delayed: Delayed::default(),
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Receives a message from an ingress.
    ///
    /// # Errors
    /// What the function returned. Its state is then as it was.
    ///
    /// # Panics
    /// When the message cannot be encoded.
    pub fn receive<T: Encode + ?Sized>(&mut self, message: &T) -> Result<Outcome, FunctionError> {
        let envelope = self.envelope(message);
        self.deliver(&envelope)
    }

    /// Receives a message from a function, `namespace/type/id`.
    ///
    /// # Errors
    /// What the function returned. Its state is then as it was.
    ///
    /// # Panics
    /// When `caller` is no address, or the message cannot be encoded.
    pub fn receive_from<T: Encode + ?Sized>(&mut self, caller: &str, message: &T) -> Result<Outcome, FunctionError> {
        let caller = Address::parse(caller).unwrap_or_else(|error| panic!("{error}"));
        let envelope = self.envelope(message).from(caller);
        self.deliver(&envelope)
    }

    /// Receives a message with an event time.
    ///
    /// # Errors
    /// What the function returned. Its state is then as it was.
    ///
    /// # Panics
    /// When the message cannot be encoded.
    pub fn receive_at<T: Encode + ?Sized>(&mut self, time: EventTime, message: &T) -> Result<Outcome, FunctionError> {
        let mut envelope = self.envelope(message);
        envelope.event_time = time;
        self.deliver(&envelope)
    }

    /// Receives a message as it is, such as one that [`advance`](Self::advance) gave. It need not be addressed to this
    /// instance.
    ///
    /// # Errors
    /// What the function returned. Its state is then as it was.
    ///
    /// # Panics
    /// When the function sends later with a cancellation token that a waiting message holds.
    pub fn deliver(&mut self, envelope: &Envelope) -> Result<Outcome, FunctionError> {
        let Envelope { caller, argument, event_time, .. } = envelope;
        self.store.touch();
        let mut effects = Effects::default();
        self.enter(caller.as_ref(), *event_time, &mut effects, |function, context| {
            function.invoke(context, &Message::new(argument))
        })?;
        self.store.apply(std::mem::take(&mut effects.mutations));
        self.delayed.apply(&self.address, self.store.now, &effects.delayed);
        Ok(Outcome::new(effects))
    }

    /// Looks at the state with the function's own handles. What `look` writes or sends is forgotten.
    pub fn read<R>(&self, look: impl FnOnce(&F, &mut Context<'_>) -> R) -> R {
        self.enter(None, EventTime::NONE, &mut Effects::default(), look)
    }

    /// Prepares the state with the function's own handles. What `write` sends is forgotten.
    pub fn arrange<R>(&mut self, write: impl FnOnce(&F, &mut Context<'_>) -> R) -> R {
        let mut effects = Effects::default();
        let result = self.enter(None, EventTime::NONE, &mut effects, write);
        self.store.apply(effects.mutations);
        result
    }

    /// The clock that the function sees as [`Context::now`].
    #[must_use]
    pub fn now(&self) -> ProcessingTime {
        self.store.now
    }

    /// Moves the clock on, and gives what this instance sent later and is due by now: in the order of time, not
    /// delivered to anybody, this instance included.
    pub fn advance(&mut self, time: Duration) -> Vec<Envelope> {
        self.store.now = self.store.now.after(time);
        self.delayed.due(self.store.now)
    }

    fn envelope<T: Encode + ?Sized>(&self, message: &T) -> Envelope {
        let argument = message.to_value().unwrap_or_else(|error| panic!("{error}"));
        Envelope::new(self.address.clone(), argument)
    }

    fn enter<R>(
        &self,
        caller: Option<&Address>,
        event_time: EventTime,
        effects: &mut Effects,
        visit: impl FnOnce(&F, &mut Context<'_>) -> R,
    ) -> R {
        let Store { specs, now, .. } = &self.store;
        let mut home = function::Context::new(&self.address, caller, *now, event_time, specs, &self.store, effects);
        visit(&self.function, &mut Context::new(&mut home))
    }
}
