//! The remote home: a function behind the request-reply protocol of Stateful Functions.
//!
//! ```text
//!   ToFunction ──▶ states complete? ──no──▶ IncompleteInvocationContext: "send me these too", nothing ran
//!                        │ yes
//!                        ▼
//!                  each message in turn, against the same state ──▶ InvocationResponse
//! ```
//!
//! The messages run against the same low-level context as in the embedded home, with one list of mutations for the
//! whole batch, so later messages see what earlier ones wrote and each state is answered once, with its last value.
//! States are answered in the order of their declaration, effects in the order of the messages.

mod error;
mod reply;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use prost::Message as _;
use statefun::function::{self, Effects, StateSpec, StateView};
use statefun::{Address, EventTime, FunctionType, ProcessingTime, SmallBytes, TypedValue, ValueType};
use statefun_protocol::request_reply::to_function::{Invocation, InvocationBatchRequest, PersistedValue, Request};
use statefun_protocol::request_reply::{self as wire, ToFunction};

pub use error::HandleError;

use crate::functions::{Entry, Run};
use crate::{AsyncContext, AsyncMessage, Functions};
use reply::ReplyBuilder;

impl Functions {
    /// Answers one request of the request-reply protocol, for servers other than the SDK's own: the body of a POST, to
    /// the body of the answer, whose content type must be `application/octet-stream`.
    ///
    /// # Errors
    /// When the request is malformed or one of its messages fails. Nothing of it has happened then; answer with
    /// [`HandleError::status`] and the error's text.
    pub fn handle(&self, request: Bytes) -> Result<Bytes, HandleError> {
        self.handle_at(request, system_time())
    }

    /// The same, with the time that the functions see as [`Context::now`](crate::Context::now).
    ///
    /// # Errors
    /// As for [`handle`](Self::handle).
    pub fn handle_at(&self, request: Bytes, now: ProcessingTime) -> Result<Bytes, HandleError> {
        match self.open(request, now)? {
            Opened::Incomplete(reply) => Ok(reply),
            Opened::Complete(batch, invocations) => batch.run(invocations),
        }
    }

    /// The same for functions of both kinds: those that [await](crate::AsyncFunction) may take their time.
    ///
    /// # Errors
    /// As for [`handle`](Self::handle).
    pub async fn handle_async(&self, request: Bytes) -> Result<Bytes, HandleError> {
        match self.open(request, system_time())? {
            Opened::Incomplete(reply) => Ok(reply),
            Opened::Complete(batch, invocations) => batch.run_async(invocations).await,
        }
    }

    /// Whether a request is for a function that awaits. A request that cannot be read is for none.
    #[cfg(feature = "serve")]
    pub(crate) fn awaits(&self, request: &Bytes) -> bool {
        let Ok(ToFunction { request: Some(Request::Invocation(batch)) }) = ToFunction::decode(request.clone()) else {
            return false;
        };
        let entry = batch.target.and_then(|target| self.entry(&target.namespace, &target.r#type).cloned());
        entry.is_some_and(|entry| matches!(entry.run, Run::Awaiting(_)))
    }

    /// Whether any of these functions awaits.
    #[cfg(feature = "serve")]
    pub(crate) fn any_awaits(&self) -> bool {
        self.types().any(|function| self.asynchronous(function).is_some())
    }

    fn open(&self, request: Bytes, now: ProcessingTime) -> Result<Opened, HandleError> {
        let decoded = ToFunction::decode(request).map_err(HandleError::Malformed)?;
        let Some(Request::Invocation(batch)) = decoded.request else { return Err(HandleError::NoInvocation) };
        let InvocationBatchRequest { target, state, invocations } = batch;
        let target = target.ok_or(HandleError::NoTarget)?;
        let entry = self.entry(&target.namespace, &target.r#type).ok_or_else(|| HandleError::UnknownFunction {
            namespace: target.namespace.clone(),
            name: target.r#type.clone(),
        })?;
        let values = match complete(&entry.states, state)? {
            Ok(values) => values,
            Err(missing) => return Ok(Opened::Incomplete(reply::incomplete(&missing))),
        };
        let target = Address::new(entry.function_type, target.id);
        Ok(Opened::Complete(Batch { entry: Arc::clone(entry), target, values, now }, invocations))
    }
}

/// A request, read.
enum Opened {
    /// The answer asks for more states.
    Incomplete(Bytes),
    /// Messages, and what they run against.
    Complete(Batch, Vec<Invocation>),
}

fn system_time() -> ProcessingTime {
    ProcessingTime::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The stored values in the order of their declaration, or the states that the request does not mention.
fn complete(
    declared: &[StateSpec],
    mut sent: Vec<PersistedValue>,
) -> Result<Result<Vec<Option<TypedValue>>, Vec<StateSpec>>, HandleError> {
    let mut values = Vec::with_capacity(declared.len());
    let mut missing = Vec::new();
    for spec in declared {
        match sent.iter_mut().find(|state| state.state_name == spec.name.as_str()) {
            None => missing.push(*spec),
            Some(state) => {
                let value = state.state_value.take().filter(|value| value.has_value);
                values.push(value.map(typed_value).transpose()?);
            }
        }
    }
    Ok(if missing.is_empty() { Ok(values) } else { Err(missing) })
}

/// The messages of one request, and what they run against.
struct Batch {
    entry: Arc<Entry>,
    target: Address,
    values: Vec<Option<TypedValue>>,
    now: ProcessingTime,
}

impl StateView for Batch {
    fn value(&self, index: usize) -> Option<&TypedValue> {
        self.values[index].as_ref()
    }
}

impl Batch {
    fn run(&self, invocations: Vec<Invocation>) -> Result<Bytes, HandleError> {
        // Who sends event times understands ours; who does not gets exactly what every SDK answers.
        let extended = invocations.iter().any(|invocation| invocation.event_time.is_some());
        let mut reply = ReplyBuilder::new(extended);
        let mut effects = Effects::default();
        for (index, invocation) in invocations.into_iter().enumerate() {
            self.invoke(index, invocation, &mut effects)?;
            reply.add(index, &mut effects);
        }
        Ok(reply.finish(&self.entry.states, effects.mutations))
    }

    async fn run_async(self, invocations: Vec<Invocation>) -> Result<Bytes, HandleError> {
        if matches!(self.entry.run, Run::Plain(_)) {
            return self.run(invocations);
        }
        let Self { entry, target, values, now } = self;
        let extended = invocations.iter().any(|invocation| invocation.event_time.is_some());
        let mut reply = ReplyBuilder::new(extended);
        let mut home = AsyncContext::new(Arc::clone(&entry), target.clone(), values, now);
        for (index, invocation) in invocations.into_iter().enumerate() {
            let (caller, event_time, argument) = message(index, invocation)?;
            let handled = home.handle(caller, event_time, &argument).await;
            handled.map_err(|error| HandleError::Failed { target: target.clone(), index, error })?;
            reply.add(index, &mut home.effects);
        }
        Ok(reply.finish(&entry.states, home.effects.mutations))
    }

    fn invoke(&self, index: usize, invocation: Invocation, effects: &mut Effects) -> Result<(), HandleError> {
        let Run::Plain(handler) = &self.entry.run else {
            return Err(HandleError::Awaits(self.entry.function_type));
        };
        let (caller, event_time, argument) = message(index, invocation)?;
        let mut context = function::Context::new(
            &self.target,
            caller.as_ref(),
            self.now,
            event_time,
            &self.entry.states,
            self,
            effects,
        );
        // A panic must not take a server's thread along, nor let half an invocation count. Nothing is seen of what it
        // left behind: the whole request fails.
        match catch_unwind(AssertUnwindSafe(|| handler.handle(&mut context, &argument))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(HandleError::Failed { target: self.target.clone(), index, error }),
            Err(panic) => Err(HandleError::Panicked { target: self.target.clone(), index, message: text(&*panic) }),
        }
    }
}

/// What a message of a request says.
fn message(index: usize, invocation: Invocation) -> Result<AsyncMessage, HandleError> {
    let argument = typed_value(invocation.argument.ok_or(HandleError::NoArgument { index })?)?;
    let caller = invocation.caller.filter(|caller| !caller.is_empty()).map(address).transpose()?;
    Ok((caller, invocation.event_time.map_or(EventTime::NONE, EventTime), argument))
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn typed_value(value: wire::TypedValue) -> Result<TypedValue, HandleError> {
    let value_type = ValueType::named(&value.typename).map_err(HandleError::TooManyNames)?;
    Ok(TypedValue { value_type, bytes: SmallBytes::from(value.value) })
}

fn address(address: wire::Address) -> Result<Address, HandleError> {
    Ok(Address::new(FunctionType::of(&address.namespace, &address.r#type)?, address.id))
}
