//! What an invocation wants to happen.

use std::time::Duration;

use compact_str::CompactString;

use crate::{Address, EgressId, EventTime, Symbol, TypedValue};

/// Everything one invocation, or one batch of a remote function, wants to happen. Applied in the order of the fields,
/// each list in its own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Messages to functions.
    pub messages: Vec<OutgoingMessage>,
    /// Delayed messages and their cancellations, interleaved as they were asked for.
    pub delayed: Vec<DelayedCommand>,
    /// Records for egresses.
    pub egress: Vec<EgressMessage>,
    /// Changes of state.
    pub mutations: Vec<Mutation>,
    /// Event-time timers set and deleted, interleaved as they were asked for.
    pub timers: Vec<TimerCommand>,
    /// What the function could not take or deliver, for the dead letters.
    pub refused: Vec<Refused>,
}

impl Effects {
    /// Forgets everything, keeping the buffers.
    #[inline]
    pub fn clear(&mut self) {
        self.messages.clear();
        self.delayed.clear();
        self.egress.clear();
        self.mutations.clear();
        self.timers.clear();
        self.refused.clear();
    }

    /// Whether nothing is wanted.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.delayed.is_empty()
            && self.egress.is_empty()
            && self.mutations.is_empty()
            && self.timers.is_empty()
            && self.refused.is_empty()
    }
}

/// A message to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Who receives it.
    pub target: Address,
    /// What it says.
    pub argument: TypedValue,
    /// Its event time; [`EventTime::NONE`] inherits that of the cause.
    pub event_time: EventTime,
}

/// Something about delayed messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DelayedCommand {
    /// Send later.
    Send {
        /// How much later than the moment the effects are applied.
        delay: Duration,
        /// Who receives it.
        target: Address,
        /// What it says.
        argument: TypedValue,
        /// A name by which it can be cancelled; never empty.
        token: Option<CompactString>,
    },
    /// Take back what was sent with a token. Of an unknown token: nothing happens.
    Cancel {
        /// The name it was sent with.
        token: CompactString,
    },
}

/// Something that a function could not take or deliver while it goes on otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What.
    pub argument: TypedValue,
    /// Why, as a sentence.
    pub why: String,
}

/// A record for an egress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressMessage {
    /// Which egress.
    pub egress: EgressId,
    /// The record, as the egress's kind wants it.
    pub argument: TypedValue,
}

/// A change of one state value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The state's name.
    pub name: Symbol,
    /// The new value; `None` deletes.
    pub value: Option<TypedValue>,
}

/// Something about the event-time timers of the address that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerCommand {
    /// Fire when the watermark reaches this time. Setting a timer twice is setting it once.
    Set(EventTime),
    /// Do not fire. Of a timer that is not set: nothing happens.
    Delete(EventTime),
}
