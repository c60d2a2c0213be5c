//! What the released Python, JavaScript and Java SDKs put on the wire, byte by byte.
//!
//! `wire-vectors.json` was recorded from running SDKs. Each case holds the bytes of a request, the bytes of the answer,
//! and both as protobuf's text format printed them there. So what our messages read is compared with what another
//! implementation read, and what they write with the very bytes.
//!
//! Bytes are compared for all SDKs alike: the Java SDK lists states in an order of its own, but the order within a
//! repeated field survives decoding, so writing gives the same bytes again. One deviation is spelt out below: see
//! [`in_field_order`].
#![allow(clippy::unwrap_used, reason = "in tests")]

mod text_format;

use bytes::Bytes;
use prost::Message;
use serde_json::Value;
use statefun_protocol::request_reply::from_function::{ExpireMode, InvocationResponse, MutationType};
use statefun_protocol::request_reply::to_function::Request;
use statefun_protocol::request_reply::{Address, FromFunction, InvocationParts, Reply, ToFunction, encode_to_function};
use statefun_protocol::{egress, types};

struct Vector {
    name: String,
    request: Bytes,
    request_text: String,
    response: Bytes,
    /// Absent when the SDK answered with an HTTP error.
    response_text: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../wire-vectors.json")).unwrap();
    let text = |case: &Value, field: &str| case[field].as_str().map(str::to_owned);
    let bytes = |case: &Value, field: &str| Bytes::from(unhex(case[field].as_str().unwrap()));
    cases
        .iter()
        .map(|case| Vector {
            name: format!("{}/{}", text(case, "sdk").unwrap(), text(case, "name").unwrap()),
            request: bytes(case, "request_hex"),
            request_text: text(case, "request_decoded").unwrap(),
            response: bytes(case, "response_hex"),
            response_text: text(case, "response_decoded"),
        })
        .collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn answer(name: &str) -> InvocationResponse {
    let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
    match Reply::decode(vector.response).unwrap() {
        Reply::Done(result) => result,
        Reply::Incomplete(missing) => panic!("{name} answers that states are missing: {missing:?}"),
    }
}

#[test]
fn all_vectors_are_here() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 39);
    assert_eq!(vectors.iter().filter(|vector| vector.response_text.is_some()).count(), 33);
}

#[test]
fn every_request_reads_as_it_read_there_and_is_written_with_the_same_bytes() {
    for Vector { name, request, request_text, .. } in vectors() {
        let decoded = ToFunction::decode(request.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(text_format::to_function(&decoded), request_text, "{name}");
        assert_eq!(decoded.encode_to_vec(), request, "{name}");
    }
}

#[test]
fn every_request_is_written_from_borrowed_parts_with_the_same_bytes() {
    fn parts(address: &Address) -> (&str, &str, &str) {
        (&address.namespace, &address.r#type, &address.id)
    }
    for Vector { name, request, .. } in vectors() {
        let Some(Request::Invocation(batch)) = ToFunction::decode(request.clone()).unwrap().request else {
            panic!("{name} has no batch")
        };
        let state = batch.state.iter().map(|state| {
            (
                state.state_name.as_str(),
                state.state_value.as_ref().map(|value| (value.typename.as_str(), &value.value[..])),
            )
        });
        let invocations = batch.invocations.iter().map(|invocation| {
            let argument = invocation.argument.as_ref().unwrap();
            InvocationParts {
                caller: invocation.caller.as_ref().map(parts),
                typename: &argument.typename,
                value: &argument.value,
                event_time: None,
            }
        });
        assert_eq!(encode_to_function(parts(batch.target.as_ref().unwrap()), state, invocations), request, "{name}");
    }
}

#[test]
fn every_answer_reads_as_it_read_there_and_is_written_with_the_same_bytes() {
    for Vector { name, response, response_text, .. } in vectors() {
        let Some(response_text) = response_text else {
            assert!(response.is_empty(), "{name}: an HTTP error without a body");
            continue;
        };
        let decoded = FromFunction::decode(response.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(text_format::from_function(&decoded), response_text, "{name}");
        assert_eq!(decoded.encode_to_vec(), in_field_order(&response), "{name}");
    }
}

/// The JavaScript SDK writes the token of a delayed message ahead of its other fields. Readers must not mind, and
/// writers of protobuf put fields in the order of their numbers, so here the token is moved to the end.
fn in_field_order(response: &[u8]) -> Vec<u8> {
    const DELAYED: [u8; 2] = [0x1a, 71];
    const TOKEN: &[u8] = b"\x5a\x05tok-1";
    let token_first = [&DELAYED, TOKEN].concat();
    let Some(start) = response.windows(token_first.len()).position(|window| window == token_first) else {
        return response.to_vec();
    };
    let (before, message) = response.split_at(start + DELAYED.len());
    let (message, after) = message.split_at(DELAYED[1].into());
    let (token, others) = message.split_at(TOKEN.len());
    [before, others, token, after].concat()
}

#[test]
fn the_javascript_sdk_alone_writes_fields_out_of_order_and_only_in_two_answers() {
    let moved: Vec<_> =
        vectors().into_iter().filter(|vector| in_field_order(&vector.response) != vector.response).collect();
    let names: Vec<_> = moved.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names, ["js/default_valued_state_zero", "js/messages_delayed_cancel_and_egress"]);
}

#[test]
fn a_missing_state_comes_with_its_type_and_expiration() {
    for sdk in ["python", "js", "java"] {
        let name = format!("{sdk}/first_call_without_state_incomplete_context");
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        let Reply::Incomplete(missing) = Reply::decode(vector.response).unwrap() else { panic!("{name} is done") };
        let last = missing.iter().find(|spec| spec.state_name == "last").unwrap();
        let expiration = last.expiration_spec.unwrap();
        assert_eq!(last.type_typename, types::STRING, "{name}");
        assert_eq!((expiration.mode(), expiration.expire_after_millis), (ExpireMode::AfterWrite, 60_000), "{name}");
    }
}

#[test]
fn a_deletion_is_a_mutation_with_nothing_but_a_name() {
    for sdk in ["python", "js", "java"] {
        let result = answer(&format!("{sdk}/delete_state"));
        let deletion = result.state_mutations.iter().find(|mutation| mutation.state_name == "seen").unwrap();
        assert_eq!((deletion.mutation_type(), &deletion.state_value), (MutationType::Delete, &None), "{sdk}");
    }
}

#[test]
fn records_for_kafka_and_kinesis_are_read_out_of_the_messages_to_egresses() {
    for sdk in ["python", "js", "java"] {
        let result = answer(&format!("{sdk}/messages_delayed_cancel_and_egress"));
        let argument = |egress: &str| {
            let message = result.outgoing_egresses.iter().find(|message| message.egress_type == egress).unwrap();
            message.argument.clone().unwrap()
        };
        let kafka = argument("kafka-out");
        assert_eq!(kafka.typename, egress::KAFKA_RECORD_TYPENAME, "{sdk}");
        let record = egress::KafkaProducerRecord::decode(kafka.value.clone()).unwrap();
        assert_eq!(
            (&record.topic[..], &record.key[..], &record.value_bytes[..]),
            (&b"out"[..], &b"k1"[..], &b"v1"[..])
        );
        assert_eq!(record.encode_to_vec(), kafka.value, "{sdk}");

        let kinesis = argument("kinesis-out");
        assert_eq!(kinesis.typename, egress::KINESIS_RECORD_TYPENAME, "{sdk}");
        let record = egress::KinesisEgressRecord::decode(kinesis.value.clone()).unwrap();
        assert_eq!((&record.stream[..], &record.partition_key[..]), (&b"s"[..], &b"pk"[..]), "{sdk}");
        assert_eq!((&record.value_bytes[..], &record.explicit_hash_key[..]), (&[1u8, 2][..], &b"7"[..]), "{sdk}");
        assert_eq!(record.encode_to_vec(), kinesis.value, "{sdk}");
    }
}

#[test]
fn values_of_the_built_in_types_are_read_and_written_as_the_sdks_do() {
    for (sdk, count) in [("python", 9), ("js", 7), ("java", 9)] {
        let messages = answer(&format!("{sdk}/primitive_type_encodings")).outgoing_messages;
        assert_eq!(messages.len(), count, "{sdk}");
        for message in messages {
            let (target, argument) = (message.target.unwrap(), message.argument.unwrap());
            let (bytes, typename) = (&argument.value[..], argument.typename.as_str());
            let written = match typename {
                types::BOOL => {
                    assert_eq!(types::decode_bool(bytes).unwrap(), target.id == "bool", "{sdk} {}", target.id);
                    types::encode_bool(target.id == "bool").to_vec()
                }
                types::INT => {
                    let expected = if target.id == "int0" { 0 } else { -2 };
                    assert_eq!(types::decode_int(bytes).unwrap(), expected, "{sdk} {}", target.id);
                    types::encode_int(expected).to_vec()
                }
                types::LONG => {
                    assert_eq!(types::decode_long(bytes).unwrap(), -3, "{sdk} {}", target.id);
                    types::encode_long(-3).to_vec()
                }
                types::FLOAT => {
                    assert_eq!(types::decode_float(bytes).unwrap(), 1.5, "{sdk} {}", target.id);
                    types::encode_float(1.5).to_vec()
                }
                types::DOUBLE => {
                    assert_eq!(types::decode_double(bytes).unwrap(), -2.5, "{sdk} {}", target.id);
                    types::encode_double(-2.5).to_vec()
                }
                types::STRING => {
                    let expected = if target.id == "str0" { "" } else { "héllo" };
                    assert_eq!(types::decode_string(bytes).unwrap(), expected, "{sdk} {}", target.id);
                    types::encode_string(expected)
                }
                other => panic!("{sdk} sends a {other}"),
            };
            assert_eq!(written, bytes, "{sdk} {}", target.id);
        }
    }
}
