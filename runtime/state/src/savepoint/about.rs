//! Whose a row is, read from its bytes.

use std::borrow::Cow;

use statefun_protocol::storage::{DelayedRow, EnvelopeRow, RowError, RowKey};

use crate::codec::SystemRow;

/// Whose a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About<'a> {
    /// A value of an address.
    Value { function: Cow<'a, str>, id: Cow<'a, str> },
    /// A message that its target has not finished.
    Waiting { function: Cow<'a, str> },
    /// A message that will be sent later.
    Delayed { function: Cow<'a, str> },
    /// An event-time timer.
    Timer { function: Cow<'a, str> },
    /// A remembered idempotency key.
    Idempotency { function: Cow<'a, str> },
    /// What a function type declared.
    Specs { function: Cow<'a, str> },
    /// How far an ingress has read.
    Position { ingress: Cow<'a, str> },
    /// A record that an egress has not published.
    Outbox { egress: Cow<'a, str>, seq: u64 },
    /// Anything else.
    Other,
}

impl<'a> About<'a> {
    pub(crate) fn row(key: &'a [u8], value: &'a [u8]) -> Result<Self, RowError> {
        Ok(match RowKey::decode(key)? {
            RowKey::Value { function, id, .. } => Self::Value { function, id },
            RowKey::Waiting { .. } => {
                Self::Waiting { function: Cow::Borrowed(EnvelopeRow::decode(value)?.target.function) }
            }
            RowKey::Delayed { .. } => {
                Self::Delayed { function: Cow::Borrowed(DelayedRow::decode(value)?.envelope.target.function) }
            }
            RowKey::Timer { function, .. } => Self::Timer { function },
            RowKey::Idempotency { function, .. } => Self::Idempotency { function },
            RowKey::System { participant, suffix } => match SystemRow::of(&suffix) {
                Some(SystemRow::Specs) => Self::Specs { function: participant },
                Some(SystemRow::Position) => Self::Position { ingress: participant },
                Some(SystemRow::Outbox(seq)) => Self::Outbox { egress: participant, seq },
                None => Self::Other,
            },
        })
    }

    /// The function type that the row is nothing without.
    pub(crate) fn function(&self) -> Option<&str> {
        match self {
            Self::Value { function, .. }
            | Self::Waiting { function }
            | Self::Delayed { function }
            | Self::Timer { function }
            | Self::Idempotency { function }
            | Self::Specs { function } => Some(function),
            Self::Position { .. } | Self::Outbox { .. } | Self::Other => None,
        }
    }
}
