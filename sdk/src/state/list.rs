//! Values in order.

use std::marker::PhantomData;

use statefun::TypedValue;

use super::{Slot, StateError, sequence};
use crate::{Context, Decode};

/// A state that holds values in order. Declared with [`States::list`](super::States::list).
///
/// Stored as one value: each change writes the whole list. An empty list and no list are the same.
#[derive(Debug)]
pub struct List<T> {
    slot: Slot,
    of: PhantomData<fn() -> T>,
}

impl<T: Decode> List<T> {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, of: PhantomData }
    }

    /// The elements, decoded one by one as they are asked for.
    ///
    /// # Errors
    /// When what is stored is no list of `T`. An element that cannot be read is an error in its place.
    pub fn iter<'c>(
        &self,
        context: &'c Context<'_>,
    ) -> Result<impl Iterator<Item = Result<T, StateError>> + use<'c, T>, StateError> {
        let slot = self.slot;
        let (len, elements) = match self.slot.read(context)? {
            None => (0, None),
            Some(bytes) => (bytes.len(), Some(self.split(bytes)?)),
        };
        Ok(elements.into_iter().flatten().map(move |element| match element {
            None => Err(StateError::Malformed { name: slot.name, len }),
            Some(bytes) => T::decode(bytes).map_err(|error| slot.undecodable(error)),
        }))
    }

    /// All elements.
    ///
    /// # Errors
    /// When what is stored is no list of `T`.
    pub fn to_vec(&self, context: &Context<'_>) -> Result<Vec<T>, StateError> {
        self.iter(context)?.collect()
    }

    /// The element at `index`, counted from zero.
    ///
    /// # Errors
    /// When what is stored is no list of `T`.
    pub fn get(&self, context: &Context<'_>, index: usize) -> Result<Option<T>, StateError> {
        let Some(bytes) = self.slot.read(context)? else { return Ok(None) };
        match self.split(bytes)?.nth(index) {
            None => Ok(None),
            Some(None) => Err(self.malformed(bytes)),
            Some(Some(element)) => T::decode(element).map(Some).map_err(|error| self.slot.undecodable(error)),
        }
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// When what is stored is no list of `T`.
    pub fn len(&self, context: &Context<'_>) -> Result<usize, StateError> {
        let Some(bytes) = self.slot.read(context)? else { return Ok(0) };
        Ok(self.split(bytes)?.count())
    }

    /// Whether there are no elements.
    ///
    /// # Errors
    /// When what is stored is no list of `T`.
    pub fn is_empty(&self, context: &Context<'_>) -> Result<bool, StateError> {
        Ok(self.len(context)? == 0)
    }

    /// Appends an element.
    ///
    /// # Errors
    /// When what is stored is no list of `T`, or the element cannot be written down.
    pub fn push(&self, context: &mut Context<'_>, element: &T) -> Result<(), StateError> {
        self.extend(context, std::iter::once(element))
    }

    /// Appends elements, writing the list once.
    ///
    /// # Errors
    /// When what is stored is no list of `T`, or an element cannot be written down.
    pub fn extend<'e>(
        &self,
        context: &mut Context<'_>,
        elements: impl IntoIterator<Item = &'e T>,
    ) -> Result<(), StateError>
    where
        T: 'e,
    {
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_none() {
            return Ok(());
        }
        let stored = match self.slot.read(context)? {
            None => sequence::empty(T::value_type().as_str()),
            Some(bytes) => {
                self.split(bytes)?;
                bytes.to_vec()
            }
        };
        self.write(context, stored, elements)
    }

    /// Replaces the whole list.
    ///
    /// # Errors
    /// When an element cannot be written down.
    pub fn set<'e>(
        &self,
        context: &mut Context<'_>,
        elements: impl IntoIterator<Item = &'e T>,
    ) -> Result<(), StateError>
    where
        T: 'e,
    {
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_none() {
            self.clear(context);
            return Ok(());
        }
        self.write(context, sequence::empty(T::value_type().as_str()), elements)
    }

    /// Removes all elements.
    pub fn clear(&self, context: &mut Context<'_>) {
        self.slot.remove(context);
    }

    fn write<'e>(
        &self,
        context: &mut Context<'_>,
        mut bytes: Vec<u8>,
        elements: impl Iterator<Item = &'e T>,
    ) -> Result<(), StateError>
    where
        T: 'e,
    {
        for element in elements {
            sequence::push(&mut bytes, &element.encode()?);
        }
        context.set_value(self.slot.index, Some(TypedValue::new(self.slot.value_type, bytes)));
        Ok(())
    }

    fn split<'b>(&self, bytes: &'b [u8]) -> Result<sequence::Elements<'b>, StateError> {
        let (found, elements) = sequence::split(bytes).ok_or_else(|| self.malformed(bytes))?;
        let expected = T::value_type().as_str();
        if found == expected {
            Ok(elements)
        } else {
            Err(self.slot.wrong_type(&format!("list of {expected}"), &format!("list of {found}")))
        }
    }

    fn malformed(&self, bytes: &[u8]) -> StateError {
        StateError::Malformed { name: self.slot.name, len: bytes.len() }
    }
}
