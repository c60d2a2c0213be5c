//! Bringing events to the instance that has their key.

use std::sync::Arc;

use compact_str::CompactString;
use statefun::function::{Context, Function, FunctionError, StateSpec};
use statefun::{Address, EventTime, FunctionType, TypedValue};

use super::message::{Input, Side, one_sided};

type Key<E> = Arc<dyn Fn(&E) -> Result<CompactString, String> + Send + Sync>;

/// Sends each event to the address of its key. A plain function without state, whatever its id: it may be addressed by
/// anything that spreads the work.
pub struct KeyByFunction<E> {
    input: Input<E>,
    key: Key<E>,
    target: FunctionType,
    side: Option<Side>,
}

impl<E> KeyByFunction<E> {
    /// Sends the events of `input` to instances of `target` by `key`, for one side of a join if it is one.
    pub fn new(
        input: Input<E>,
        key: impl Fn(&E) -> Result<CompactString, String> + Send + Sync + 'static,
        target: FunctionType,
        side: Option<Side>,
    ) -> Self {
        Self { input, key: Arc::new(key), target, side }
    }
}

impl<E> Clone for KeyByFunction<E> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), key: Arc::clone(&self.key), target: self.target, side: self.side }
    }
}

impl<E> Function for KeyByFunction<E> {
    fn states(&self) -> &[StateSpec] {
        &[]
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let Some((at, event)) = self.input.event(context, argument)? else { return Ok(()) };
        let id = (self.key)(&event).map_err(FunctionError::Reject)?;
        let argument = self.side.map_or_else(|| argument.clone(), |side| one_sided(side, argument));
        context.send_at(Address::new(self.target, id), argument, EventTime(at));
        Ok(())
    }
}
