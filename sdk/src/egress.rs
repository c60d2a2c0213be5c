//! Records for egresses.
//!
//! Any value can be written to an egress that takes values; Kafka, Kinesis and the playground want a record of theirs.
//! What stands in a record without a type of its own is taken as it is, as in the SDKs of other languages: a text is
//! its UTF-8 bytes, without the wrapper that messages have.

use bytes::Bytes;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use statefun::{SmallBytes, ValueType};
use statefun_protocol::egress::{
    KAFKA_RECORD_TYPENAME, KINESIS_RECORD_TYPENAME, KafkaProducerRecord, KinesisEgressRecord,
};

use crate::{Decode, DecodeError, Encode, EncodeError};

/// A record for a Kafka topic.
///
/// ```
/// use statefun_sdk::KafkaRecord;
///
/// let record = KafkaRecord::new("greetings").key("Bob").payload("Welcome Bob");
/// # let _ = record;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KafkaRecord(KafkaProducerRecord);

impl KafkaRecord {
    /// An empty record for `topic`.
    #[must_use]
    pub fn new(topic: impl Into<String>) -> Self {
        Self(KafkaProducerRecord { topic: topic.into().into(), ..Default::default() })
    }

    /// With a key. Without one, or with an empty one, the broker sees no key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.key = key.into().into();
        self
    }

    /// With a text or bytes as its value, as they are.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Payload>) -> Self {
        self.0.value_bytes = payload.into().0;
        self
    }

    /// With a value in its type's encoding. A `String` is wrapped then, which is seldom what a consumer expects:
    /// see [`payload`](Self::payload).
    ///
    /// # Errors
    /// When the value cannot be written down.
    pub fn value<T: Encode + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        self.0.value_bytes = value.encode()?.to_bytes();
        Ok(self)
    }
}

impl Encode for KafkaRecord {
    fn value_type() -> ValueType {
        crate::value_type!(KAFKA_RECORD_TYPENAME)
    }

    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        Ok(self.0.encode_to_vec().into())
    }
}

impl Decode for KafkaRecord {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        KafkaProducerRecord::decode(bytes).map(Self).map_err(DecodeError::new::<Self>)
    }
}

/// A record for a Kinesis stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KinesisRecord(KinesisEgressRecord);

impl KinesisRecord {
    /// An empty record for `stream`, on the shard that `partition_key` chooses.
    #[must_use]
    pub fn new(stream: impl Into<String>, partition_key: impl Into<String>) -> Self {
        Self(KinesisEgressRecord {
            stream: stream.into().into(),
            partition_key: partition_key.into().into(),
            ..Default::default()
        })
    }

    /// With a hash that chooses the shard instead of the partition key.
    #[must_use]
    pub fn explicit_hash_key(mut self, key: impl Into<String>) -> Self {
        self.0.explicit_hash_key = key.into().into();
        self
    }

    /// With a text or bytes as its value, as they are.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Payload>) -> Self {
        self.0.value_bytes = payload.into().0;
        self
    }

    /// With a value in its type's encoding.
    ///
    /// # Errors
    /// When the value cannot be written down.
    pub fn value<T: Encode + ?Sized>(mut self, value: &T) -> Result<Self, EncodeError> {
        self.0.value_bytes = value.encode()?.to_bytes();
        Ok(self)
    }
}

impl Encode for KinesisRecord {
    fn value_type() -> ValueType {
        crate::value_type!(KINESIS_RECORD_TYPENAME)
    }

    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        Ok(self.0.encode_to_vec().into())
    }
}

impl Decode for KinesisRecord {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        KinesisEgressRecord::decode(bytes).map(Self).map_err(DecodeError::new::<Self>)
    }
}

/// A record for a topic of the playground egress, `io.statefun.playground/egress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaygroundRecord {
    topic: String,
    payload: String,
}

impl PlaygroundRecord {
    /// A text for `topic`.
    pub fn new(topic: impl Into<String>, payload: impl Into<String>) -> Self {
        Self { topic: topic.into(), payload: payload.into() }
    }
}

impl Encode for PlaygroundRecord {
    fn value_type() -> ValueType {
        crate::value_type!("io.statefun.playground/EgressRecord")
    }

    fn encode(&self) -> Result<SmallBytes, EncodeError> {
        crate::typed::json::encode(self)
    }
}

impl Decode for PlaygroundRecord {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        crate::typed::json::decode(bytes)
    }
}

/// A text or bytes, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(Bytes);

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Payload {
    fn from(bytes: &[u8; N]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}
