//! Between rows of nouns and rows of bytes.
//!
//! Rows of key groups have the layouts of [`statefun_protocol::storage`]. Rows that belong to no key group stand under
//! their owner's name; the first byte of the rest says what they are and is never used again for something else:
//!
//! ```text
//!   owner             suffix
//!   function type     01                    the states it declared when it was last asked
//!   ingress           02 │ partition        how far a partition has been read
//!   egress            03 │ seq u64 BE       a record that is not published yet
//!   participant       04                    the greatest processing time it has seen
//!   participant       05                    how far event time had come for it
//! ```

mod egress;
mod fields;
mod names;
mod value;

use std::borrow::Cow;

use bytes::Bytes;
use statefun::{Address, AddressError, EventTime, KeyGroup, ProcessingTime, Symbol, SymbolError};
use statefun_ports::rows::{RowKey, RowValue, Stored};
use statefun_protocol::storage::{self, RowError};

pub(crate) use names::Names;

const SPECS: u8 = 1;
const POSITION: u8 = 2;
const OUTBOX: u8 = 3;
const CLOCK: u8 = 4;
const TIME: u8 = 5;

/// Bytes that are no row. Checksums are verified before, so this means a bug or a newer program.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum CodecError {
    /// Not the layout of a row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A typename that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The process knows too many names.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// A field is missing or means nothing.
    #[error("{row} row has no valid {part}")]
    Field {
        /// What the row is about.
        row: &'static str,
        /// What could not be read.
        part: &'static str,
    },
}

/// What a row that belongs to no key group is, for those who look at bytes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SystemRow {
    /// [`RowKey::Specs`].
    Specs,
    /// [`RowKey::Position`].
    Position,
    /// [`RowKey::Outbox`], with its sequence number.
    Outbox(u64),
}

impl SystemRow {
    /// What the bytes behind the owner's name say; `None` for clocks and for what a later program may have added.
    pub(crate) fn of(suffix: &[u8]) -> Option<Self> {
        match suffix.split_first()? {
            (&SPECS, []) => Some(Self::Specs),
            (&POSITION, _) => Some(Self::Position),
            (&OUTBOX, seq) => seq.try_into().ok().map(u64::from_be_bytes).map(Self::Outbox),
            _ => None,
        }
    }
}

/// Appends a key's bytes.
pub(crate) fn encode_key(key: &RowKey, out: &mut Vec<u8>) {
    let system = |out: &mut Vec<u8>, owner: &str, kind: u8, rest: &[u8]| {
        storage::row::put_system_prefix(out, owner);
        out.push(kind);
        out.extend_from_slice(rest);
    };
    match key {
        RowKey::Value { group, address, name } => encode_value_key(*group, address, *name, out),
        RowKey::Waiting { group, seq } => storage::RowKey::Waiting { group: group.0, seq: *seq }.encode(out),
        RowKey::Delayed { group, due, seq } => {
            storage::RowKey::Delayed { group: group.0, due_ms: due.0, seq: *seq }.encode(out);
        }
        RowKey::Idempotency { group, address, key } => storage::RowKey::Idempotency {
            group: group.0,
            function: Cow::Borrowed(address.function.as_str()),
            id: Cow::Borrowed(&address.id),
            key: Cow::Borrowed(key.as_bytes()),
        }
        .encode(out),
        RowKey::Timer { group, address, at } => storage::RowKey::Timer {
            group: group.0,
            time_ms: at.0,
            function: Cow::Borrowed(address.function.as_str()),
            id: Cow::Borrowed(&address.id),
            namespace: Cow::Borrowed(&[]),
        }
        .encode(out),
        RowKey::Time { participant } => system(out, participant, TIME, &[]),
        RowKey::Specs { function } => system(out, function.as_str(), SPECS, &[]),
        RowKey::Position { source, partition } => system(out, source.as_str(), POSITION, partition.as_bytes()),
        RowKey::Outbox { sink, seq } => system(out, sink.as_str(), OUTBOX, &seq.to_be_bytes()),
        RowKey::Clock { participant } => system(out, participant, CLOCK, &[]),
    }
}

/// Appends the bytes of a state value's key, without the noun.
pub(crate) fn encode_value_key(group: KeyGroup, address: &Address, name: Symbol, out: &mut Vec<u8>) {
    storage::RowKey::Value {
        group: group.0,
        function: Cow::Borrowed(address.function.as_str()),
        id: Cow::Borrowed(&address.id),
        state: Cow::Borrowed(name.as_str()),
    }
    .encode(out);
}

/// Appends a value's bytes.
pub(crate) fn encode_value(value: &RowValue, out: &mut Vec<u8>) {
    value::encode(value, out);
}

/// Appends a state value's bytes.
pub(crate) fn encode_stored(stored: &Stored, out: &mut Vec<u8>) {
    value::encode_stored(stored, out);
}

/// Reads a row back.
pub(crate) fn decode(key: &[u8], value: &[u8], names: &mut Names) -> Result<(RowKey, RowValue), CodecError> {
    use storage::RowKey as Key;
    Ok(match Key::decode(key)? {
        Key::Value { group, function, id, state } => {
            let address = Address::new(names.function(&function)?, &*id);
            let key = RowKey::Value { group: KeyGroup(group), address, name: names.state(&state)? };
            (key, RowValue::Value(value::decode_stored(value, names)?))
        }
        Key::Waiting { group, seq } => {
            let envelope = value::decode_envelope(value, names)?;
            (RowKey::Waiting { group: KeyGroup(group), seq }, RowValue::Waiting(envelope))
        }
        Key::Delayed { group, due_ms, seq } => {
            let key = RowKey::Delayed { group: KeyGroup(group), due: ProcessingTime(due_ms), seq };
            (key, RowValue::Delayed(value::decode_delayed(value, names)?))
        }
        Key::Idempotency { group, function, id, key } => {
            let address = Address::new(names.function(&function)?, &*id);
            let key = text("idempotency", "caller's key", &key)?.into();
            let kept = value::decode_request(value, names)?;
            (RowKey::Idempotency { group: KeyGroup(group), address, key }, RowValue::Idempotency(kept))
        }
        Key::Timer { group, time_ms, function, id, namespace } => {
            if !namespace.is_empty() {
                return Err(CodecError::Field { row: "timer", part: "meaning in this program" });
            }
            let address = Address::new(names.function(&function)?, &*id);
            (
                RowKey::Timer { group: KeyGroup(group), address, at: EventTime(time_ms) },
                value::decode_timer(value, names)?,
            )
        }
        Key::System { participant, suffix } => decode_system(&participant, &suffix, value, names)?,
    })
}

fn decode_system(
    owner: &str,
    suffix: &[u8],
    value: &[u8],
    names: &mut Names,
) -> Result<(RowKey, RowValue), CodecError> {
    let (&kind, rest) = suffix.split_first().ok_or(CodecError::Field { row: "system", part: "kind" })?;
    Ok(match kind {
        SPECS if rest.is_empty() => {
            let key = RowKey::Specs { function: names.function(owner)? };
            (key, RowValue::Specs(value::decode_specs(value, names)?))
        }
        POSITION => {
            let partition = text("position", "partition", rest)?.into();
            (RowKey::Position { source: Symbol::intern(owner)?, partition }, value::decode_position(value)?)
        }
        OUTBOX => {
            let seq = rest.try_into().map_err(|_| CodecError::Field { row: "outbox", part: "sequence number" })?;
            let key = RowKey::Outbox { sink: Symbol::intern(owner)?, seq: u64::from_be_bytes(seq) };
            (key, RowValue::Outbox(egress::decode(value, names)?))
        }
        CLOCK if rest.is_empty() => (RowKey::Clock { participant: owner.into() }, value::decode_clock(value)?),
        TIME if rest.is_empty() => {
            (RowKey::Time { participant: owner.into() }, RowValue::Time(Bytes::copy_from_slice(value)))
        }
        _ => return Err(CodecError::Field { row: "system", part: "kind" }),
    })
}

fn text<'a>(row: &'static str, part: &'static str, bytes: &'a [u8]) -> Result<&'a str, CodecError> {
    std::str::from_utf8(bytes).map_err(|_| CodecError::Field { row, part })
}

#[cfg(test)]
mod tests;
