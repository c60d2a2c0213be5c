//! What leaves the system.

use bytes::Bytes;

use crate::{Address, Envelope, RequestId, Symbol, TypedValue, Verdict};

/// The typename under which functions address an egress.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EgressId(pub Symbol);

impl std::fmt::Display for EgressId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A record on its way to a sink, decoded and checked before the invocation that produced it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EgressRecord {
    /// For a Kafka topic.
    Kafka(KafkaRecord),
    /// For a topic of the playground egress.
    Playground {
        /// One of the topics the module lists.
        topic: Symbol,
        /// What a reader gets, UTF-8.
        payload: Bytes,
    },
    /// For every other egress: the value as the function wrote it, and who wrote it.
    Value {
        /// The function instance that wrote it.
        source: Address,
        /// What it wrote.
        value: TypedValue,
    },
    /// The answer to an HTTP request that waits.
    Reply {
        /// The request's id, as text: the id part of the caller's address.
        request: compact_str::CompactString,
        /// The answer.
        value: TypedValue,
    },
    /// What became of an HTTP request, other than an answer.
    Verdict {
        /// The request.
        request: RequestId,
        /// What became of it.
        verdict: Verdict,
    },
    /// Something that could not be delivered.
    DeadLetter(Box<DeadLetter>),
}

impl EgressRecord {
    /// Whether a caller waits for this, so that an epoch should close at once. Who is told to go on waiting does not.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Reply { .. } => true,
            Self::Verdict { verdict, .. } => !matches!(verdict, Verdict::Awaited { .. }),
            Self::Kafka(_) | Self::Playground { .. } | Self::Value { .. } | Self::DeadLetter(_) => false,
        }
    }

    /// What this costs in memory, in bytes, for budgets.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Kafka(record) => record.value.len() + record.key.as_ref().map_or(0, Bytes::len),
                Self::Playground { payload, .. } => payload.len(),
                Self::Value { value, .. } | Self::Reply { value, .. } => value.bytes.len(),
                Self::Verdict { .. } => 0,
                Self::DeadLetter(letter) => letter.detail.len() + letter.payload_len(),
            }
    }
}

/// A record for a Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The topic.
    pub topic: String,
    /// `None` for a null key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Bytes,
}

/// An event or message that could not be delivered, kept for people to look at, mend and retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why, as a stable word.
    pub cause: DeadLetterCause,
    /// Why, as a sentence.
    pub detail: String,
    /// Where it came from: `ingress-id topic/partition@offset` or the sender's address.
    pub origin: String,
    /// The message, when it got as far as being one.
    pub envelope: Option<Envelope>,
    /// The raw record, when it never became a message.
    pub raw: Option<Bytes>,
}

impl DeadLetter {
    fn payload_len(&self) -> usize {
        self.envelope.as_ref().map_or(0, Envelope::footprint) + self.raw.as_ref().map_or(0, Bytes::len)
    }
}

/// Why something became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeadLetterCause {
    /// A Kafka record without a key, which alone could tell the target's id.
    MissingKey,
    /// A Kafka record without a value.
    MissingValue,
    /// A key that is not UTF-8.
    InvalidKey,
    /// No endpoint and no embedded function serves the target's type.
    UnknownFunction,
    /// The function failed as often as its policy allows.
    Poison,
    /// A record that its source could not decode.
    Malformed,
    /// A broker or webhook refused it for good.
    Rejected,
}

impl DeadLetterCause {
    /// Every cause, in the order of their stable numbers.
    pub const ALL: [Self; 7] = [
        Self::MissingKey,
        Self::MissingValue,
        Self::InvalidKey,
        Self::UnknownFunction,
        Self::Poison,
        Self::Malformed,
        Self::Rejected,
    ];

    /// The stable word used in metrics, logs and the admin API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingKey => "missing-key",
            Self::MissingValue => "missing-value",
            Self::InvalidKey => "invalid-key",
            Self::UnknownFunction => "unknown-function",
            Self::Poison => "poison",
            Self::Malformed => "malformed",
            Self::Rejected => "rejected",
        }
    }
}
