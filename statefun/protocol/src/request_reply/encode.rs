//! Writing a request from borrowed parts.
//!
//! A request is built for every batch, and all it holds already lies in the shard: building a [`ToFunction`] first would
//! copy every string and value once more and allocate for each. Lengths go ahead of what they measure in protobuf, so
//! the parts are walked twice: once to add up, once to write into one allocation of exactly the right size.
//!
//! [`ToFunction`]: super::ToFunction

use bytes::Bytes;

use crate::varint;

/// Namespace, type and id of an instance.
pub type AddressParts<'a> = (&'a str, &'a str, &'a str);

/// Name of a state, and typename and bytes of its value unless it is empty.
pub type StateParts<'a> = (&'a str, Option<(&'a str, &'a [u8])>);

/// A message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationParts<'a> {
    /// Who sent it; `None` when it comes from an ingress.
    pub caller: Option<AddressParts<'a>>,
    /// Typename of the value.
    pub typename: &'a str,
    /// The value.
    pub value: &'a [u8],
    /// Event time in Unix milliseconds, if it is to be sent.
    pub event_time: Option<i64>,
}

// Tags: field number times eight, plus two for what has a length and zero for a varint.
const TO_FUNCTION_INVOCATION: [u8; 2] = [0xa2, 0x06]; // field 100
const BATCH_TARGET: u8 = 0x0a;
const BATCH_STATE: u8 = 0x12;
const BATCH_INVOCATION: u8 = 0x1a;
const ADDRESS_NAMESPACE: u8 = 0x0a;
const ADDRESS_TYPE: u8 = 0x12;
const ADDRESS_ID: u8 = 0x1a;
const VALUE_TYPENAME: u8 = 0x0a;
const VALUE_HAS_VALUE: [u8; 2] = [0x10, 0x01]; // with its value: true
const VALUE_VALUE: u8 = 0x1a;
const STATE_NAME: u8 = 0x0a;
const STATE_VALUE: u8 = 0x12;
const INVOCATION_CALLER: u8 = 0x0a;
const INVOCATION_ARGUMENT: u8 = 0x12;
const INVOCATION_EVENT_TIME: [u8; 2] = [0xc0, 0x3e]; // field 1000

/// The bytes of a `ToFunction` with one batch. Every value that is given exists, so `has_value` is always set.
///
/// The iterators are walked twice and must yield the same both times.
///
/// ```
/// use statefun_protocol::request_reply::{InvocationParts, encode_to_function};
///
/// let message = InvocationParts { caller: None, typename: "io.statefun.types/string", value: b"\n\x01x", event_time: None };
/// let state = [("seen", None)];
/// let body = encode_to_function(("shop", "cart", "ann"), state.into_iter(), [message].into_iter());
/// assert_eq!(&body[..2], [0xa2, 0x06]);
/// ```
#[must_use]
pub fn encode_to_function<'a>(
    target: AddressParts<'a>,
    state: impl Iterator<Item = StateParts<'a>> + Clone,
    invocations: impl Iterator<Item = InvocationParts<'a>> + Clone,
) -> Bytes {
    let batch_len = nested_len(address_len(target))
        + state.clone().map(|entry| nested_len(state_len(entry))).sum::<usize>()
        + invocations.clone().map(|invocation| nested_len(invocation_len(&invocation))).sum::<usize>();
    let len = TO_FUNCTION_INVOCATION.len() + varint::len(batch_len as u64) + batch_len;

    let mut out = Vec::with_capacity(len);
    out.extend_from_slice(&TO_FUNCTION_INVOCATION);
    varint::put(&mut out, batch_len as u64);
    put_address(&mut out, BATCH_TARGET, target);
    state.for_each(|entry| put_state(&mut out, entry));
    invocations.for_each(|invocation| put_invocation(&mut out, &invocation));
    debug_assert_eq!(out.len(), len, "an iterator yielded something else the second time");
    out.into()
}

fn address_len((namespace, r#type, id): AddressParts<'_>) -> usize {
    text_len(namespace) + text_len(r#type) + text_len(id)
}

fn put_address(out: &mut Vec<u8>, tag: u8, address: AddressParts<'_>) {
    put_header(out, tag, address_len(address));
    put_bytes(out, ADDRESS_NAMESPACE, address.0.as_bytes());
    put_bytes(out, ADDRESS_TYPE, address.1.as_bytes());
    put_bytes(out, ADDRESS_ID, address.2.as_bytes());
}

fn value_len(typename: &str, value: &[u8]) -> usize {
    text_len(typename) + VALUE_HAS_VALUE.len() + bytes_len(value)
}

fn put_value(out: &mut Vec<u8>, tag: u8, typename: &str, value: &[u8]) {
    put_header(out, tag, value_len(typename, value));
    put_bytes(out, VALUE_TYPENAME, typename.as_bytes());
    out.extend_from_slice(&VALUE_HAS_VALUE);
    put_bytes(out, VALUE_VALUE, value);
}

fn state_len((name, value): StateParts<'_>) -> usize {
    text_len(name) + value.map_or(0, |(typename, value)| nested_len(value_len(typename, value)))
}

fn put_state(out: &mut Vec<u8>, entry: StateParts<'_>) {
    put_header(out, BATCH_STATE, state_len(entry));
    put_bytes(out, STATE_NAME, entry.0.as_bytes());
    if let Some((typename, value)) = entry.1 {
        put_value(out, STATE_VALUE, typename, value);
    }
}

fn invocation_len(invocation: &InvocationParts<'_>) -> usize {
    invocation.caller.map_or(0, |caller| nested_len(address_len(caller)))
        + nested_len(value_len(invocation.typename, invocation.value))
        + invocation.event_time.map_or(0, |time| INVOCATION_EVENT_TIME.len() + varint::len(zigzag(time)))
}

fn put_invocation(out: &mut Vec<u8>, invocation: &InvocationParts<'_>) {
    put_header(out, BATCH_INVOCATION, invocation_len(invocation));
    if let Some(caller) = invocation.caller {
        put_address(out, INVOCATION_CALLER, caller);
    }
    put_value(out, INVOCATION_ARGUMENT, invocation.typename, invocation.value);
    if let Some(time) = invocation.event_time {
        out.extend_from_slice(&INVOCATION_EVENT_TIME);
        varint::put(out, zigzag(time));
    }
}

/// A message field with a one-byte tag; present even when empty.
fn nested_len(len: usize) -> usize {
    1 + varint::len(len as u64) + len
}

/// A text field with a one-byte tag; absent when empty, as proto3 has it.
fn text_len(text: &str) -> usize {
    bytes_len(text.as_bytes())
}

fn bytes_len(bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { nested_len(bytes.len()) }
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_header(out, tag, bytes.len());
        out.extend_from_slice(bytes);
    }
}

fn put_header(out: &mut Vec<u8>, tag: u8, len: usize) {
    out.push(tag);
    varint::put(out, len as u64);
}

/// Maps small negative numbers to small positive ones, as protobuf's `sint64` does.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::request_reply::to_function::{Invocation, InvocationBatchRequest, PersistedValue, Request};
    use crate::request_reply::{Address, ToFunction, TypedValue};

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "\\PC{0,20}", "[a-z]{200}"]
    }

    fn value() -> impl Strategy<Value = TypedValue> {
        (text(), prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(typename, value)| TypedValue {
            typename,
            has_value: true,
            value: value.into(),
        })
    }

    fn address() -> impl Strategy<Value = Address> {
        (text(), text(), text()).prop_map(|(namespace, r#type, id)| Address { namespace, r#type, id })
    }

    fn batch() -> impl Strategy<Value = InvocationBatchRequest> {
        let state = (text(), prop::option::of(value()))
            .prop_map(|(state_name, state_value)| PersistedValue { state_name, state_value });
        let invocation = (prop::option::of(address()), value(), any::<Option<i64>>())
            .prop_map(|(caller, argument, event_time)| Invocation { caller, argument: Some(argument), event_time });
        (address(), prop::collection::vec(state, 0..5), prop::collection::vec(invocation, 0..5)).prop_map(
            |(target, state, invocations)| InvocationBatchRequest { target: Some(target), state, invocations },
        )
    }

    fn parts(address: &Address) -> AddressParts<'_> {
        (&address.namespace, &address.r#type, &address.id)
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_owned_message(batch in batch()) {
            let fast = encode_to_function(
                parts(batch.target.as_ref().unwrap()),
                batch.state.iter().map(|state| {
                    (state.state_name.as_str(), state.state_value.as_ref().map(|value| (value.typename.as_str(), &*value.value)))
                }),
                batch.invocations.iter().map(|invocation| {
                    let argument = invocation.argument.as_ref().unwrap();
                    InvocationParts {
                        caller: invocation.caller.as_ref().map(parts),
                        typename: &argument.typename,
                        value: &argument.value,
                        event_time: invocation.event_time,
                    }
                }),
            );
            let owned = ToFunction { request: Some(Request::Invocation(batch)) };
            prop_assert_eq!(&fast, &owned.encode_to_vec());
            prop_assert_eq!(ToFunction::decode(fast).unwrap(), owned);
        }
    }
}
