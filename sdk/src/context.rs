//! The world of one invocation, as the author of a function sees it.

use std::time::Duration;

use compact_str::CompactString;
use statefun::function::{self, DelayedCommand, Effects, EgressMessage, OutgoingMessage, TimerCommand};
use statefun::{Address, EgressId, EventTime, FunctionType, Id, ProcessingTime, TypedValue};

use crate::{Encode, EncodeError};

/// What a function may ask and do while it handles a message.
///
/// Nothing happens at once: what is asked for here is recorded, and takes place when the function returns `Ok`, or
/// never when it returns an error. State is read and written with the handles of [`States`](crate::States).
pub struct Context<'a> {
    home: &'a mut dyn Home,
}

/// Where an invocation runs. The low-level context in both homes; a trait only so that one lifetime is enough above.
pub(crate) trait Home {
    fn address(&self) -> &Address;
    fn caller(&self) -> Option<&Address>;
    fn now(&self) -> ProcessingTime;
    fn event_time(&self) -> EventTime;
    fn watermark(&self) -> EventTime;
    /// Whether somebody keeps timers for this function.
    fn has_timers(&self) -> bool;
    fn value(&self, index: usize) -> Option<&TypedValue>;
    fn set_value(&mut self, index: usize, value: Option<TypedValue>);
    fn effects(&mut self) -> &mut Effects;
}

impl Home for function::Context<'_> {
    fn address(&self) -> &Address {
        function::Context::address(self)
    }

    fn caller(&self) -> Option<&Address> {
        function::Context::caller(self)
    }

    fn now(&self) -> ProcessingTime {
        function::Context::now(self)
    }

    fn event_time(&self) -> EventTime {
        function::Context::event_time(self)
    }

    fn watermark(&self) -> EventTime {
        function::Context::watermark(self)
    }

    fn has_timers(&self) -> bool {
        function::Context::has_timers(self)
    }

    fn value(&self, index: usize) -> Option<&TypedValue> {
        self.get(index)
    }

    fn set_value(&mut self, index: usize, value: Option<TypedValue>) {
        self.set(index, value);
    }

    fn effects(&mut self) -> &mut Effects {
        function::Context::effects(self)
    }
}

/// A cancellation token is empty, which the protocol takes as none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cancellation token must not be empty")]
pub struct EmptyToken;

/// A delayed message or a cancellation could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is empty.
    #[error(transparent)]
    Empty(#[from] EmptyToken),
    /// The message cannot be written down.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Nobody keeps event-time timers for this function: it is served over HTTP, or it declares no time role.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "event-time timers are for embedded functions with a time role: embed this one and declare its `time_role`, or send \
     to one that has both"
)]
pub struct NoTimers;

impl<'a> Context<'a> {
    #[inline]
    pub(crate) fn new(home: &'a mut dyn Home) -> Self {
        Self { home }
    }

    /// The instance that runs.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.home.address()
    }

    /// The id of the instance that runs: the last part of its address.
    #[inline]
    #[must_use]
    pub fn id(&self) -> &str {
        &self.home.address().id
    }

    /// Who sent the message; `None` for what came from an ingress.
    #[must_use]
    pub fn caller(&self) -> Option<&Address> {
        self.home.caller()
    }

    /// The clock when the invocation began: the node's where the function is embedded, the server's where it is remote.
    #[must_use]
    pub fn now(&self) -> ProcessingTime {
        self.home.now()
    }

    /// The event time of the message; [`EventTime::NONE`] when nobody assigned one.
    #[must_use]
    pub fn event_time(&self) -> EventTime {
        self.home.event_time()
    }

    /// How far event time has come for this function, as its
    /// [time role](crate::StatefulFunction::time_role) says: no message with a time at or before it is expected any more.
    /// [`EventTime::NONE`] before any watermark, for plain functions, and where the function is remote.
    #[must_use]
    pub fn watermark(&self) -> EventTime {
        self.home.watermark()
    }

    /// Sets an event-time timer of this address: [`on_timer`](crate::StatefulFunction::on_timer) runs when the watermark
    /// reaches `at`. Timers of an address are a set: twice is once. One at or before the watermark fires on the next
    /// advance.
    ///
    /// # Errors
    /// When the function is remote or has no [time role](crate::StatefulFunction::time_role).
    pub fn set_timer(&mut self, at: EventTime) -> Result<(), NoTimers> {
        self.timer(TimerCommand::Set(at))
    }

    /// Deletes the event-time timer of this address at exactly that time, if there is one.
    ///
    /// # Errors
    /// When the function is remote or has no [time role](crate::StatefulFunction::time_role).
    pub fn delete_timer(&mut self, at: EventTime) -> Result<(), NoTimers> {
        self.timer(TimerCommand::Delete(at))
    }

    fn timer(&mut self, command: TimerCommand) -> Result<(), NoTimers> {
        if !self.home.has_timers() {
            return Err(NoTimers);
        }
        self.home.effects().timers.push(command);
        Ok(())
    }

    /// Sends a message to a function.
    ///
    /// # Errors
    /// When the message cannot be written down.
    pub fn send<T: Encode + ?Sized>(
        &mut self,
        target: impl Into<FunctionType>,
        id: impl Into<Id>,
        message: &T,
    ) -> Result<(), EncodeError> {
        let argument = message.to_value()?;
        self.send_value(Address::new(target.into(), id), argument);
        Ok(())
    }

    /// Sends a message whose event time is later than that of the message being handled.
    ///
    /// # Errors
    /// When the message cannot be written down.
    pub fn send_at<T: Encode + ?Sized>(
        &mut self,
        event_time: EventTime,
        target: impl Into<FunctionType>,
        id: impl Into<Id>,
        message: &T,
    ) -> Result<(), EncodeError> {
        let argument = message.to_value()?;
        let target = Address::new(target.into(), id);
        self.home.effects().messages.push(OutgoingMessage { target, argument, event_time });
        Ok(())
    }

    /// Sends a message that is encoded already, such as the one being handled.
    pub fn send_value(&mut self, target: Address, argument: TypedValue) {
        self.home.effects().messages.push(OutgoingMessage { target, argument, event_time: EventTime::NONE });
    }

    /// Sends a message to whoever sent the one being handled; `false` when nobody did.
    ///
    /// # Errors
    /// When the message cannot be written down.
    pub fn reply<T: Encode + ?Sized>(&mut self, message: &T) -> Result<bool, EncodeError> {
        let Some(caller) = self.home.caller().cloned() else { return Ok(false) };
        let argument = message.to_value()?;
        self.send_value(caller, argument);
        Ok(true)
    }

    /// Sends a message to a function, so much later than now. It survives restarts. Counted in whole milliseconds.
    ///
    /// # Errors
    /// When the message cannot be written down.
    pub fn send_after<T: Encode + ?Sized>(
        &mut self,
        delay: Duration,
        target: impl Into<FunctionType>,
        id: impl Into<Id>,
        message: &T,
    ) -> Result<(), EncodeError> {
        let argument = message.to_value()?;
        let target = Address::new(target.into(), id);
        self.home.effects().delayed.push(DelayedCommand::Send { delay, target, argument, token: None });
        Ok(())
    }

    /// Sends a message later that [`cancel`](Self::cancel) can take back by `token`.
    ///
    /// A token belongs to the sender's id: two live messages of one id cannot share it. It is free again when the
    /// message was delivered or cancelled.
    ///
    /// # Errors
    /// When the token is empty or the message cannot be written down.
    pub fn send_after_cancellable<T: Encode + ?Sized>(
        &mut self,
        token: impl Into<CompactString>,
        delay: Duration,
        target: impl Into<FunctionType>,
        id: impl Into<Id>,
        message: &T,
    ) -> Result<(), TokenError> {
        let token = Some(filled(token.into())?);
        let argument = message.to_value()?;
        let target = Address::new(target.into(), id);
        self.home.effects().delayed.push(DelayedCommand::Send { delay, target, argument, token });
        Ok(())
    }

    /// Takes back a message that was sent later with `token`. When there is none any more, nothing happens.
    ///
    /// # Errors
    /// When the token is empty.
    pub fn cancel(&mut self, token: impl Into<CompactString>) -> Result<(), TokenError> {
        let token = filled(token.into())?;
        self.home.effects().delayed.push(DelayedCommand::Cancel { token });
        Ok(())
    }

    /// Writes a record to an egress: one of [`KafkaRecord`](crate::KafkaRecord),
    /// [`KinesisRecord`](crate::KinesisRecord), [`PlaygroundRecord`](crate::PlaygroundRecord), or any value for an
    /// egress that takes values.
    ///
    /// # Errors
    /// When the record cannot be written down.
    pub fn egress<T: Encode + ?Sized>(&mut self, egress: impl Into<EgressId>, record: &T) -> Result<(), EncodeError> {
        let argument = record.to_value()?;
        self.home.effects().egress.push(EgressMessage { egress: egress.into(), argument });
        Ok(())
    }

    #[inline]
    pub(crate) fn value(&self, index: usize) -> Option<&TypedValue> {
        self.home.value(index)
    }

    #[inline]
    pub(crate) fn set_value(&mut self, index: usize, value: Option<TypedValue>) {
        self.home.set_value(index, value);
    }
}

fn filled(token: CompactString) -> Result<CompactString, EmptyToken> {
    if token.is_empty() { Err(EmptyToken) } else { Ok(token) }
}
