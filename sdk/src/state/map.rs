//! Values by key.
//!
//! ```text
//!   message Map {
//!     string key_type = 1;
//!     string value_type = 2;
//!     repeated Entry entries = 3;  ordered by the bytes of the key
//!   }
//!   message Entry { bytes key = 1; bytes value = 2; }
//! ```
//!
//! A protobuf message, so that other languages can read it. The format is stored for years: change it only by adding.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::marker::PhantomData;

use statefun::{TypedValue, ValueType};

use super::sequence::{put, take};
use super::{Slot, StateError};
use crate::{Context, Decode, Encode};

const KEY_TYPE: u8 = 0x0a;
const VALUE_TYPE: u8 = 0x12;
const ENTRY: u8 = 0x1a;
const ENTRY_KEY: u8 = 0x0a;
const ENTRY_VALUE: u8 = 0x12;

/// The typename of maps.
pub(super) fn value_type() -> ValueType {
    crate::value_type!("io.statefun.state/map")
}

/// A state that holds values by key. Declared with [`States::map`](super::States::map).
///
/// Two keys are the same when their encodings are. Stored as one value: each change writes the whole map, a look-up
/// walks it. An empty map and no map are the same.
#[derive(Debug)]
pub struct Map<K, V> {
    slot: Slot,
    of: PhantomData<fn() -> (K, V)>,
}

impl<K: Decode, V: Decode> Map<K, V> {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, of: PhantomData }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When what is stored is no such map, or the key cannot be written down.
    pub fn get<Q>(&self, context: &Context<'_>, key: &Q) -> Result<Option<V>, StateError>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        let key = key.encode()?;
        let Some(body) = self.body(context)? else { return Ok(None) };
        match find(body.entries, &key).ok_or_else(|| self.malformed(body))? {
            Place::Taken { value, .. } => V::decode(value).map(Some).map_err(|error| self.slot.undecodable(error)),
            Place::Free { .. } => Ok(None),
        }
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// When what is stored is no such map, or the key cannot be written down.
    pub fn contains<Q>(&self, context: &Context<'_>, key: &Q) -> Result<bool, StateError>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        let key = key.encode()?;
        let Some(body) = self.body(context)? else { return Ok(false) };
        let place = find(body.entries, &key).ok_or_else(|| self.malformed(body))?;
        Ok(matches!(place, Place::Taken { .. }))
    }

    /// All keys and values, ordered by the encoding of the keys, decoded one by one as they are asked for.
    ///
    /// # Errors
    /// When what is stored is no such map. An entry that cannot be read is an error in its place.
    pub fn iter<'c>(
        &self,
        context: &'c Context<'_>,
    ) -> Result<impl Iterator<Item = Result<(K, V), StateError>> + use<'c, K, V>, StateError> {
        let slot = self.slot;
        let body = self.body(context)?.unwrap_or_default();
        let entries = Entries { rest: body.entries };
        Ok(entries.map(move |entry| {
            let Some((key, value)) = entry else {
                return Err(StateError::Malformed { name: slot.name, len: body.whole.len() });
            };
            let key = K::decode(key).map_err(|error| slot.undecodable(error))?;
            let value = V::decode(value).map_err(|error| slot.undecodable(error))?;
            Ok((key, value))
        }))
    }

    /// All keys and values, ordered by the encoding of the keys.
    ///
    /// # Errors
    /// When what is stored is no such map.
    pub fn to_vec(&self, context: &Context<'_>) -> Result<Vec<(K, V)>, StateError> {
        self.iter(context)?.collect()
    }

    /// How many keys there are.
    ///
    /// # Errors
    /// When what is stored is no such map.
    pub fn len(&self, context: &Context<'_>) -> Result<usize, StateError> {
        Ok(self.body(context)?.map_or(0, |body| Entries { rest: body.entries }.count()))
    }

    /// Whether there are no keys.
    ///
    /// # Errors
    /// When what is stored is no such map.
    pub fn is_empty(&self, context: &Context<'_>) -> Result<bool, StateError> {
        Ok(self.body(context)?.is_none_or(|body| body.entries.is_empty()))
    }

    /// Gives a key a value, in place of the one it may have.
    ///
    /// # Errors
    /// When what is stored is no such map, or key or value cannot be written down.
    pub fn insert<Q>(&self, context: &mut Context<'_>, key: &Q, value: &V) -> Result<(), StateError>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        let (key, value) = (key.encode()?, value.encode()?);
        let mut entry = Vec::with_capacity(key.len() + value.len() + 12);
        put(&mut entry, ENTRY_KEY, &key);
        put(&mut entry, ENTRY_VALUE, &value);

        let mut out = Vec::new();
        match self.body(context)? {
            None => {
                put(&mut out, KEY_TYPE, K::value_type().as_str().as_bytes());
                put(&mut out, VALUE_TYPE, V::value_type().as_str().as_bytes());
                put(&mut out, ENTRY, &entry);
            }
            Some(body) => {
                let (start, end) = match find(body.entries, &key).ok_or_else(|| self.malformed(body))? {
                    Place::Taken { start, end, .. } => (start, end),
                    Place::Free { at } => (at, at),
                };
                let header = body.whole.len() - body.entries.len();
                out.reserve(body.whole.len() + entry.len() + 12);
                out.extend_from_slice(&body.whole[..header + start]);
                put(&mut out, ENTRY, &entry);
                out.extend_from_slice(&body.entries[end..]);
            }
        }
        self.write(context, out);
        Ok(())
    }

    /// Removes a key; `false` when it was not there.
    ///
    /// # Errors
    /// When what is stored is no such map, or the key cannot be written down.
    pub fn remove<Q>(&self, context: &mut Context<'_>, key: &Q) -> Result<bool, StateError>
    where
        K: Borrow<Q>,
        Q: Encode + ?Sized,
    {
        let key = key.encode()?;
        let Some(body) = self.body(context)? else { return Ok(false) };
        let Place::Taken { start, end, .. } = find(body.entries, &key).ok_or_else(|| self.malformed(body))? else {
            return Ok(false);
        };
        if end - start == body.entries.len() {
            self.clear(context);
            return Ok(true);
        }
        let header = body.whole.len() - body.entries.len();
        let out = [&body.whole[..header + start], &body.entries[end..]].concat();
        self.write(context, out);
        Ok(true)
    }

    /// Removes all keys.
    pub fn clear(&self, context: &mut Context<'_>) {
        self.slot.remove(context);
    }

    fn write(&self, context: &mut Context<'_>, bytes: Vec<u8>) {
        context.set_value(self.slot.index, Some(TypedValue::new(self.slot.value_type, bytes)));
    }

    /// The stored map, if there is one and it is of the right types.
    fn body<'c>(&self, context: &'c Context<'_>) -> Result<Option<Body<'c>>, StateError> {
        let Some(whole) = self.slot.read(context)? else { return Ok(None) };
        let mut entries = whole;
        let types = take(&mut entries, KEY_TYPE).zip(take(&mut entries, VALUE_TYPE));
        let body = Body { whole, entries };
        let (key, value) = types.ok_or_else(|| self.malformed(body))?;
        let expected = (K::value_type().as_str(), V::value_type().as_str());
        if (key, value) == (expected.0.as_bytes(), expected.1.as_bytes()) {
            return Ok(Some(body));
        }
        let name = |(key, value): (&str, &str)| format!("map of {key} to {value}");
        let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        Err(self.slot.wrong_type(&name(expected), &name((&key, &value))))
    }

    fn malformed(&self, body: Body<'_>) -> StateError {
        StateError::Malformed { name: self.slot.name, len: body.whole.len() }
    }
}

#[derive(Clone, Copy, Default)]
struct Body<'a> {
    whole: &'a [u8],
    /// The end of `whole`, behind the names of the types.
    entries: &'a [u8],
}

/// Where a key is or would be, as positions in the entries.
enum Place<'a> {
    Taken { start: usize, end: usize, value: &'a [u8] },
    Free { at: usize },
}

/// `None` when the entries are malformed up to the key's place.
fn find<'a>(entries: &'a [u8], key: &[u8]) -> Option<Place<'a>> {
    let mut walk = Entries { rest: entries };
    loop {
        let start = entries.len() - walk.rest.len();
        let Some(entry) = walk.next() else { return Some(Place::Free { at: start }) };
        let (found, value) = entry?;
        match found.cmp(key) {
            Ordering::Less => {}
            Ordering::Equal => return Some(Place::Taken { start, end: entries.len() - walk.rest.len(), value }),
            Ordering::Greater => return Some(Place::Free { at: start }),
        }
    }
}

/// The entries of a map, in order. After a malformed one nothing follows.
struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    /// Key and value; `None` for a malformed entry.
    type Item = Option<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = take(&mut self.rest, ENTRY)
            .and_then(|mut entry| take(&mut entry, ENTRY_KEY).zip(take(&mut entry, ENTRY_VALUE)));
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry)
    }
}
