//! What may come between the publisher and a committed transaction.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::kafka::refusal::{self, Refusal};

/// Why a session or a transaction came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better with a new session; whether a commit under way arrived is asked then.
    Passing(String),
    /// Another producer has taken our transactional id.
    Fenced(String),
    /// A newer start of this egress has claimed it.
    Superseded { by: String },
    /// No repetition helps.
    Hopeless(String),
    /// It is time to end.
    Ended,
}

impl Trouble {
    /// Trouble with opening a session: nothing was begun.
    pub(super) fn opening(what: &str, error: &KafkaError) -> Self {
        let text = format!("{what}: {error}");
        match error.rdkafka_error_code() {
            Some(code) if is_fence(code) => Self::Fenced(text),
            Some(
                Code::InvalidTransactionTimeout
                | Code::TransactionalIdAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::UnsupportedFeature
                | Code::UnsupportedVersion,
            ) => Self::Hopeless(text),
            _ => Self::Passing(text),
        }
    }

    /// Trouble in the middle of a transaction.
    pub(super) fn publishing(what: &str, error: &KafkaError) -> Self {
        let text = format!("{what}: {error}");
        match error.rdkafka_error_code() {
            Some(code) if is_fence(code) => Self::Fenced(text),
            _ => Self::Passing(text),
        }
    }

    /// Trouble with a record of the control topic, without which nothing can be published.
    pub(super) fn with_control(topic: &str, code: Code) -> Self {
        let text = format!("control topic {topic:?} does not take our record: {code}");
        if is_fence(code) {
            return Self::Fenced(text);
        }
        match refusal::judge(code) {
            Refusal::ForGood => Self::Hopeless(text),
            Refusal::Passing | Refusal::UnknownTopic | Refusal::Producer => Self::Passing(text),
        }
    }
}

pub(super) fn is_fence(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}
