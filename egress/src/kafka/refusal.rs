//! Which errors are for good.

use rdkafka::error::RDKafkaErrorCode as Code;

/// What an error means for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It will pass.
    Passing,
    /// It will pass if the topic comes to exist.
    UnknownTopic,
    /// The broker will never take the record.
    ForGood,
    /// The producer cannot go on; another one can.
    Producer,
}

/// Judges an error.
pub(super) fn judge(code: Code) -> Refusal {
    match code {
        Code::MessageSizeTooLarge
        | Code::MessageBatchTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidTimestamp
        | Code::InvalidRecord
        | Code::InvalidTopic
        | Code::PolicyViolation
        | Code::UnsupportedForMessageFormat
        | Code::TopicAuthorizationFailed
        | Code::InvalidArgument => Refusal::ForGood,
        Code::UnknownTopic | Code::UnknownTopicOrPartition => Refusal::UnknownTopic,
        Code::Fatal
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::OutOfOrderSequenceNumber
        | Code::UnknownProducerId => Refusal::Producer,
        _ => Refusal::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_retry_can_mend_is_for_good() {
        for code in [Code::MessageSizeTooLarge, Code::TopicAuthorizationFailed, Code::InvalidTopic] {
            assert_eq!(judge(code), Refusal::ForGood);
        }
        for code in [Code::MessageTimedOut, Code::BrokerTransportFailure, Code::NotEnoughReplicas, Code::QueueFull] {
            assert_eq!(judge(code), Refusal::Passing);
        }
    }
}
