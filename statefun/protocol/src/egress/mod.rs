//! Records for the egresses of Stateful Functions, as they travel inside a message to an egress.
//!
//! Keys and topics are `string` in the published protocol, but the Java SDK lets users put arbitrary bytes there. A
//! strict parser refuses such records; here they are bytes, so what a user wrote reaches the broker. Which of them a
//! broker accepts is the sink's business.

use bytes::Bytes;

/// Typename of a message that holds a [`KafkaProducerRecord`].
pub const KAFKA_RECORD_TYPENAME: &str = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord";

/// Typename of a message that holds a [`KinesisEgressRecord`].
pub const KINESIS_RECORD_TYPENAME: &str = "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord";

/// A record for Kafka.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KafkaProducerRecord {
    /// The record's key; empty means that it has none.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The record's value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value_bytes: Bytes,
    /// Where to.
    #[prost(bytes = "bytes", tag = "3")]
    pub topic: Bytes,
}

/// A record for Kinesis.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KinesisEgressRecord {
    /// Chooses the shard of the stream.
    #[prost(bytes = "bytes", tag = "1")]
    pub partition_key: Bytes,
    /// The record's value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value_bytes: Bytes,
    /// Where to.
    #[prost(bytes = "bytes", tag = "3")]
    pub stream: Bytes,
    /// Chooses the shard instead of the partition key; empty means not set.
    #[prost(bytes = "bytes", tag = "4")]
    pub explicit_hash_key: Bytes,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn a_key_that_is_no_text_passes_through() {
        let bytes = [0x0a, 2, 0xff, 0xfe, 0x12, 1, b'v', 0x1a, 1, b't'];
        let record = KafkaProducerRecord::decode(bytes.as_slice()).unwrap();
        assert_eq!(record.key.as_ref(), [0xff, 0xfe]);
        assert_eq!(record.encode_to_vec(), bytes);
    }

    #[test]
    fn headers_that_a_fork_adds_are_skipped() {
        let record = KafkaProducerRecord::decode([0x1a, 1, b't', 0x22, 2, 0x0a, 0].as_slice()).unwrap();
        assert_eq!(record.topic.as_ref(), b"t");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = KafkaProducerRecord::decode(bytes.as_slice());
            let _ = KinesisEgressRecord::decode(bytes.as_slice());
        }
    }
}
