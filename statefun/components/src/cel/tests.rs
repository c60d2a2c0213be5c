use serde_json::json;

use super::*;

fn compile(source: &str) -> Result<Box<dyn Expression>, ExpressionError> {
    Cel::default().compile(source, &[Variable::Event, Variable::Matched])
}

fn value(source: &str, event: &Value) -> Result<Value, EvaluationError> {
    let matched = json!({"a": [{"v": 1}, {"v": 2.5}]});
    let compiled = compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    compiled.evaluate(&[(Variable::Event, event), (Variable::Matched, &matched)])
}

#[test]
fn expressions_have_values() {
    let event = json!({"amount": 7, "rate": 0.5, "user": {"name": "ann", "tags": ["a", "b"]}, "big": u64::MAX});
    for (source, expected) in [
        ("event.amount > 5", json!(true)),
        ("event.amount > 7.5", json!(false)),
        ("event.amount + 1", json!(8)),
        ("double(event.amount) * event.rate", json!(3.5)),
        ("event.user.name", json!("ann")),
        ("event.user.name + '!'", json!("ann!")),
        ("event.big", json!(u64::MAX)),
        ("has(event.tip)", json!(false)),
        ("has(event.amount) ? event.amount : 0", json!(7)),
        ("event.user.tags.exists(t, t == 'b')", json!(true)),
        ("'a' in event.user.tags && size(event.user.tags) == 2", json!(true)),
        ("matched.a[0].v < matched.a[1].v", json!(true)),
        ("matched.a.all(e, e.v < 3)", json!(true)),
        ("{'b': event.amount, 'a': event.user}", json!({"a": event["user"], "b": 7})),
        ("event.user.name.startsWith('an') && event.user.name.matches('^a.n$')", json!(true)),
        ("event", event.clone()),
        ("1 + 2", json!(3)),
    ] {
        assert_eq!(value(source, &event), Ok(expected), "{source}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    for source in ["event.missing", "event.amount + 0.5", "event.amount / 0", "1.0 / 0.0"] {
        let error = value(source, &json!({"amount": 7})).expect_err(source);
        assert!(!error.0.is_empty() && !error.0.contains('\n'), "{source}: {error}");
    }
}

#[test]
fn only_what_is_read_is_converted() {
    let reads = |source: &str| Reads::of(Cel::default().env.compile(source).unwrap().expression(), "event");
    assert_eq!(reads("event.a.b > event.c && has(event.d)"), Reads::Fields(vec!["a".into(), "c".into(), "d".into()]));
    assert_eq!(reads("size(event) > 1"), Reads::All);
    assert_eq!(reads("event['a']"), Reads::All);
    assert_eq!(reads("matched.a"), Reads::Nothing);
    assert!(!compile("1 + 1").unwrap().reads(Variable::Event));
}

#[test]
fn faults_are_where_they_are() {
    for (source, offset) in [
        ("event.a + evnt.b", Some(10)),
        ("event.a +", Some(9)),
        ("event.a\n  ++ 1", None),
        ("shout(event.a)", Some(0)),
        ("result.a", Some(0)),
        ("event.a ==== 1", None),
        ("'open", None),
    ] {
        let error = compile(source).err().unwrap_or_else(|| panic!("{source} is no expression"));
        assert!(error.offset.is_some_and(|at| at <= source.len()), "{source}: {error:?}");
        if offset.is_some() {
            assert_eq!(error.offset, offset, "{source}: {error}");
        }
    }
}

#[test]
fn deep_and_long_texts_are_refused_and_break_nothing() {
    assert!(compile(&"(".repeat(5_000)).is_err());
    assert!(compile(&format!("{}1{}", "(".repeat(2_000), ")".repeat(2_000))).is_err());
    assert!(compile(&"!".repeat(9_000)).is_err() || compile("true").is_ok());
    assert!(compile(&"1+".repeat(20_000)).is_err());
}
