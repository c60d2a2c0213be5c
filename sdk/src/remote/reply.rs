//! From effects to the bytes of an answer.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use statefun::function::{DelayedCommand, Effects, Expiration, Mutation, StateSpec};
use statefun::{Address, TypedValue};
use statefun_protocol::request_reply::from_function::{
    DelayedInvocation, EgressMessage, ExpirationSpec, ExpireMode, IncompleteInvocationContext, Invocation,
    InvocationResponse, MutationType, PersistedValueMutation, PersistedValueSpec, Response,
};
use statefun_protocol::request_reply::{self as wire, FromFunction};

/// The answer that these states are missing from the request.
pub(super) fn incomplete(missing: &[StateSpec]) -> Bytes {
    let missing_values = missing
        .iter()
        .map(|spec| PersistedValueSpec {
            state_name: spec.name.as_str().to_owned(),
            expiration_spec: Some(expiration(spec.expiration)),
            type_typename: spec.value_type.as_str().to_owned(),
        })
        .collect();
    encode(Response::IncompleteInvocationContext(IncompleteInvocationContext { missing_values }))
}

fn expiration(expiration: Expiration) -> ExpirationSpec {
    let (mode, ttl) = match expiration {
        Expiration::Never => (ExpireMode::None, Duration::ZERO),
        Expiration::AfterWrite(ttl) => (ExpireMode::AfterWrite, ttl),
        Expiration::AfterInvoke(ttl) => (ExpireMode::AfterInvoke, ttl),
    };
    ExpirationSpec { mode: mode.into(), expire_after_millis: millis(ttl) }
}

/// Gathers the effects of a batch.
pub(super) struct ReplyBuilder {
    response: InvocationResponse,
    /// Whether the runtime asked in a way that shows that it reads our own fields.
    extended: bool,
}

impl ReplyBuilder {
    pub(super) fn new(extended: bool) -> Self {
        Self { response: InvocationResponse::default(), extended }
    }

    /// Takes what the `index`-th message sent. What it wrote stays: later messages see it.
    pub(super) fn add(&mut self, index: usize, effects: &mut Effects) {
        let cause = if self.extended { u32::try_from(index).ok() } else { None };
        let extended = self.extended;
        self.response.outgoing_messages.extend(effects.messages.drain(..).map(|message| Invocation {
            target: Some(address(message.target)),
            argument: Some(typed_value(message.argument)),
            event_time: if extended { message.event_time.get() } else { None },
            cause,
        }));
        self.response
            .delayed_invocations
            .extend(effects.delayed.drain(..).map(|command| DelayedInvocation { cause, ..delayed(command) }));
        self.response.outgoing_egresses.extend(effects.egress.drain(..).map(|message| EgressMessage {
            egress_namespace: message.egress.0.namespace().to_owned(),
            egress_type: message.egress.0.name().to_owned(),
            argument: Some(typed_value(message.argument)),
            cause,
        }));
    }

    /// The answer, with what was written, in the order of `declared`.
    pub(super) fn finish(mut self, declared: &[StateSpec], mut mutations: Vec<Mutation>) -> Bytes {
        mutations.sort_by_key(|mutation| declared.iter().position(|spec| spec.name == mutation.name));
        self.response.state_mutations = mutations
            .into_iter()
            .map(|mutation| {
                let kind = if mutation.value.is_some() { MutationType::Modify } else { MutationType::Delete };
                PersistedValueMutation {
                    mutation_type: kind.into(),
                    state_name: mutation.name.as_str().to_owned(),
                    state_value: mutation.value.map(typed_value),
                }
            })
            .collect();
        encode(Response::InvocationResult(self.response))
    }
}

fn delayed(command: DelayedCommand) -> DelayedInvocation {
    match command {
        DelayedCommand::Send { delay, target, argument, token } => DelayedInvocation {
            delay_in_ms: millis(delay),
            target: Some(address(target)),
            argument: Some(typed_value(argument)),
            cancellation_token: token.map(Into::into).unwrap_or_default(),
            ..Default::default()
        },
        DelayedCommand::Cancel { token } => {
            DelayedInvocation { is_cancellation_request: true, cancellation_token: token.into(), ..Default::default() }
        }
    }
}

fn encode(response: Response) -> Bytes {
    FromFunction { response: Some(response) }.encode_to_vec().into()
}

fn address(address: Address) -> wire::Address {
    wire::Address {
        namespace: address.function.namespace().to_owned(),
        r#type: address.function.name().to_owned(),
        id: address.id.into(),
    }
}

fn typed_value(value: TypedValue) -> wire::TypedValue {
    wire::TypedValue { typename: value.value_type.as_str().to_owned(), has_value: true, value: value.bytes.to_bytes() }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
