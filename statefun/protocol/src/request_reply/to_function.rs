//! What a remote function is asked.

use super::{Address, TypedValue};

/// A request.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ToFunction {
    /// What is asked. Only invocations so far.
    #[prost(oneof = "Request", tags = "100")]
    pub request: Option<Request>,
}

/// What is asked of a function.
#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
pub enum Request {
    /// Run these invocations.
    #[prost(message, tag = "100")]
    Invocation(InvocationBatchRequest),
}

/// Messages for one instance, with the state it needs to process them.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct InvocationBatchRequest {
    /// The instance to run.
    #[prost(message, optional, tag = "1")]
    pub target: Option<Address>,
    /// All states known for the function type; one that is not listed is asked for.
    #[prost(message, repeated, tag = "2")]
    pub state: Vec<PersistedValue>,
    /// At least one, in processing order.
    #[prost(message, repeated, tag = "3")]
    pub invocations: Vec<Invocation>,
}

/// A state.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct PersistedValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub state_name: String,
    /// Its value; absent when the state is known but empty.
    #[prost(message, optional, tag = "2")]
    pub state_value: Option<TypedValue>,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Invocation {
    /// Who sent it; absent when it comes from an ingress.
    #[prost(message, optional, tag = "1")]
    pub caller: Option<Address>,
    /// What it says.
    #[prost(message, optional, tag = "2")]
    pub argument: Option<TypedValue>,
    /// Extension: its event time in Unix milliseconds.
    #[prost(sint64, optional, tag = "1000")]
    pub event_time: Option<i64>,
}
