//! What a remote function answers.

use super::{Address, TypedValue};

/// An answer. Without a response it says the same as an empty result: no effects.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FromFunction {
    /// The answer.
    #[prost(oneof = "Response", tags = "100, 101")]
    pub response: Option<Response>,
}

/// Either effects, or the states that were missing.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum Response {
    /// The function ran.
    #[prost(message, tag = "100")]
    InvocationResult(InvocationResponse),
    /// The function did not run: states were missing from the request.
    #[prost(message, tag = "101")]
    IncompleteInvocationContext(IncompleteInvocationContext),
}

/// Effects of a batch, concatenated in the order of its invocations.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct InvocationResponse {
    /// States written or deleted.
    #[prost(message, repeated, tag = "1")]
    pub state_mutations: Vec<PersistedValueMutation>,
    /// Messages to send now.
    #[prost(message, repeated, tag = "2")]
    pub outgoing_messages: Vec<Invocation>,
    /// Messages to send later, and cancellations of such messages, in order.
    #[prost(message, repeated, tag = "3")]
    pub delayed_invocations: Vec<DelayedInvocation>,
    /// Records for egresses.
    #[prost(message, repeated, tag = "4")]
    pub outgoing_egresses: Vec<EgressMessage>,
}

/// A state written or deleted.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PersistedValueMutation {
    /// Which of the two. Deletion is the default and so absent on the wire.
    #[prost(enumeration = "MutationType", tag = "1")]
    pub mutation_type: i32,
    /// The state's name.
    #[prost(string, tag = "2")]
    pub state_name: String,
    /// The new value, if written.
    #[prost(message, optional, tag = "3")]
    pub state_value: Option<TypedValue>,
}

/// Kinds of mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MutationType {
    /// The state is deleted.
    Delete = 0,
    /// The state is written.
    Modify = 1,
}

/// A message to send now.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Invocation {
    /// The receiver.
    #[prost(message, optional, tag = "1")]
    pub target: Option<Address>,
    /// What it says.
    #[prost(message, optional, tag = "2")]
    pub argument: Option<TypedValue>,
    /// Extension: its event time in Unix milliseconds, if later than that of its cause.
    #[prost(sint64, optional, tag = "1000")]
    pub event_time: Option<i64>,
    /// Extension: index of the invocation that caused it.
    #[prost(uint32, optional, tag = "1001")]
    pub cause: Option<u32>,
}

/// A message to send later, or the cancellation of one.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct DelayedInvocation {
    /// Delay in milliseconds from the moment the answer is processed.
    #[prost(int64, tag = "1")]
    pub delay_in_ms: i64,
    /// The receiver.
    #[prost(message, optional, tag = "2")]
    pub target: Option<Address>,
    /// What it says.
    #[prost(message, optional, tag = "3")]
    pub argument: Option<TypedValue>,
    /// Whether this is a cancellation; then only the token matters.
    #[prost(bool, tag = "10")]
    pub is_cancellation_request: bool,
    /// The name by which the message can be cancelled; empty means none.
    #[prost(string, tag = "11")]
    pub cancellation_token: String,
    /// Extension: index of the invocation that caused it.
    #[prost(uint32, optional, tag = "1001")]
    pub cause: Option<u32>,
}

/// A record for an egress.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct EgressMessage {
    /// Namespace part of the egress's typename.
    #[prost(string, tag = "1")]
    pub egress_namespace: String,
    /// Name part of the egress's typename.
    #[prost(string, tag = "2")]
    pub egress_type: String,
    /// The record, in a form that the egress understands.
    #[prost(message, optional, tag = "3")]
    pub argument: Option<TypedValue>,
    /// Extension: index of the invocation that caused it.
    #[prost(uint32, optional, tag = "1001")]
    pub cause: Option<u32>,
}

/// "I need these states as well."
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct IncompleteInvocationContext {
    /// The states that were missing from the request.
    #[prost(message, repeated, tag = "1")]
    pub missing_values: Vec<PersistedValueSpec>,
}

/// A state as its function declares it.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PersistedValueSpec {
    /// Its name.
    #[prost(string, tag = "1")]
    pub state_name: String,
    /// When values expire; absent and empty both mean never.
    #[prost(message, optional, tag = "2")]
    pub expiration_spec: Option<ExpirationSpec>,
    /// Typename of its values.
    #[prost(string, tag = "3")]
    pub type_typename: String,
}

/// When values of a state expire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ExpirationSpec {
    /// What starts the clock.
    #[prost(enumeration = "ExpireMode", tag = "1")]
    pub mode: i32,
    /// How long a value lives after that.
    #[prost(int64, tag = "2")]
    pub expire_after_millis: i64,
}

/// What starts the clock of expiration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ExpireMode {
    /// Nothing: values do not expire.
    None = 0,
    /// Each write.
    AfterWrite = 1,
    /// Each write, and each call that is given the value.
    AfterInvoke = 2,
}
