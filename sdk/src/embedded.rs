//! The embedded home: a function as the engine calls it.

use std::sync::Arc;

use statefun::TypedValue;
use statefun::function::{self, Function, FunctionError, StateSpec};

use crate::context::Home;
use crate::functions::Entry;
use crate::{Context, Message, StatefulFunction, States};

/// A function of whatever type.
pub(crate) trait Handler: Send + Sync {
    fn handle(&self, home: &mut dyn Home, argument: &TypedValue) -> Result<(), FunctionError>;
}

impl<F: StatefulFunction> Handler for F {
    fn handle(&self, home: &mut dyn Home, argument: &TypedValue) -> Result<(), FunctionError> {
        self.invoke(&mut Context::new(home), &Message::new(argument))
    }
}

/// A function as the engine calls it: no bytes but those of the values are written or read on the way.
pub(crate) struct Embedded {
    entry: Arc<Entry>,
}

impl Embedded {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self { entry }
    }
}

impl Function for Embedded {
    fn states(&self) -> &[StateSpec] {
        &self.entry.states
    }

    fn invoke(&self, context: &mut function::Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        self.entry.handler.handle(context, argument)
    }
}

/// One function to embed, made by `declare` from the states it declares. [`Functions`](crate::Functions) does this for
/// many, by name.
///
/// # Panics
/// When the function declares a state twice.
pub fn embedded<F: StatefulFunction>(declare: impl FnOnce(&mut States<'_>) -> F) -> Box<dyn Function> {
    Box::new(Embedded::new(Arc::new(Entry::new(declare))))
}
