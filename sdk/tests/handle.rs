//! Requests that are not quite what they should be.
#![allow(clippy::unwrap_used, reason = "in tests")]

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use statefun_protocol::request_reply::to_function::{Invocation, InvocationBatchRequest, PersistedValue, Request};
use statefun_protocol::request_reply::{Address as WireAddress, Reply, ToFunction, TypedValue};
use statefun_sdk::prelude::*;
use statefun_sdk::{Encode, HandleError};

/// Tells its caller, or the log of its id, how often it was called.
struct Counter {
    seen: Value<i32>,
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = "test/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        assert_ne!(message.bytes(), b"panic", "as told");
        let seen = self.seen.update(context, |seen| *seen += 1)?;
        if !context.reply(&seen)? {
            context.send(&LOG, context.id().to_owned(), &seen)?;
        }
        Ok(())
    }
}

static LOG: FunctionName = FunctionName::new("test/log");

fn functions() -> Functions {
    Functions::new().with(|states| Counter { seen: states.value("seen") })
}

fn address(namespace: &str, name: &str, id: &str) -> WireAddress {
    WireAddress { namespace: namespace.to_owned(), r#type: name.to_owned(), id: id.to_owned() }
}

fn wire(value: &(impl Encode + ?Sized)) -> TypedValue {
    let value = value.to_value().unwrap();
    TypedValue { typename: value.value_type.as_str().to_owned(), has_value: true, value: value.bytes.to_bytes() }
}

/// A good request, to be spoilt.
fn batch() -> InvocationBatchRequest {
    InvocationBatchRequest {
        target: Some(address("test", "counter", "a")),
        state: vec![PersistedValue { state_name: "seen".to_owned(), state_value: Some(wire(&1i32)) }],
        invocations: vec![Invocation { argument: Some(wire("x")), ..Default::default() }],
    }
}

fn handle(batch: InvocationBatchRequest) -> Result<Bytes, HandleError> {
    functions().handle(ToFunction { request: Some(Request::Invocation(batch)) }.encode_to_vec().into())
}

/// Whom the first message of the answer is for, and what it says.
fn said(answer: Bytes) -> (String, i32) {
    let Reply::Done(result) = Reply::decode(answer).unwrap() else { panic!("incomplete") };
    let message = &result.outgoing_messages[0];
    let value = statefun_protocol::types::decode_int(&message.argument.as_ref().unwrap().value).unwrap();
    (message.target.as_ref().unwrap().r#type.clone(), value)
}

#[test]
fn a_good_request_is_answered() {
    assert_eq!(said(handle(batch()).unwrap()), ("log".to_owned(), 2));
}

#[test]
fn a_caller_of_empty_parts_is_no_caller() {
    let mut request = batch();
    request.invocations[0].caller = Some(address("", "", ""));
    assert_eq!(said(handle(request).unwrap()).0, "log");
    let mut request = batch();
    request.invocations[0].caller = Some(address("test", "caller", ""));
    assert_eq!(said(handle(request).unwrap()).0, "caller");
}

#[test]
fn a_state_that_has_no_value_is_known_and_empty() {
    for state_value in [None, Some(TypedValue::default())] {
        let mut request = batch();
        request.state[0].state_value = state_value;
        assert_eq!(said(handle(request).unwrap()).1, 1);
    }
}

#[test]
fn a_batch_without_messages_is_answered_with_nothing() {
    let answer = handle(InvocationBatchRequest { invocations: Vec::new(), ..batch() }).unwrap();
    assert_eq!(answer, &[0xa2, 0x06, 0x00][..]);
}

#[test]
fn an_empty_id_is_an_id() {
    let request = InvocationBatchRequest { target: Some(address("test", "counter", "")), ..batch() };
    assert!(handle(request).is_ok());
}

#[test]
fn requests_that_nobody_could_answer_are_400() {
    let mut caller = batch();
    caller.invocations[0].caller = Some(address("a/b", "c", "d"));
    let mut argument = batch();
    argument.invocations[0].argument = None;
    for (request, what) in [
        (InvocationBatchRequest { target: None, ..batch() }, "the request has no target"),
        (caller, "a caller is no address"),
        (argument, "message 0 of the request has no argument"),
    ] {
        let error = handle(request).unwrap_err();
        assert!(error.to_string().starts_with(what), "{error}");
        assert_eq!(error.status(), 400, "{error}");
    }
    assert_eq!(functions().handle(Bytes::new()).unwrap_err().to_string(), "the request has no invocation");
}

#[test]
fn a_failure_fails_the_whole_batch_and_names_the_message() {
    let mut request = batch();
    let panic = TypedValue { value: Bytes::from_static(b"panic"), ..wire("") };
    request.invocations.push(Invocation { argument: Some(panic), ..Default::default() });
    let error = handle(request).unwrap_err();
    assert!(error.to_string().starts_with("test/counter/a panicked at message 1 of the request: "), "{error}");
    assert_eq!(error.status(), 500);
}

#[test]
fn a_function_that_is_not_here_is_named() {
    let request = InvocationBatchRequest { target: Some(address("test", "nope", "a")), ..batch() };
    let error = handle(request).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.status()), ("there is no function test/nope here", 500));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let functions = functions();
        let framed = [&[0xa2, 0x06, bytes.len() as u8], bytes.as_slice()].concat();
        let _ = functions.handle(bytes.into());
        let _ = functions.handle(framed.into());
    }
}
