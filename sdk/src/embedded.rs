//! The embedded home: a function as the engine calls it.

use std::sync::Arc;

use statefun::function::{self, Function, FunctionError, StateSpec, TimeRole};
use statefun::{EventTime, TypedValue};

use crate::context::Home;
use crate::functions::{Entry, Run};
use crate::{Context, Message, StatefulFunction, States};

/// A function of whatever type.
pub(crate) trait Handler: Send + Sync {
    fn handle(&self, home: &mut dyn Home, argument: &TypedValue) -> Result<(), FunctionError>;
    fn fire(&self, home: &mut dyn Home, at: EventTime) -> Result<(), FunctionError>;
    fn role(&self) -> TimeRole;
}

impl<F: StatefulFunction> Handler for F {
    fn handle(&self, home: &mut dyn Home, argument: &TypedValue) -> Result<(), FunctionError> {
        self.invoke(&mut Context::new(home), &Message::new(argument))
    }

    fn fire(&self, home: &mut dyn Home, at: EventTime) -> Result<(), FunctionError> {
        self.on_timer(&mut Context::new(home), at)
    }

    fn role(&self) -> TimeRole {
        self.time_role()
    }
}

/// A function as the engine calls it: no bytes but those of the values are written or read on the way.
pub(crate) struct Embedded {
    entry: Arc<Entry>,
    handler: Arc<dyn Handler>,
}

impl Embedded {
    pub(crate) fn new(entry: Arc<Entry>, handler: Arc<dyn Handler>) -> Self {
        Self { entry, handler }
    }
}

impl Function for Embedded {
    fn states(&self) -> &[StateSpec] {
        &self.entry.states
    }

    fn invoke(&self, context: &mut function::Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        self.handler.handle(context, argument)
    }

    fn on_timer(&self, context: &mut function::Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        self.handler.fire(context, at)
    }

    fn time_role(&self) -> TimeRole {
        self.handler.role()
    }
}

/// One function to embed, made by `declare` from the states it declares. [`Functions`](crate::Functions) does this for
/// many, by name.
///
/// # Panics
/// When the function declares a state twice.
pub fn embedded<F: StatefulFunction>(declare: impl FnOnce(&mut States<'_>) -> F) -> Box<dyn Function> {
    let entry = Arc::new(Entry::new(declare));
    let Run::Plain(handler) = &entry.run else { unreachable!("an entry of a function that does not await") };
    Box::new(Embedded::new(Arc::clone(&entry), Arc::clone(handler)))
}
