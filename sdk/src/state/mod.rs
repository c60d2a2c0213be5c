//! Typed state: handles that a function declares once and reads and writes through its context.
//!
//! A handle knows the position, the name and the type of its state; the values belong to the address that runs. What
//! was written is seen by later reads of the same invocation, and stored when the function returns `Ok`.
//!
//! | Handle | Holds | One write costs |
//! |---|---|---|
//! | [`Value`] | one value, or none | its size |
//! | [`List`] | values in order | the size of the list |
//! | [`Map`] | values by key | the size of the map |
//! | [`Buffer`] | values to append and look at later | the size of the buffer |
//!
//! Lists, maps and buffers are stored as *one* value each, which works in both homes and with every runtime of the wire
//! protocol. They are meant for tens or hundreds of entries; what may grow beyond that wants an address per entry.

mod buffer;
mod list;
mod map;
mod sequence;
#[cfg(test)]
mod tests;
mod value;

use statefun::function::{Expiration, StateSpec};
use statefun::{Symbol, ValueType};
use std::time::Duration;

pub use buffer::Buffer;
pub use list::List;
pub use map::Map;
pub use value::Value;

use crate::{Context, Decode, DecodeError, EncodeError};

/// The declaration of a function's states. Handed to the function's constructor; gives out the handles.
///
/// A handle is a position in this declaration, so it belongs to the function that declared it and means nothing in the
/// context of another.
///
/// ```
/// use std::time::Duration;
/// use statefun_sdk::{List, States, Value};
///
/// struct Session {
///     user: Value<String>,
///     clicks: List<String>,
/// }
///
/// impl Session {
///     fn new(states: &mut States<'_>) -> Self {
///         let mut expiring = states.expire_after_invoke(Duration::from_secs(30 * 60));
///         Self { user: expiring.value("user"), clicks: expiring.list("clicks") }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct States<'a> {
    specs: &'a mut Vec<StateSpec>,
    expiration: Expiration,
}

impl<'a> States<'a> {
    pub(crate) fn new(specs: &'a mut Vec<StateSpec>) -> Self {
        Self { specs, expiration: Expiration::Never }
    }

    /// For the states declared on the result: they cease to exist so long after they were last written.
    pub fn expire_after_write(&mut self, ttl: Duration) -> States<'_> {
        States { specs: self.specs, expiration: Expiration::AfterWrite(ttl) }
    }

    /// For the states declared on the result: they cease to exist so long after the last write or the last message.
    pub fn expire_after_invoke(&mut self, ttl: Duration) -> States<'_> {
        States { specs: self.specs, expiration: Expiration::AfterInvoke(ttl) }
    }

    /// Declares one value.
    ///
    /// # Panics
    /// When the function has a state of that name already, or the name is empty.
    pub fn value<T: Decode>(&mut self, name: &str) -> Value<T> {
        Value::new(self.declare(name, T::value_type()))
    }

    /// Declares a list.
    ///
    /// # Panics
    /// When the function has a state of that name already, or the name is empty.
    pub fn list<T: Decode>(&mut self, name: &str) -> List<T> {
        List::new(self.declare(name, sequence::value_type()))
    }

    /// Declares a map.
    ///
    /// # Panics
    /// When the function has a state of that name already, or the name is empty.
    pub fn map<K: Decode, V: Decode>(&mut self, name: &str) -> Map<K, V> {
        Map::new(self.declare(name, map::value_type()))
    }

    /// Declares a buffer.
    ///
    /// # Panics
    /// When the function has a state of that name already, or the name is empty.
    pub fn buffer<T: Decode>(&mut self, name: &str) -> Buffer<T> {
        Buffer::new(self.declare(name, sequence::value_type()))
    }

    fn declare(&mut self, name: &str, value_type: ValueType) -> Slot {
        assert!(!name.is_empty(), "a state needs a name");
        let name = Symbol::intern(name).expect("an application has fewer names than a process can remember");
        assert!(self.specs.iter().all(|spec| spec.name != name), "the state {name:?} is declared twice");
        self.specs.push(StateSpec { name, value_type, expiration: self.expiration });
        Slot { index: self.specs.len() - 1, name, value_type }
    }
}

/// Which of its function's states a handle means.
#[derive(Clone, Copy, Debug)]
struct Slot {
    index: usize,
    name: Symbol,
    value_type: ValueType,
}

impl Slot {
    /// The stored bytes, of the declared type.
    #[inline]
    fn read<'c>(&self, context: &'c Context<'_>) -> Result<Option<&'c [u8]>, StateError> {
        let Some(value) = context.value(self.index) else { return Ok(None) };
        self.check(self.value_type, value.value_type)?;
        Ok(Some(value.bytes.as_slice()))
    }

    #[inline]
    fn check(&self, expected: ValueType, found: ValueType) -> Result<(), StateError> {
        if expected == found { Ok(()) } else { Err(self.wrong_type(expected.as_str(), found.as_str())) }
    }

    fn wrong_type(&self, expected: &str, found: &str) -> StateError {
        StateError::Type { name: self.name, expected: expected.to_owned(), found: found.to_owned() }
    }

    fn undecodable(&self, source: DecodeError) -> StateError {
        StateError::Decode { name: self.name, source }
    }

    fn remove(&self, context: &mut Context<'_>) {
        context.set_value(self.index, None);
    }
}

/// A state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It holds something of another type.
    #[error("the state {name} holds a {found}, declared was a {expected}")]
    Type {
        /// Which state.
        name: Symbol,
        /// The typename that the function declares.
        expected: String,
        /// The typename of what is stored.
        found: String,
    },
    /// Its bytes cannot be read.
    #[error("the state {name} cannot be read: {source}")]
    Decode {
        /// Which state.
        name: Symbol,
        /// What is wrong with its bytes.
        source: DecodeError,
    },
    /// Its bytes are no list or map.
    #[error("the state {name} holds {len} bytes that are no list, map or buffer")]
    Malformed {
        /// Which state.
        name: Symbol,
        /// How many bytes there are.
        len: usize,
    },
    /// The value to store cannot be written down.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
