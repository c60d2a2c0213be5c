//! What came of a message.

use statefun::function::{DelayedCommand, Effects, EgressMessage, OutgoingMessage};

use crate::{Decode, Message};

/// What a function wanted while it handled a message. What it wrote is in the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    effects: Effects,
}

impl Outcome {
    pub(super) fn new(effects: Effects) -> Self {
        Self { effects }
    }

    /// What was sent to an address, `namespace/type/id`, in order.
    ///
    /// # Panics
    /// When something of another type was sent there.
    #[must_use]
    pub fn sent<T: Decode>(&self, target: &str) -> Vec<T> {
        let messages = self.effects.messages.iter().filter(|message| message.target.to_string() == target);
        messages
            .map(|message| {
                Message::new(&message.argument)
                    .get()
                    .unwrap_or_else(|error| panic!("what was sent to {target} is not what was expected: {error}"))
            })
            .collect()
    }

    /// What was written to an egress, `namespace/name`, in order.
    ///
    /// # Panics
    /// When something of another type was written there.
    #[must_use]
    pub fn written<T: Decode>(&self, egress: &str) -> Vec<T> {
        let records = self.effects.egress.iter().filter(|record| record.egress.to_string() == egress);
        records
            .map(|record| {
                Message::new(&record.argument)
                    .get()
                    .unwrap_or_else(|error| panic!("what was written to {egress} is not what was expected: {error}"))
            })
            .collect()
    }

    /// All messages, in order.
    #[must_use]
    pub fn messages(&self) -> &[OutgoingMessage] {
        &self.effects.messages
    }

    /// All messages to be sent later and all cancellations, in order.
    #[must_use]
    pub fn delayed(&self) -> &[DelayedCommand] {
        &self.effects.delayed
    }

    /// All records for egresses, in order.
    #[must_use]
    pub fn egress(&self) -> &[EgressMessage] {
        &self.effects.egress
    }

    /// Whether nothing was sent, now or later, and nothing was written to an egress or cancelled.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.effects.messages.is_empty() && self.effects.delayed.is_empty() && self.effects.egress.is_empty()
    }
}
