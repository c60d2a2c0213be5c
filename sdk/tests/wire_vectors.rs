//! A Rust application answers like the ones written with the released SDKs, byte by byte where they agree.
//!
//! `wire-vectors.json` was recorded from an application of four functions in Python, JavaScript and Java. Here is the
//! same application in Rust; each recorded request is put to it.
#![allow(clippy::unwrap_used, reason = "in tests")]

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use statefun_protocol::request_reply::from_function::{InvocationResponse, Response};
use statefun_protocol::request_reply::{FromFunction, Reply};
use statefun_sdk::KinesisRecord;
use statefun_sdk::prelude::*;

struct Stateless;

impl StatefulFunction for Stateless {
    const TYPE: &'static str = "test/stateless";

    fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
        Ok(())
    }
}

struct Counter {
    seen: Value<i32>,
    last: Value<String>,
    sess: Value<i64>,
}

impl Counter {
    fn new(states: &mut States<'_>) -> Self {
        Self {
            seen: states.value("seen"),
            last: states.expire_after_write(Duration::from_secs(60)).value("last"),
            sess: states.expire_after_invoke(Duration::from_millis(1500)).value("sess"),
        }
    }
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = "test/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let text: String = message.get()?;
        self.last.set(context, &text)?;
        if text == "reset" {
            self.seen.remove(context);
            self.sess.remove(context);
        } else {
            self.seen.update(context, |seen| *seen += 1)?;
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize, Typed)]
#[typed("test/Req")]
struct Req {
    k: i32,
}

struct Effects {
    n: Value<i64>,
}

static COUNTER: FunctionName = FunctionName::new(Counter::TYPE);
static EFFECTS: FunctionName = FunctionName::new(Effects::TYPE);
static SINK: FunctionName = FunctionName::new("test/sink");
static KAFKA: EgressName = EgressName::new("test/kafka-out");
static KINESIS: EgressName = EgressName::new("test/kinesis-out");
static PLAYGROUND: EgressName = EgressName::new("io.statefun.playground/egress");

impl StatefulFunction for Effects {
    const TYPE: &'static str = "test/effects";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let more: i32 = message.get()?;
        self.n.update(context, |n| *n += i64::from(more))?;
        context.send(&COUNTER, "b", "hi")?;
        context.send(&EFFECTS, "c", &Req { k: 1 })?;
        context.send_after(Duration::from_secs(5), &COUNTER, "d", "later")?;
        context.send_after_cancellable("tok-1", Duration::from_secs(60), &COUNTER, "d", "later2")?;
        context.cancel("tok-0")?;
        context.egress(&KAFKA, &KafkaRecord::new("out").key("k1").payload("v1"))?;
        context.egress(&KINESIS, &KinesisRecord::new("s", "pk").payload(&[1, 2]).explicit_hash_key("7"))?;
        context.egress(&PLAYGROUND, &PlaygroundRecord::new("t", "p"))?;
        Ok(())
    }
}

struct Types;

impl StatefulFunction for Types {
    const TYPE: &'static str = "test/types";

    fn invoke(&self, context: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
        context.send(&SINK, "bool", &true)?;
        context.send(&SINK, "boolf", &false)?;
        context.send(&SINK, "int", &-2i32)?;
        context.send(&SINK, "int0", &0i32)?;
        context.send(&SINK, "long", &-3i64)?;
        context.send(&SINK, "float", &1.5f32)?;
        context.send(&SINK, "double", &-2.5f64)?;
        context.send(&SINK, "str", "héllo")?;
        context.send(&SINK, "str0", "")?;
        Ok(())
    }
}

fn application() -> Functions {
    Functions::new()
        .with(|_| Stateless)
        .with(Counter::new)
        .with(|states| Effects { n: states.value("n") })
        .with(|_| Types)
}

struct Vector {
    name: String,
    request: Bytes,
    status: u64,
    response: Bytes,
}

/// What was recorded from one SDK.
fn vectors(sdk: &str) -> Vec<Vector> {
    let json = include_str!("../../statefun/protocol/tests/wire-vectors.json");
    let cases: Vec<serde_json::Value> = serde_json::from_str(json).unwrap();
    let ours = cases.iter().filter(|case| case["sdk"] == sdk);
    ours.map(|case| Vector {
        name: case["name"].as_str().unwrap().to_owned(),
        request: unhex(case["request_hex"].as_str().unwrap()),
        status: case["http_status"].as_u64().unwrap(),
        response: unhex(case["response_hex"].as_str().unwrap()),
    })
    .collect()
}

fn unhex(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// JSON without blanks: Python and Java write some, we do not, and nobody may care.
fn without_blanks_in_json(result: &mut InvocationResponse) {
    let messages = result.outgoing_messages.iter_mut().filter_map(|message| message.argument.as_mut());
    let egresses = result.outgoing_egresses.iter_mut().filter_map(|message| message.argument.as_mut());
    for value in messages.chain(egresses) {
        if ["test/Req", "io.statefun.playground/EgressRecord"].contains(&value.typename.as_str()) {
            let json: serde_json::Value = serde_json::from_slice(&value.value).unwrap();
            value.value = json.to_string().into();
        }
    }
}

/// The answer with blanks and order of states out of the way; they are free.
fn normal(response: Bytes) -> Reply {
    let mut reply = Reply::decode(response).unwrap();
    match &mut reply {
        Reply::Done(result) => {
            without_blanks_in_json(result);
            result.state_mutations.sort_by(|a, b| a.state_name.cmp(&b.state_name));
        }
        Reply::Incomplete(missing) => {
            missing.sort_by(|a, b| a.state_name.cmp(&b.state_name));
            // No expiration and an empty one mean the same.
            missing.iter_mut().for_each(|spec| {
                spec.expiration_spec.get_or_insert_default();
            });
        }
    }
    reply
}

#[test]
fn every_request_is_answered_as_the_python_and_the_java_sdk_answer_it() {
    let application = application();
    for sdk in ["python", "java"] {
        let vectors = vectors(sdk);
        assert_eq!(vectors.len(), 13, "{sdk}");
        for Vector { name, request, status, response } in vectors {
            match application.handle(request) {
                Ok(ours) => {
                    assert_eq!(status, 200, "{sdk}/{name}");
                    assert_eq!(normal(ours), normal(response), "{sdk}/{name}");
                }
                Err(error) => assert_eq!(u64::from(error.status()), status, "{sdk}/{name}: {error}"),
            }
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_python_sdk() {
    let application = application();
    let mut compared = 0;
    for Vector { name, request, status, response } in vectors("python") {
        // Python answers nothing at all where the others answer an empty result, as we do.
        if status != 200 || response.is_empty() {
            continue;
        }
        let mut theirs = FromFunction::decode(response.clone()).unwrap();
        assert_eq!(theirs.encode_to_vec(), response, "{name}");
        if let Some(Response::InvocationResult(result)) = &mut theirs.response {
            without_blanks_in_json(result);
        }
        let ours = application.handle(request).unwrap();
        let mut ours = FromFunction::decode(ours).unwrap();
        if let Some(Response::InvocationResult(result)) = &mut ours.response {
            without_blanks_in_json(result);
        }
        assert_eq!(ours.encode_to_vec(), theirs.encode_to_vec(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 10);
}

#[test]
fn no_effects_are_an_empty_result_and_not_an_empty_body() {
    let request = vectors("python").into_iter().find(|vector| vector.name == "stateless_no_side_effects").unwrap();
    assert_eq!(application().handle(request.request).unwrap(), &[0xa2, 0x06, 0x00][..]);
}
