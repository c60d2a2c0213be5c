//! One value.

use std::marker::PhantomData;

use statefun::TypedValue;

use super::{Slot, StateError};
use crate::{Context, Decode};

/// A state that holds one value, or none. Declared with [`States::value`](super::States::value).
#[derive(Debug)]
pub struct Value<T> {
    slot: Slot,
    of: PhantomData<fn() -> T>,
}

impl<T: Decode> Value<T> {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, of: PhantomData }
    }

    /// The value; `None` when nothing was written or it has expired.
    ///
    /// # Errors
    /// When what is stored is no `T`.
    pub fn get(&self, context: &Context<'_>) -> Result<Option<T>, StateError> {
        match self.slot.read(context)? {
            None => Ok(None),
            Some(bytes) => T::decode(bytes).map(Some).map_err(|error| self.slot.undecodable(error)),
        }
    }

    /// The value, or the default of its type.
    ///
    /// # Errors
    /// When what is stored is no `T`.
    pub fn get_or_default(&self, context: &Context<'_>) -> Result<T, StateError>
    where
        T: Default,
    {
        Ok(self.get(context)?.unwrap_or_default())
    }

    /// Whether there is a value.
    #[must_use]
    pub fn exists(&self, context: &Context<'_>) -> bool {
        context.value(self.slot.index).is_some()
    }

    /// Writes the value.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn set(&self, context: &mut Context<'_>, value: &T) -> Result<(), StateError> {
        let bytes = value.encode()?;
        context.set_value(self.slot.index, Some(TypedValue { value_type: self.slot.value_type, bytes }));
        Ok(())
    }

    /// Changes the value, or the default of its type, and writes it. Gives the new value.
    ///
    /// # Errors
    /// When what is stored is no `T`, or the new value cannot be written down.
    pub fn update(&self, context: &mut Context<'_>, change: impl FnOnce(&mut T)) -> Result<T, StateError>
    where
        T: Default,
    {
        let mut value = self.get_or_default(context)?;
        change(&mut value);
        self.set(context, &value)?;
        Ok(value)
    }

    /// Deletes the value.
    pub fn remove(&self, context: &mut Context<'_>) {
        self.slot.remove(context);
    }
}
