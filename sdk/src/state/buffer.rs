//! Values to append and look at later.

use super::{List, Slot, StateError};
use crate::{Context, Decode};

/// A state to append values to and look at them later, all at once. Declared with
/// [`States::buffer`](super::States::buffer).
///
/// A [`List`] that promises less, stored in the same form: no look-up by position, no length. That leaves room to keep
/// each element in a row of its own one day, where appending costs the element alone.
#[derive(Debug)]
pub struct Buffer<T>(List<T>);

impl<T: Decode> Buffer<T> {
    pub(super) fn new(slot: Slot) -> Self {
        Self(List::new(slot))
    }

    /// Appends an element.
    ///
    /// # Errors
    /// When what is stored is no buffer of `T`, or the element cannot be written down.
    pub fn append(&self, context: &mut Context<'_>, element: &T) -> Result<(), StateError> {
        self.0.push(context, element)
    }

    /// Appends elements, writing the buffer once.
    ///
    /// # Errors
    /// When what is stored is no buffer of `T`, or an element cannot be written down.
    pub fn append_all<'e>(
        &self,
        context: &mut Context<'_>,
        elements: impl IntoIterator<Item = &'e T>,
    ) -> Result<(), StateError>
    where
        T: 'e,
    {
        self.0.extend(context, elements)
    }

    /// The elements in the order they were appended, decoded one by one as they are asked for.
    ///
    /// # Errors
    /// When what is stored is no buffer of `T`. An element that cannot be read is an error in its place.
    pub fn view<'c>(
        &self,
        context: &'c Context<'_>,
    ) -> Result<impl Iterator<Item = Result<T, StateError>> + use<'c, T>, StateError> {
        self.0.iter(context)
    }

    /// Replaces all elements.
    ///
    /// # Errors
    /// When an element cannot be written down.
    pub fn replace_with<'e>(
        &self,
        context: &mut Context<'_>,
        elements: impl IntoIterator<Item = &'e T>,
    ) -> Result<(), StateError>
    where
        T: 'e,
    {
        self.0.set(context, elements)
    }

    /// Removes all elements.
    pub fn clear(&self, context: &mut Context<'_>) {
        self.0.clear(context);
    }
}
