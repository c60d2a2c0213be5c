//! From results to messages and records.

use std::sync::Arc;

use compact_str::CompactString;
use statefun::function::Context;
use statefun::{Address, EgressId, EventTime, FunctionType, SmallBytes, TypedValue, ValueType};
use statefun_sdk::Encode;

use crate::time::Millis;

/// What is done with a result.
pub type Emit<R> = Arc<dyn Fn(&mut Out<'_, '_>, R) + Send + Sync>;

/// An event that came too late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateEvent<E> {
    /// When it happened.
    pub at: Millis,
    /// The event.
    pub event: E,
}

/// Sends results on. What cannot be written down becomes a dead letter.
pub struct Out<'o, 'c> {
    context: &'o mut Context<'c>,
    at: EventTime,
}

impl<'o, 'c> Out<'o, 'c> {
    /// For results of event time `at`.
    pub(super) fn new(context: &'o mut Context<'c>, at: Millis) -> Self {
        Self { context, at: EventTime(at) }
    }

    /// The key of the result.
    #[must_use]
    pub fn key(&self) -> &CompactString {
        &self.context.address().id
    }

    /// The event time of the result, which messages take with them.
    #[must_use]
    pub fn at(&self) -> EventTime {
        self.at
    }

    /// Sends a message.
    pub fn send<T: Encode + ?Sized>(&mut self, function: FunctionType, id: impl Into<CompactString>, value: &T) {
        match value.to_value() {
            Ok(value) => self.send_value(Address::new(function, id), value),
            Err(error) => self.refuse(T::value_type(), error.to_string()),
        }
    }

    /// Sends a message that is written down already.
    pub fn send_value(&mut self, target: Address, value: TypedValue) {
        self.context.send_at(target, value, self.at);
    }

    /// Writes a record to an egress.
    pub fn egress<T: Encode + ?Sized>(&mut self, egress: EgressId, value: &T) {
        match value.to_value() {
            Ok(value) => self.egress_value(egress, value),
            Err(error) => self.refuse(T::value_type(), error.to_string()),
        }
    }

    /// Writes a record that is written down already.
    pub fn egress_value(&mut self, egress: EgressId, value: TypedValue) {
        self.context.egress(egress, value);
    }

    /// Makes a dead letter of a result that cannot be sent.
    pub fn refuse(&mut self, value_type: ValueType, why: impl Into<String>) {
        self.context.refuse(TypedValue { value_type, bytes: SmallBytes::new() }, why.into());
    }

    /// Makes a dead letter of something that is written down already.
    pub fn refuse_value(&mut self, value: TypedValue, why: impl Into<String>) {
        self.context.refuse(value, why.into());
    }
}
