//! Values of durable rows.
//!
//! ```text
//!   address    text function, text id                                   text: varint length, UTF-8
//!   typename   varint n: n < 16 is a known typename (0 none), else n-16 bytes of UTF-8 follow
//!
//!   ValueRow      typename │ touched ms u64 LE │ value to the end
//!   EnvelopeRow   flags u8 │ target │ caller? │ event time i64 LE? │ request id u64 LE? │ hold? │ typename │ value to the end
//!                 flags: 1 caller, 2 event time, 4 request id, 8 hold
//!   hold          flags u8 │ level u8 │ text domain
//!                 flags: 1 counted, 2 timer
//!   DelayedRow    flags u8 │ owner │ token text? │ EnvelopeRow to the end
//!                 flags: 1 token
//! ```
//!
//! The built-in types have numbers because their typenames would be the greater part of most rows. Rows of timers,
//! idempotency entries and the system hold bytes of their owners' choosing and have no struct here.

use std::str;

use super::RowError;
use crate::{types, varint};

/// Typenames with numbers; the position is the number and so part of the format. At most 16, only ever appended to.
const TYPENAMES: [&str; 7] = ["", types::BOOL, types::INT, types::FLOAT, types::LONG, types::DOUBLE, types::STRING];

/// Numbers below this one stand for typenames.
const TYPENAMES_MAX: u64 = 16;

/// A state value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRow<'a> {
    /// Typename of the value.
    pub typename: &'a str,
    /// When it was last written, or touched if it expires after invocation; processing time.
    pub touched_ms: u64,
    /// The value.
    pub value: &'a [u8],
}

/// An instance of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRow<'a> {
    /// Typename of the function.
    pub function: &'a str,
    /// The instance's id.
    pub id: &'a str,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeRow<'a> {
    /// The receiver.
    pub target: AddressRow<'a>,
    /// The sender, if it is a function.
    pub caller: Option<AddressRow<'a>>,
    /// Typename of the value.
    pub typename: &'a str,
    /// The value.
    pub value: &'a [u8],
    /// Event time in Unix milliseconds.
    pub event_time_ms: Option<i64>,
    /// Who waits for the reply at the HTTP door.
    pub request: Option<u64>,
    /// Whose event time waits for it.
    pub hold: Option<HoldRow<'a>>,
}

/// Whose event time waits for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldRow<'a> {
    /// The ingress.
    pub domain: &'a str,
    /// The level of whoever sent it.
    pub level: u8,
    /// Whether watermarks wait for it.
    pub counted: bool,
    /// Whether it is a timer that fires.
    pub is_timer: bool,
}

/// A message to be sent later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayedRow<'a> {
    /// Who sends it and may cancel it.
    pub owner: AddressRow<'a>,
    /// The name by which it can be cancelled.
    pub token: Option<&'a str>,
    /// The message.
    pub envelope: EnvelopeRow<'a>,
}

impl<'a> ValueRow<'a> {
    /// Appends the row's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_typename(out, self.typename);
        out.extend_from_slice(&self.touched_ms.to_le_bytes());
        out.extend_from_slice(self.value);
    }

    /// Reads a row back.
    ///
    /// # Errors
    /// When `bytes` is no such row.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RowError> {
        let mut parts = Parts { row: "value", len: bytes.len(), rest: bytes };
        Ok(Self {
            typename: parts.typename()?,
            touched_ms: u64::from_le_bytes(parts.array("time of last write")?),
            value: parts.rest,
        })
    }
}

const ENVELOPE_CALLER: u8 = 1;
const ENVELOPE_EVENT_TIME: u8 = 2;
const ENVELOPE_REQUEST: u8 = 4;
const ENVELOPE_HOLD: u8 = 8;

const HOLD_COUNTED: u8 = 1;
const HOLD_TIMER: u8 = 2;

impl<'a> EnvelopeRow<'a> {
    /// Appends the row's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(self.caller.is_some(), ENVELOPE_CALLER)
                | flag(self.event_time_ms.is_some(), ENVELOPE_EVENT_TIME)
                | flag(self.request.is_some(), ENVELOPE_REQUEST)
                | flag(self.hold.is_some(), ENVELOPE_HOLD),
        );
        put_address(out, self.target);
        if let Some(caller) = self.caller {
            put_address(out, caller);
        }
        if let Some(time) = self.event_time_ms {
            out.extend_from_slice(&time.to_le_bytes());
        }
        if let Some(request) = self.request {
            out.extend_from_slice(&request.to_le_bytes());
        }
        if let Some(hold) = self.hold {
            out.push(flag(hold.counted, HOLD_COUNTED) | flag(hold.is_timer, HOLD_TIMER));
            out.push(hold.level);
            varint::put_slice(out, hold.domain.as_bytes());
        }
        put_typename(out, self.typename);
        out.extend_from_slice(self.value);
    }

    /// Reads a row back.
    ///
    /// # Errors
    /// When `bytes` is no such row.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RowError> {
        Parts { row: "message", len: bytes.len(), rest: bytes }.envelope()
    }
}

const DELAYED_TOKEN: u8 = 1;

impl<'a> DelayedRow<'a> {
    /// Appends the row's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(if self.token.is_some() { DELAYED_TOKEN } else { 0 });
        put_address(out, self.owner);
        if let Some(token) = self.token {
            varint::put_slice(out, token.as_bytes());
        }
        self.envelope.encode(out);
    }

    /// Reads a row back.
    ///
    /// # Errors
    /// When `bytes` is no such row.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, RowError> {
        let mut parts = Parts { row: "delayed message", len: bytes.len(), rest: bytes };
        let flags = parts.flags(DELAYED_TOKEN)?;
        Ok(Self {
            owner: parts.address("owner")?,
            token: if flags & DELAYED_TOKEN == 0 { None } else { Some(parts.text("token")?) },
            envelope: parts.envelope()?,
        })
    }
}

fn put_typename(out: &mut Vec<u8>, typename: &str) {
    match TYPENAMES.iter().position(|&known| known == typename) {
        Some(number) => varint::put(out, number as u64),
        None => {
            varint::put(out, typename.len() as u64 + TYPENAMES_MAX);
            out.extend_from_slice(typename.as_bytes());
        }
    }
}

fn put_address(out: &mut Vec<u8>, address: AddressRow<'_>) {
    varint::put_slice(out, address.function.as_bytes());
    varint::put_slice(out, address.id.as_bytes());
}

struct Parts<'a> {
    row: &'static str,
    len: usize,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn invalid(&self, part: &'static str) -> RowError {
        RowError::Value { row: self.row, len: self.len, part }
    }

    /// Flags say which parts follow, so an unknown one makes the rest unreadable.
    fn flags(&mut self, known: u8) -> Result<u8, RowError> {
        let [flags] = self.array("flags")?;
        if flags & !known == 0 { Ok(flags) } else { Err(self.invalid("flags")) }
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], RowError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.invalid(part))?;
        self.rest = rest;
        Ok(*head)
    }

    fn text(&mut self, part: &'static str) -> Result<&'a str, RowError> {
        let text = varint::take_slice(&mut self.rest).ok_or_else(|| self.invalid(part))?;
        str::from_utf8(text).map_err(|_| self.invalid(part))
    }

    fn address(&mut self, part: &'static str) -> Result<AddressRow<'a>, RowError> {
        Ok(AddressRow { function: self.text(part)?, id: self.text(part)? })
    }

    fn typename(&mut self) -> Result<&'a str, RowError> {
        let part = "typename";
        let number = varint::take(&mut self.rest).ok_or_else(|| self.invalid(part))?;
        let Some(len) = number.checked_sub(TYPENAMES_MAX) else {
            return TYPENAMES.get(number as usize).copied().ok_or_else(|| self.invalid(part));
        };
        let len = usize::try_from(len).map_err(|_| self.invalid(part))?;
        let (text, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.invalid(part))?;
        self.rest = rest;
        str::from_utf8(text).map_err(|_| self.invalid(part))
    }

    fn hold(&mut self) -> Result<HoldRow<'a>, RowError> {
        let flags = self.flags(HOLD_COUNTED | HOLD_TIMER)?;
        let [level] = self.array("level")?;
        let domain = self.text("domain")?;
        Ok(HoldRow { domain, level, counted: flags & HOLD_COUNTED != 0, is_timer: flags & HOLD_TIMER != 0 })
    }

    fn envelope(mut self) -> Result<EnvelopeRow<'a>, RowError> {
        let flags = self.flags(ENVELOPE_CALLER | ENVELOPE_EVENT_TIME | ENVELOPE_REQUEST | ENVELOPE_HOLD)?;
        let target = self.address("target")?;
        let caller = if flags & ENVELOPE_CALLER == 0 { None } else { Some(self.address("caller")?) };
        let event_time_ms =
            if flags & ENVELOPE_EVENT_TIME == 0 { None } else { Some(i64::from_le_bytes(self.array("event time")?)) };
        let request =
            if flags & ENVELOPE_REQUEST == 0 { None } else { Some(u64::from_le_bytes(self.array("request id")?)) };
        let hold = if flags & ENVELOPE_HOLD == 0 { None } else { Some(self.hold()?) };
        let typename = self.typename()?;
        Ok(EnvelopeRow { target, caller, typename, value: self.rest, event_time_ms, request, hold })
    }
}

#[cfg(test)]
mod tests;
