//! What a remote function says.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use statefun_protocol::egress::{KAFKA_RECORD_TYPENAME, KafkaProducerRecord};
use statefun_protocol::request_reply::from_function::{
    DelayedInvocation, EgressMessage, IncompleteInvocationContext, Invocation, InvocationResponse, MutationType,
    PersistedValueMutation, PersistedValueSpec, Response,
};
use statefun_protocol::request_reply::{Address, FromFunction, TypedValue};
use statefun_protocol::types;

/// An answer to a call, or what comes instead of one.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with this body, as SDKs answer.
    Body(Bytes),
    /// This status, with an empty body.
    Status(u16),
    /// 200 and the right content type, but no protobuf message.
    Garbage,
    /// 200 and then so many bytes of body: more than anybody should read.
    Flood(u64),
    /// Nothing, until the server ends.
    Hang,
    /// The connection is closed without a word.
    Close,
    /// The answer, after a while.
    Late(Duration, Box<Answer>),
}

impl Answer {
    /// "Send me these states as well": name and typename of each.
    #[must_use]
    pub fn incomplete(declared: &[(&str, &str)]) -> Self {
        let missing_values = declared
            .iter()
            .map(|(name, typename)| PersistedValueSpec {
                state_name: (*name).to_owned(),
                type_typename: (*typename).to_owned(),
                expiration_spec: None,
            })
            .collect();
        let context = IncompleteInvocationContext { missing_values };
        Self::encode(Response::IncompleteInvocationContext(context))
    }

    fn encode(response: Response) -> Self {
        Self::Body(FromFunction { response: Some(response) }.encode_to_vec().into())
    }
}

/// What a function wants to happen.
#[derive(Clone, Debug, Default)]
pub struct Effects(InvocationResponse);

impl Effects {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an int state.
    #[must_use]
    pub fn set_int(self, name: &str, value: i32) -> Self {
        self.set(name, types::INT, &types::encode_int(value))
    }

    /// Writes a state.
    #[must_use]
    pub fn set(mut self, name: &str, typename: &str, value: &[u8]) -> Self {
        self.0.state_mutations.push(PersistedValueMutation {
            mutation_type: MutationType::Modify as i32,
            state_name: name.to_owned(),
            state_value: Some(typed(typename, value)),
        });
        self
    }

    /// Sends a text.
    #[must_use]
    pub fn send_text(self, function: &str, id: &str, text: &str) -> Self {
        self.send(function, id, types::STRING, &types::encode_string(text))
    }

    /// Sends a value.
    #[must_use]
    pub fn send(mut self, function: &str, id: &str, typename: &str, value: &[u8]) -> Self {
        let argument = Some(typed(typename, value));
        let target = Some(address(function, id));
        self.0.outgoing_messages.push(Invocation { target, argument, ..Default::default() });
        self
    }

    /// Sends a value later; by the token, if there is one, it can be cancelled.
    #[must_use]
    pub fn send_after(self, delay: Duration, to: (&str, &str), argument: (&str, &[u8]), token: &str) -> Self {
        self.delayed(DelayedInvocation {
            delay_in_ms: delay.as_millis() as i64,
            target: Some(address(to.0, to.1)),
            argument: Some(typed(argument.0, argument.1)),
            cancellation_token: token.to_owned(),
            ..Default::default()
        })
    }

    /// Takes a delayed message back.
    #[must_use]
    pub fn cancel(self, token: &str) -> Self {
        let cancellation_token = token.to_owned();
        self.delayed(DelayedInvocation { is_cancellation_request: true, cancellation_token, ..Default::default() })
    }

    fn delayed(mut self, request: DelayedInvocation) -> Self {
        self.0.delayed_invocations.push(request);
        self
    }

    /// Writes a value to an egress.
    #[must_use]
    pub fn egress(mut self, egress: &str, typename: &str, value: &[u8]) -> Self {
        let (namespace, name) = split(egress);
        self.0.outgoing_egresses.push(EgressMessage {
            egress_namespace: namespace,
            egress_type: name,
            argument: Some(typed(typename, value)),
            cause: None,
        });
        self
    }

    /// Writes a record to a Kafka egress. An empty key is none.
    #[must_use]
    pub fn kafka(self, egress: &str, topic: &str, key: &str, value: &str) -> Self {
        let record = KafkaProducerRecord {
            key: key.to_owned().into(),
            value_bytes: value.to_owned().into(),
            topic: topic.to_owned().into(),
        };
        self.egress(egress, KAFKA_RECORD_TYPENAME, &record.encode_to_vec())
    }

    /// Writes a payload to the playground's egress.
    #[must_use]
    pub fn playground(self, topic: &str, payload: &str) -> Self {
        let json = serde_json::json!({"topic": topic, "payload": payload}).to_string();
        self.egress("io.statefun.playground/egress", "io.statefun.playground/EgressRecord", json.as_bytes())
    }
}

impl From<Effects> for Answer {
    fn from(effects: Effects) -> Self {
        Self::encode(Response::InvocationResult(effects.0))
    }
}

fn typed(typename: &str, value: &[u8]) -> TypedValue {
    TypedValue { typename: typename.to_owned(), has_value: true, value: Bytes::copy_from_slice(value) }
}

fn split(typename: &str) -> (String, String) {
    let (namespace, name) = typename.rsplit_once('/').expect("a typename has two parts");
    (namespace.to_owned(), name.to_owned())
}

fn address(function: &str, id: &str) -> Address {
    let (namespace, r#type) = split(function);
    Address { namespace, r#type, id: id.to_owned() }
}
