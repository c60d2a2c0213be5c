//! Keys of durable rows.
//!
//! ```text
//!   ┌──────────┬──────┬─────────────────────────────────────────────────────┐
//!   │ group    │ kind │                                                     │
//!   │ u16 BE   │ u8   │                                                     │
//!   ├──────────┼──────┼─────────────────────────────────────────────────────┤
//!   │ 0…fffe   │ 01   │ function 0 │ id 0 │ state name                      │  a value
//!   │          │ 02   │ seq u64 BE                                          │  a waiting message
//!   │          │ 03   │ due ms u64 BE │ seq u64 BE                          │  a delayed message
//!   │          │ 04   │ time i64 BE, sign flipped │ function 0 │ id 0 │ ns  │  an event-time timer
//!   │          │ 05   │ function 0 │ id 0 │ caller's key                    │  an idempotency entry
//!   ├──────────┼──────┴─────────────────────────────────────────────────────┤
//!   │ ffff     │ participant 0 │ suffix                                     │  of the system
//!   └──────────┴────────────────────────────────────────────────────────────┘
//!     "x 0": text x with zero and one escaped, ended by a zero byte (segment.rs); the last part needs no end
//! ```
//!
//! # Invariants
//! * Keys compare as bytes as their parts compare from left to right. Key order is part of the format.
//! * A kind's byte, once used, is never used again for something else.
//! * A key group is below [`GROUP_SYSTEM`]; rows of the system belong to no key group and stay with their participant.

use std::borrow::Cow;

use super::segment;

/// Where key groups end: the first two bytes of rows that belong to no key group.
pub const GROUP_SYSTEM: u16 = u16::MAX;

/// The byte that tells what a row of a key group is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// A state value.
    Value = 0x01,
    /// A message that its target has not finished.
    Waiting = 0x02,
    /// A message to be sent later.
    Delayed = 0x03,
    /// An event-time timer.
    Timer = 0x04,
    /// A request with an idempotency key.
    Idempotency = 0x05,
}

/// The key of a durable row, its parts borrowed where possible.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey<'a> {
    /// A state value of an instance.
    Value {
        /// The instance's key group.
        group: u16,
        /// Typename of its function.
        function: Cow<'a, str>,
        /// Its id.
        id: Cow<'a, str>,
        /// Name of the state.
        state: Cow<'a, str>,
    },
    /// A message that its target has not finished.
    Waiting {
        /// The target's key group.
        group: u16,
        /// Order of arrival within the group.
        seq: u64,
    },
    /// A message to be sent later.
    Delayed {
        /// The key group of its owner, who may cancel it.
        group: u16,
        /// When, in processing time.
        due_ms: u64,
        /// Order among equal times.
        seq: u64,
    },
    /// An event-time timer.
    Timer {
        /// The instance's key group.
        group: u16,
        /// When, in event time (Unix milliseconds).
        time_ms: i64,
        /// Typename of the function to be told.
        function: Cow<'a, str>,
        /// The instance to be told.
        id: Cow<'a, str>,
        /// Tells timers of one instance and time apart.
        namespace: Cow<'a, [u8]>,
    },
    /// A request with an idempotency key.
    Idempotency {
        /// The target's key group.
        group: u16,
        /// Typename of the target's function.
        function: Cow<'a, str>,
        /// The target's id.
        id: Cow<'a, str>,
        /// The caller's key.
        key: Cow<'a, [u8]>,
    },
    /// Something that belongs to a participant and to no key group: positions, sink batches, specs, counters.
    System {
        /// Whose it is.
        participant: Cow<'a, str>,
        /// What it is, in the participant's own order.
        suffix: Cow<'a, [u8]>,
    },
}

/// Bytes that are no row. Storage verifies checksums before it decodes, so this means a bug or a newer program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The key is too short for its kind, or too long.
    #[error("row key {} ends where {part} should be", .key.escape_ascii())]
    Key {
        /// The whole key.
        key: Vec<u8>,
        /// What could not be read.
        part: &'static str,
    },
    /// Nobody knows this kind.
    #[error("row key {} is of kind {kind:#04x}, which this program does not know", .key.escape_ascii())]
    Kind {
        /// The whole key.
        key: Vec<u8>,
        /// The unknown kind.
        kind: u8,
    },
    /// The value does not hold what rows of its kind hold.
    #[error("value of a {row} row of {len} bytes has no valid {part}")]
    Value {
        /// What the row is about.
        row: &'static str,
        /// How long the value is.
        len: usize,
        /// What could not be read.
        part: &'static str,
    },
}

impl<'a> RowKey<'a> {
    /// Appends the key's bytes.
    ///
    /// # Panics
    /// When the group of a row other than [`RowKey::System`] is [`GROUP_SYSTEM`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value { group, function, id, state } => {
                put_instance_prefix(out, *group, RowKind::Value, function, id);
                out.extend_from_slice(state.as_bytes());
            }
            Self::Waiting { group, seq } => {
                put_kind_prefix(out, *group, RowKind::Waiting);
                out.extend_from_slice(&seq.to_be_bytes());
            }
            Self::Delayed { group, due_ms, seq } => {
                put_kind_prefix(out, *group, RowKind::Delayed);
                out.extend_from_slice(&due_ms.to_be_bytes());
                out.extend_from_slice(&seq.to_be_bytes());
            }
            Self::Timer { group, time_ms, function, id, namespace } => {
                put_kind_prefix(out, *group, RowKind::Timer);
                out.extend_from_slice(&flip_sign(*time_ms).to_be_bytes());
                segment::put(out, function.as_bytes());
                segment::put(out, id.as_bytes());
                out.extend_from_slice(namespace);
            }
            Self::Idempotency { group, function, id, key } => {
                put_instance_prefix(out, *group, RowKind::Idempotency, function, id);
                out.extend_from_slice(key);
            }
            Self::System { participant, suffix } => {
                put_system_prefix(out, participant);
                out.extend_from_slice(suffix);
            }
        }
    }

    /// The key's bytes, on their own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        self.encode(&mut out);
        out
    }

    /// Which key group the row belongs to; [`GROUP_SYSTEM`] for rows of the system.
    #[must_use]
    pub fn group(&self) -> u16 {
        match self {
            Self::Value { group, .. }
            | Self::Waiting { group, .. }
            | Self::Delayed { group, .. }
            | Self::Timer { group, .. }
            | Self::Idempotency { group, .. } => *group,
            Self::System { .. } => GROUP_SYSTEM,
        }
    }

    /// Reads a key back; texts without control characters are borrowed from `bytes`.
    ///
    /// # Errors
    /// When `bytes` is not exactly one key of a known kind.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RowError> {
        let mut parts = Parts { key: bytes, rest: bytes };
        let group = u16::from_be_bytes(parts.array("group")?);
        if group == GROUP_SYSTEM {
            return Ok(Self::System { participant: parts.text("participant")?, suffix: parts.remainder() });
        }
        let [kind] = parts.array("kind")?;
        Ok(match kind {
            kind if kind == RowKind::Value as u8 => Self::Value {
                group,
                function: parts.text("function")?,
                id: parts.text("id")?,
                state: parts.remaining_text("state name")?,
            },
            kind if kind == RowKind::Waiting as u8 => {
                let seq = u64::from_be_bytes(parts.array("sequence number")?);
                parts.end()?;
                Self::Waiting { group, seq }
            }
            kind if kind == RowKind::Delayed as u8 => {
                let due_ms = u64::from_be_bytes(parts.array("due time")?);
                let seq = u64::from_be_bytes(parts.array("sequence number")?);
                parts.end()?;
                Self::Delayed { group, due_ms, seq }
            }
            kind if kind == RowKind::Timer as u8 => Self::Timer {
                group,
                time_ms: unflip_sign(u64::from_be_bytes(parts.array("event time")?)),
                function: parts.text("function")?,
                id: parts.text("id")?,
                namespace: parts.remainder(),
            },
            kind if kind == RowKind::Idempotency as u8 => Self::Idempotency {
                group,
                function: parts.text("function")?,
                id: parts.text("id")?,
                key: parts.remainder(),
            },
            kind => return Err(RowError::Kind { key: bytes.to_vec(), kind }),
        })
    }
}

/// Appends what all keys of `kind` in `group` begin with.
///
/// # Panics
/// When `group` is [`GROUP_SYSTEM`].
pub fn put_kind_prefix(out: &mut Vec<u8>, group: u16, kind: RowKind) {
    assert_ne!(group, GROUP_SYSTEM, "a {kind:?} row belongs to a key group");
    out.extend_from_slice(&group.to_be_bytes());
    out.push(kind as u8);
}

/// Appends what all keys of `kind` of one instance begin with. For [`RowKind::Value`] and [`RowKind::Idempotency`].
///
/// # Panics
/// When `group` is [`GROUP_SYSTEM`].
pub fn put_instance_prefix(out: &mut Vec<u8>, group: u16, kind: RowKind, function: &str, id: &str) {
    put_kind_prefix(out, group, kind);
    segment::put(out, function.as_bytes());
    segment::put(out, id.as_bytes());
}

/// Appends what all keys of a participant's own rows begin with.
pub fn put_system_prefix(out: &mut Vec<u8>, participant: &str) {
    out.extend_from_slice(&GROUP_SYSTEM.to_be_bytes());
    segment::put(out, participant.as_bytes());
}

/// Signed numbers in the order of unsigned ones.
fn flip_sign(value: i64) -> u64 {
    (value as u64) ^ (1 << 63)
}

fn unflip_sign(value: u64) -> i64 {
    (value ^ (1 << 63)) as i64
}

struct Parts<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn missing(&self, part: &'static str) -> RowError {
        RowError::Key { key: self.key.to_vec(), part }
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], RowError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.missing(part))?;
        self.rest = rest;
        Ok(*head)
    }

    fn text(&mut self, part: &'static str) -> Result<Cow<'a, str>, RowError> {
        let text = segment::take(&mut self.rest).ok_or_else(|| self.missing(part))?;
        match text {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| self.missing(part)),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| self.missing(part)),
        }
    }

    fn remaining_text(&mut self, part: &'static str) -> Result<Cow<'a, str>, RowError> {
        std::str::from_utf8(self.rest).map(Cow::Borrowed).map_err(|_| self.missing(part))
    }

    fn remainder(&mut self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self.rest)
    }

    fn end(&self) -> Result<(), RowError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.missing("the end")) }
    }
}

#[cfg(test)]
mod tests;
