//! From the body of an answer to nouns, checked.
//!
//! Checked here is what the nouns cannot hold: whatever passes is well-formed. Whether a state is registered, a target
//! is served and an egress is bound, only the engine knows.

use std::time::Duration;

use bytes::Bytes;
use compact_str::CompactString;
use statefun::address::is_typename;
use statefun::function::{DelayedCommand, Effects, EgressMessage, Expiration, Mutation, OutgoingMessage, StateSpec};
use statefun::{Address, EgressId, EventTime, FunctionType, Symbol, TypedValue, ValueType};
use statefun_ports::remote::CallOutcome;
use statefun_protocol::request_reply::from_function::{
    DelayedInvocation, EgressMessage as WireEgress, ExpirationSpec, ExpireMode, Invocation, InvocationResponse,
    MutationType, PersistedValueMutation, PersistedValueSpec,
};
use statefun_protocol::request_reply::{Address as WireAddress, Reply, TypedValue as WireValue};

use crate::failure::malformed;

/// The type of values of a state that was declared without one.
const UNSET_TYPENAME: &str = "io.statefun.types/unset";

/// Reads the body of a success.
pub(crate) fn decode(body: Bytes) -> CallOutcome {
    match read(body) {
        Ok(outcome) => outcome,
        Err(problem) => CallOutcome::Failed(malformed(format!("malformed answer: {problem}"))),
    }
}

/// A sentence about what is wrong, for the developer of the function.
type Problem = String;

fn read(body: Bytes) -> Result<CallOutcome, Problem> {
    match Reply::decode(body).map_err(|error| error.to_string())? {
        Reply::Done(result) => effects(result).map(CallOutcome::Done),
        // Answering this again and again would look like progress: it has to count as a failure.
        Reply::Incomplete(missing) if missing.is_empty() => {
            Err("it says that states are missing from the request, but names none".to_owned())
        }
        Reply::Incomplete(missing) => {
            missing.into_iter().map(state_spec).collect::<Result<_, _>>().map(CallOutcome::Incomplete)
        }
    }
}

fn effects(result: InvocationResponse) -> Result<Effects, Problem> {
    Ok(Effects {
        messages: each("outgoing_messages", result.outgoing_messages, message)?,
        delayed: each("delayed_invocations", result.delayed_invocations, delayed)?,
        egress: each("outgoing_egresses", result.outgoing_egresses, egress)?,
        mutations: each("state_mutations", result.state_mutations, mutation)?,
        ..Effects::default()
    })
}

/// Converts a list, telling which item is wrong.
fn each<T, U>(list: &str, items: Vec<T>, convert: fn(T) -> Result<U, Problem>) -> Result<Vec<U>, Problem> {
    let numbered = items.into_iter().enumerate();
    numbered.map(|(i, item)| convert(item).map_err(|problem| format!("{list}[{i}] {problem}"))).collect()
}

fn message(message: Invocation) -> Result<OutgoingMessage, Problem> {
    Ok(OutgoingMessage {
        target: target(message.target)?,
        argument: argument(message.argument)?,
        event_time: message.event_time.map_or(EventTime::NONE, EventTime),
    })
}

fn delayed(command: DelayedInvocation) -> Result<DelayedCommand, Problem> {
    let token = (!command.cancellation_token.is_empty()).then(|| CompactString::from(command.cancellation_token));
    if command.is_cancellation_request {
        return match token {
            Some(token) => Ok(DelayedCommand::Cancel { token }),
            None => Err("is a cancellation without a cancellation token".to_owned()),
        };
    }
    let Ok(delay_ms) = u64::try_from(command.delay_in_ms) else {
        return Err(format!("has a negative delay of {} ms", command.delay_in_ms));
    };
    Ok(DelayedCommand::Send {
        delay: Duration::from_millis(delay_ms),
        target: target(command.target)?,
        argument: argument(command.argument)?,
        token,
    })
}

fn egress(message: WireEgress) -> Result<EgressMessage, Problem> {
    let typename = format!("{}/{}", message.egress_namespace, message.egress_type);
    if !is_typename(&typename) {
        return Err(format!("is for the egress {typename:?}, which is not of the form <namespace>/<name>"));
    }
    Ok(EgressMessage { egress: EgressId(intern(&typename)?), argument: argument(message.argument)? })
}

fn mutation(mutation: PersistedValueMutation) -> Result<Mutation, Problem> {
    let state = &mutation.state_name;
    let value = match MutationType::try_from(mutation.mutation_type) {
        Ok(MutationType::Delete) => None,
        Ok(MutationType::Modify) => match mutation.state_value {
            // The bytes count whatever `has_value` says, as in StateFun.
            Some(value) => Some(typed_value(value)?),
            None => return Err(format!("modifies the state {state:?} without a value")),
        },
        Err(_) => {
            return Err(format!("of the state {state:?} has the unknown mutation type {}", mutation.mutation_type));
        }
    };
    Ok(Mutation { name: intern(state)?, value })
}

fn state_spec(spec: PersistedValueSpec) -> Result<StateSpec, Problem> {
    let state = &spec.state_name;
    if state.is_empty() {
        return Err("it declares a state without a name".to_owned());
    }
    let typename = if spec.type_typename.is_empty() { UNSET_TYPENAME } else { &spec.type_typename };
    if !is_typename(typename) {
        return Err(format!(
            "the state {state:?} has the type {typename:?}, which is not of the form <namespace>/<name>"
        ));
    }
    let expiration = expiration(spec.expiration_spec).map_err(|problem| format!("the state {state:?} {problem}"))?;
    Ok(StateSpec { name: intern(state)?, value_type: ValueType(intern(typename)?), expiration })
}

fn expiration(spec: Option<ExpirationSpec>) -> Result<Expiration, Problem> {
    let Some(spec) = spec else { return Ok(Expiration::Never) };
    let mode = ExpireMode::try_from(spec.mode).map_err(|_| format!("has the unknown expire mode {}", spec.mode))?;
    let ttl = || match u64::try_from(spec.expire_after_millis) {
        // Values that are gone when they are written are data loss by typing error.
        Ok(0) | Err(_) => Err(format!("expires after {} ms, which is not positive", spec.expire_after_millis)),
        Ok(millis) => Ok(Duration::from_millis(millis)),
    };
    match mode {
        ExpireMode::None => Ok(Expiration::Never),
        ExpireMode::AfterWrite => ttl().map(Expiration::AfterWrite),
        ExpireMode::AfterInvoke => ttl().map(Expiration::AfterInvoke),
    }
}

fn target(address: Option<WireAddress>) -> Result<Address, Problem> {
    let address = address.ok_or_else(|| "has no target".to_owned())?;
    let function = FunctionType::of(&address.namespace, &address.r#type)
        .map_err(|error| format!("has no valid target: {error}"))?;
    Ok(Address::new(function, address.id))
}

fn argument(value: Option<WireValue>) -> Result<TypedValue, Problem> {
    typed_value(value.ok_or_else(|| "has no argument".to_owned())?)
}

fn typed_value(value: WireValue) -> Result<TypedValue, Problem> {
    Ok(TypedValue::new(ValueType(intern(&value.typename)?), value.value))
}

fn intern(text: &str) -> Result<Symbol, Problem> {
    Symbol::intern(text).map_err(|error| format!("cannot be taken: {error}"))
}

#[cfg(test)]
mod tests;
