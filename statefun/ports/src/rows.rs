//! Everything durable is a keyed row: written once under its key, removed by a tombstone.
//!
//! An epoch is the set of rows that changed since the one before; what is born and finished between two epochs is never
//! written. Rows of a key group follow it when the number of shards changes; rows of the system belong to no group.

use bytes::Bytes;
use compact_str::CompactString;
use statefun::function::StateSpec;
use statefun::{
    Address, Domain, EgressRecord, Envelope, EventTime, FunctionType, KeyGroup, ProcessingTime, RequestId, Symbol,
    TypedValue,
};

/// The key of a durable row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// A state value of an address.
    Value {
        /// The address's key group.
        group: KeyGroup,
        /// Whose value.
        address: Address,
        /// The state's name.
        name: Symbol,
    },
    /// A message that an address has not finished. Order within a group is the order of `seq`.
    Waiting {
        /// The target's key group.
        group: KeyGroup,
        /// Position in the order of arrival.
        seq: u64,
    },
    /// A message that is to be sent later.
    Delayed {
        /// The key group of the owner, who may cancel it.
        group: KeyGroup,
        /// When.
        due: ProcessingTime,
        /// Order among equal times.
        seq: u64,
    },
    /// An HTTP request that is answered or running.
    Idempotency {
        /// The target's key group.
        group: KeyGroup,
        /// The target, or where the reply goes when the caller gave no key.
        address: Address,
        /// The caller's key; empty when it gave none.
        key: CompactString,
    },
    /// The states a function type declared when it was last asked.
    Specs {
        /// The function type.
        function: FunctionType,
    },
    /// How far a source has read a partition.
    Position {
        /// The ingress.
        source: Symbol,
        /// The partition, in the source's own words (`topic/3`).
        partition: CompactString,
    },
    /// A record that an egress has not published yet.
    Outbox {
        /// The egress.
        sink: Symbol,
        /// Position in the order of arrival.
        seq: u64,
    },
    /// An event-time timer of an address.
    Timer {
        /// The address's key group.
        group: KeyGroup,
        /// Whose timer.
        address: Address,
        /// When it fires.
        at: EventTime,
    },
    /// How far event time had come for a participant, so that it never goes back.
    Time {
        /// The participant.
        participant: CompactString,
    },
    /// The greatest processing time seen, so that the clock never goes backwards across restarts.
    Clock {
        /// The participant that saw it.
        participant: CompactString,
    },
}

/// The value of a durable row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowValue {
    /// Of [`RowKey::Value`].
    Value(Stored),
    /// Of [`RowKey::Waiting`].
    Waiting(Envelope),
    /// Of [`RowKey::Delayed`].
    Delayed(Delayed),
    /// Of [`RowKey::Idempotency`].
    Idempotency(KeptRequest),
    /// Of [`RowKey::Specs`].
    Specs(Vec<StateSpec>),
    /// Of [`RowKey::Position`]: the next position to read, in the source's own words.
    Position(CompactString),
    /// Of [`RowKey::Outbox`].
    Outbox(EgressRecord),
    /// Of [`RowKey::Timer`]: the domain whose watermarks wait for it, if any do.
    Timer(Option<Domain>),
    /// Of [`RowKey::Time`]: in the participant's own words.
    Time(Bytes),
    /// Of [`RowKey::Clock`].
    Clock(ProcessingTime),
}

/// A row that changed; `None` is a tombstone.
pub type Change = (RowKey, Option<RowValue>);

/// A state value and when it was last written or touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The value.
    pub value: TypedValue,
    /// The last write, or the last touch for values that expire after invocation.
    pub touched: ProcessingTime,
}

/// What is known about an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRequest {
    /// Names it.
    pub request: RequestId,
    /// Tells messages apart that come under the same key.
    pub fingerprint: u64,
    /// Until when it is remembered.
    pub expires: ProcessingTime,
    /// How far it is.
    pub progress: RequestProgress,
}

/// How far an HTTP request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestProgress {
    /// Its function has not replied.
    Pending,
    /// It is taken in, and nobody asked for a reply.
    Accepted,
    /// Its function replied.
    Replied(TypedValue),
}

/// A message that is to be sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// Who sends it.
    pub owner: Address,
    /// The message itself, its caller already set.
    pub envelope: Envelope,
    /// The name by which it can be cancelled.
    pub token: Option<CompactString>,
}
