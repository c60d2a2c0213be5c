use proptest::prelude::*;
use prost::Message as _;
use statefun_ports::remote::CallFailureKind;
use statefun_protocol::request_reply::FromFunction;
use statefun_protocol::request_reply::from_function::{IncompleteInvocationContext, Response};

use super::*;

fn address(namespace: &str, name: &str, id: &str) -> Option<WireAddress> {
    Some(WireAddress { namespace: namespace.into(), r#type: name.into(), id: id.into() })
}

fn value(typename: &str, bytes: &'static [u8]) -> Option<WireValue> {
    Some(WireValue { typename: typename.into(), has_value: true, value: Bytes::from_static(bytes) })
}

fn answer(response: Response) -> CallOutcome {
    decode(FromFunction { response: Some(response) }.encode_to_vec().into())
}

fn done(result: InvocationResponse) -> Effects {
    match answer(Response::InvocationResult(result)) {
        CallOutcome::Done(effects) => effects,
        other => panic!("expected effects, got {other:?}"),
    }
}

fn missing(specs: Vec<PersistedValueSpec>) -> CallOutcome {
    answer(Response::IncompleteInvocationContext(IncompleteInvocationContext { missing_values: specs }))
}

#[track_caller]
fn problem(outcome: CallOutcome) -> String {
    match outcome {
        CallOutcome::Failed(failure) => {
            assert_eq!(failure.kind, CallFailureKind::Malformed);
            failure.message
        }
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn send_later(delay_in_ms: i64, token: &str) -> DelayedInvocation {
    DelayedInvocation {
        delay_in_ms,
        target: address("shop", "cart", "ann"),
        argument: value("shop/Expire", b""),
        cancellation_token: token.into(),
        ..Default::default()
    }
}

fn cancel(token: &str) -> DelayedInvocation {
    DelayedInvocation { is_cancellation_request: true, cancellation_token: token.into(), ..Default::default() }
}

fn spec(name: &str, typename: &str, expiration_spec: Option<ExpirationSpec>) -> PersistedValueSpec {
    PersistedValueSpec { state_name: name.into(), type_typename: typename.into(), expiration_spec }
}

fn expires(mode: i32, expire_after_millis: i64) -> Option<ExpirationSpec> {
    Some(ExpirationSpec { mode, expire_after_millis })
}

#[test]
fn no_bytes_are_no_effects() {
    assert_eq!(decode(Bytes::new()), CallOutcome::Done(Effects::default()));
}

#[test]
fn messages_keep_their_order_and_event_time() {
    let message = |id: &str, event_time| Invocation {
        target: address("shop", "cart", id),
        argument: value("any text at all", b"pen"),
        event_time,
        cause: None,
    };
    let effects = done(InvocationResponse {
        outgoing_messages: vec![message("b", None), message("", Some(7))],
        ..Default::default()
    });
    assert_eq!(effects.messages[0].target, Address::parse("shop/cart/b").unwrap());
    assert_eq!(effects.messages[0].event_time, EventTime::NONE);
    assert_eq!(effects.messages[0].argument.value_type.as_str(), "any text at all", "message types are opaque");
    assert_eq!(effects.messages[1].target.id, "", "an empty id is an id");
    assert_eq!(effects.messages[1].event_time, EventTime(7));
}

#[test]
fn delayed_sends_and_cancellations_stay_interleaved() {
    let effects = done(InvocationResponse {
        delayed_invocations: vec![cancel("t"), send_later(0, "t"), send_later(i64::MAX, ""), cancel("u")],
        ..Default::default()
    });
    let told: Vec<_> = effects
        .delayed
        .iter()
        .map(|command| match command {
            DelayedCommand::Send { delay, token, .. } => format!("send {} {:?}", delay.as_millis(), token.as_deref()),
            DelayedCommand::Cancel { token } => format!("cancel {token}"),
        })
        .collect();
    assert_eq!(told, ["cancel t", "send 0 Some(\"t\")", "send 9223372036854775807 None", "cancel u"]);
}

#[test]
fn a_mutation_without_a_kind_deletes_and_bytes_count_whatever_has_value_says() {
    let mutation =
        |mutation_type, state_value| PersistedValueMutation { mutation_type, state_name: "seen".into(), state_value };
    let unset = Some(WireValue { has_value: false, ..value("a/b", b"x").unwrap() });
    let effects = done(InvocationResponse {
        state_mutations: vec![mutation(0, None), mutation(0, value("a/b", b"x")), mutation(1, unset)],
        ..Default::default()
    });
    assert_eq!(effects.mutations[0].value, None);
    assert_eq!(effects.mutations[1].value, None);
    assert_eq!(effects.mutations[2].value.as_ref().unwrap().bytes.as_slice(), b"x");
    let result = InvocationResponse { state_mutations: vec![mutation(2, None)], ..Default::default() };
    assert_eq!(
        problem(answer(Response::InvocationResult(result))),
        "malformed answer: state_mutations[0] of the state \"seen\" has the unknown mutation type 2"
    );
    let result = InvocationResponse { state_mutations: vec![mutation(1, None)], ..Default::default() };
    assert!(
        problem(answer(Response::InvocationResult(result))).contains("modifies the state \"seen\" without a value")
    );
}

#[test]
fn egress_messages_name_their_egress() {
    let to = |namespace: &str, name: &str| WireEgress {
        egress_namespace: namespace.into(),
        egress_type: name.into(),
        argument: value("a/b", b"x"),
        cause: None,
    };
    let effects = done(InvocationResponse { outgoing_egresses: vec![to("shop", "receipts")], ..Default::default() });
    assert_eq!(effects.egress[0].egress.0.as_str(), "shop/receipts");
    let bad = InvocationResponse { outgoing_egresses: vec![to("", "receipts")], ..Default::default() };
    assert!(problem(answer(Response::InvocationResult(bad))).contains("the egress \"/receipts\", which is not"));
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let problem_of = |delayed_invocations, outgoing_messages| {
        problem(answer(Response::InvocationResult(InvocationResponse {
            delayed_invocations,
            outgoing_messages,
            ..Default::default()
        })))
    };
    assert!(
        problem_of(vec![send_later(1, ""), send_later(-1, "")], vec![])
            .ends_with("delayed_invocations[1] has a negative delay of -1 ms")
    );
    assert!(problem_of(vec![cancel("")], vec![]).ends_with("[0] is a cancellation without a cancellation token"));
    let message = |target| Invocation { target, argument: value("a/b", b""), ..Default::default() };
    assert!(problem_of(vec![], vec![message(None)]).ends_with("outgoing_messages[0] has no target"));
    assert!(problem_of(vec![], vec![message(address("a/b", "c", "1"))]).contains("\"a/b/c\" is not a typename"));
    let silent = Invocation { target: address("a", "b", "1"), ..Default::default() };
    assert!(problem_of(vec![], vec![silent]).ends_with("has no argument"));
    assert!(problem(decode(Bytes::from_static(b"<html>"))).contains("6 bytes of body are no FromFunction"));
}

#[test]
fn missing_states_come_with_type_and_expiration() {
    let outcome = missing(vec![
        spec("seen", "io.statefun.types/int", None),
        spec("any", "", expires(0, 0)),
        spec("last", "a/b", expires(1, 60_000)),
        spec("session", "a/b", expires(2, 1500)),
    ]);
    let CallOutcome::Incomplete(specs) = outcome else { panic!("not incomplete: {outcome:?}") };
    let told: Vec<_> = specs.iter().map(|s| (s.name.as_str(), s.value_type.as_str(), s.expiration)).collect();
    assert_eq!(
        told,
        [
            ("seen", "io.statefun.types/int", Expiration::Never),
            ("any", "io.statefun.types/unset", Expiration::Never),
            ("last", "a/b", Expiration::AfterWrite(Duration::from_secs(60))),
            ("session", "a/b", Expiration::AfterInvoke(Duration::from_millis(1500))),
        ]
    );
}

#[test]
fn a_state_that_makes_no_sense_is_refused_by_name() {
    assert!(problem(missing(vec![])).contains("names none"));
    assert!(problem(missing(vec![spec("", "a/b", None)])).contains("without a name"));
    assert!(problem(missing(vec![spec("seen", "int", None)])).contains("the state \"seen\" has the type \"int\""));
    assert!(problem(missing(vec![spec("seen", "a/b", expires(3, 1))])).contains("unknown expire mode 3"));
    assert!(problem(missing(vec![spec("seen", "a/b", expires(1, 0))])).contains("\"seen\" expires after 0 ms"));
    assert!(problem(missing(vec![spec("seen", "a/b", expires(2, -4))])).contains("expires after -4 ms"));
}

#[test]
fn every_answer_of_the_released_sdks_is_understood() {
    let vectors = include_str!("../../../../statefun/protocol/tests/wire-vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let mut understood = 0;
    for vector in vectors.as_array().unwrap().iter().filter(|vector| vector["http_status"] == 200) {
        let Some(hex) = vector["response_hex"].as_str() else { continue };
        let body: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        let outcome = decode(body.into());
        assert!(!matches!(outcome, CallOutcome::Failed(_)), "{}: {outcome:?}", vector["name"]);
        understood += 1;
    }
    assert!(understood > 10, "only {understood} vectors");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), member in 0u8..2) {
        let _ = decode(bytes.clone().into());
        let mut body = vec![0xa2 + 8 * member, 0x06, (bytes.len() & 0x7f) as u8];
        body.extend_from_slice(&bytes[..bytes.len() & 0x7f]);
        let _ = decode(body.into());
    }
}
