//! What may come between the publisher and a committed transaction.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use statefun_engine::publication::{self, RefusalKind, Trouble};

use crate::kafka::refusal::{self, Refusal};

/// Trouble with opening a session: nothing was begun.
pub(super) fn opening(what: &str, error: &KafkaError) -> Trouble {
    let text = format!("{what}: {error}");
    match error.rdkafka_error_code() {
        Some(code) if is_fence(code) => Trouble::Fenced(text),
        Some(
            Code::InvalidTransactionTimeout
            | Code::TransactionalIdAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::UnsupportedFeature
            | Code::UnsupportedVersion,
        ) => Trouble::Hopeless(text),
        _ => Trouble::Passing(text),
    }
}

/// Trouble in the middle of a transaction.
pub(super) fn publishing(what: &str, error: &KafkaError) -> Trouble {
    let text = format!("{what}: {error}");
    match error.rdkafka_error_code() {
        Some(code) if is_fence(code) => Trouble::Fenced(text),
        _ => Trouble::Passing(text),
    }
}

/// Trouble with a record of the control topic, without which nothing can be published.
pub(super) fn with_control(topic: &str, code: Code) -> Trouble {
    let text = format!("control topic {topic:?} does not take our record: {code}");
    if is_fence(code) {
        return Trouble::Fenced(text);
    }
    match refusal::judge(code) {
        Refusal::ForGood => Trouble::Hopeless(text),
        Refusal::Passing | Refusal::UnknownTopic | Refusal::Producer => Trouble::Passing(text),
    }
}

/// What an error means for the record that met it.
pub(super) fn refusal(code: Code) -> publication::Refusal {
    let kind = match refusal::judge(code) {
        Refusal::Passing => RefusalKind::Passing,
        Refusal::UnknownTopic => RefusalKind::UnknownTopic,
        // A topic refuses all its records alike, so the failure is each record's own.
        Refusal::ForGood if matches!(code, Code::InvalidTopic | Code::TopicAuthorizationFailed) => RefusalKind::OfTopic,
        Refusal::ForGood => RefusalKind::OfRecord,
        Refusal::Producer => RefusalKind::OfProducer,
    };
    publication::Refusal { kind, why: code.to_string() }
}

pub(super) fn is_fence(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}
