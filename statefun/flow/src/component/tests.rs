//! Descriptions become functions that do what they say.

use serde_json::{Value, json};
use statefun::function::{Context, Effects, StateView};
use statefun::{Address, EventTime, ProcessingTime, TypedValue};
use statefun_sdk::Encode;

use super::*;
use crate::json::Json;

/// Paths into variables, `event.a.b`, and `path > number`.
struct Paths;

struct Path {
    variable: Variable,
    fields: Vec<String>,
    above: Option<f64>,
}

impl Expressions for Paths {
    fn compile(&self, source: &str, variables: &[Variable]) -> Result<Box<dyn Expression>, ExpressionError> {
        let (path, above) = match source.split_once(" > ") {
            Some((path, above)) => (path, Some(above.parse().unwrap())),
            None => (source, None),
        };
        let mut fields = path.split('.').map(str::to_owned);
        let first = fields.next().unwrap_or_default();
        let variable = variables.iter().copied().find(|variable| variable.name() == first);
        let unknown = || ExpressionError { message: format!("{first} is unknown"), offset: Some(0) };
        Ok(Box::new(Path { variable: variable.ok_or_else(unknown)?, fields: fields.collect(), above }))
    }
}

impl Expression for Path {
    fn reads(&self, variable: Variable) -> bool {
        self.variable == variable
    }

    fn evaluate(&self, variables: &[(Variable, &Value)]) -> Result<Value, EvaluationError> {
        let &(_, mut value) = variables.iter().find(|(variable, _)| *variable == self.variable).unwrap();
        for field in &self.fields {
            let inner = field.parse::<usize>().map_or_else(|_| value.get(field), |index| value.get(index));
            value = inner.ok_or_else(|| EvaluationError(format!("there is no {field}")))?;
        }
        Ok(self.above.map_or_else(|| value.clone(), |above| value.as_f64().is_some_and(|value| value > above).into()))
    }
}

fn spec(value: Value) -> ComponentSpec {
    serde_json::from_value(value).unwrap()
}

struct One(Option<TypedValue>);

impl StateView for One {
    fn value(&self, _: usize) -> Option<&TypedValue> {
        self.0.as_ref()
    }
}

/// Runs events of one key through a component's functions, by their keys, then ends the stream.
fn run(spec: &ComponentSpec, events: &[(usize, i64, Value)]) -> (Vec<Value>, Vec<String>) {
    let functions: Vec<_> = spec.build(&Paths).unwrap().into_iter().map(|it| (it.function, it.embedded())).collect();
    let embedded = |function| &functions.iter().find(|(name, _)| *name == function).unwrap().1;
    let mut state = None;
    let (mut out, mut failed) = (Vec::new(), Vec::new());
    let mut step = |address: &Address, at: EventTime, watermark: EventTime, argument: Option<&TypedValue>| {
        let function = embedded(address.function);
        let view = One(state.clone());
        let mut effects = Effects::default();
        let specs = function.states().to_vec();
        let mut context = Context::new(address, None, ProcessingTime(0), at, &specs, &view, &mut effects);
        if function.time_role().is_component() {
            context = context.at_watermark(watermark);
        }
        let result = match argument {
            Some(argument) => function.invoke(&mut context, argument),
            None => function.on_timer(&mut context, at),
        };
        if let Err(error) = result {
            failed.push(error.to_string());
        }
        if let Some(mutation) = effects.mutations.pop() {
            state = mutation.value;
        }
        failed.extend(effects.refused.into_iter().map(|refused| refused.why));
        out.extend(effects.egress.iter().map(|record| Json::of_message(&record.argument).unwrap().0));
        (effects.messages, effects.timers)
    };
    let mut timers = std::collections::BTreeSet::new();
    let mut key = None;
    for (input, at, event) in events {
        let entry = Address::new(spec.entry(*input).unwrap(), "ann");
        let argument = Json(event.clone()).to_value().unwrap();
        let (messages, set) = step(&entry, EventTime(*at), EventTime::NONE, Some(&argument));
        timers.extend(set.into_iter().map(|timer| format!("{timer:?}")));
        for message in messages {
            let (_, set) = step(&message.target, message.event_time, EventTime::NONE, Some(&message.argument));
            timers.extend(set.into_iter().map(|timer| format!("{timer:?}")));
            key = Some(message.target);
        }
    }
    let key = key.unwrap_or_else(|| Address::new(spec.entry(0).unwrap(), "ann"));
    if !timers.is_empty() {
        step(&key, EventTime(1_000_000), EventTime::MAX, None);
    }
    (out, failed)
}

fn to_egress() -> Value {
    json!([{"egress": {"egress": "shop/reports"}}])
}

#[test]
fn windows_compute_all_aggregates_of_expressions() {
    let spec = spec(json!({
        "name": "shop/sales",
        "inputs": [{"from": "shop/orders", "key": "event.product", "where": "event.price > 0"}],
        "operator": {"window": {"spec": {"assigner": {"type": "tumbling", "size": 100}}, "aggregates": [
            {"name": "n", "kind": "count"}, {"name": "sum", "kind": "sum", "of": "event.price"},
            {"name": "min", "kind": "min", "of": "event.price"}, {"name": "max", "kind": "max", "of": "event.price"},
            {"name": "avg", "kind": "avg", "of": "event.price"}, {"name": "first", "kind": "first", "of": "event.buyer"},
            {"name": "last", "kind": "last", "of": "event.buyer"}, {"name": "buyers", "kind": "distinct", "of": "event.buyer"},
            {"name": "about", "kind": "distinct_approx", "of": "event.buyer"},
            {"name": "median", "kind": "quantiles", "q": [0.5], "of": "event.price"},
            {"name": "top", "kind": "top_k", "k": 2, "of": "event.price"},
            {"name": "all", "kind": "collect", "of": "event.price"},
        ]}},
        "to": to_egress(),
    }));
    let order = |price: i64, buyer: &str| json!({"product": "pen", "price": price, "buyer": buyer});
    let events =
        [(0, 30, order(5, "bob")), (0, 20, order(2, "ann")), (0, 25, order(-1, "eve")), (0, 40, order(8, "bob"))];
    let (out, failed) = run(&spec, &events);
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(
        out,
        [json!({
            "key": "pen", "start": 0, "end": 100, "n": 3, "sum": 15, "min": 2, "max": 8, "avg": 5.0, "first": "ann",
            "last": "bob", "buyers": 2, "about": 2, "median": [5.0], "top": [8, 5], "all": [5, 2, 8],
        })]
    );
}

#[test]
fn an_event_whose_expressions_fail_is_refused_before_it_is_counted() {
    let spec = spec(json!({
        "name": "shop/sales",
        "inputs": [{"from": "shop/orders", "time": "event.ts"}],
        "operator": {"window": {"spec": {"assigner": {"type": "tumbling", "size": 100}},
            "aggregates": [{"name": "n", "kind": "count"}, {"name": "sum", "kind": "sum", "of": "event.price"}]}},
        "to": to_egress(),
    }));
    let events = [(0, 1, json!({"ts": 3, "price": 1})), (0, 1, json!({"ts": 3})), (0, 1, json!({"price": 3}))];
    let (out, failed) = run(&spec, &events);
    assert_eq!(failed, ["there is no price", "there is no ts"]);
    assert_eq!(out, [json!({"key": "ann", "start": 0, "end": 100, "n": 1, "sum": 1})]);
}

#[test]
fn both_sides_of_a_join_come_by_their_keys() {
    let spec = spec(json!({
        "name": "shop/paid",
        "inputs": [{"from": "shop/orders", "key": "event.order"}, {"from": "shop/payments", "key": "event.for"}],
        "operator": {"interval_join": {"lower": 0, "upper": 10}},
        "to": [{"egress": {"egress": "shop/reports", "select": "result.right.amount"}}],
    }));
    assert_eq!(spec.entry(1).unwrap().as_str(), "shop/paid-right-by-key");
    let events = [(0, 1, json!({"order": 7})), (1, 5, json!({"for": 7, "amount": 3})), (1, 12, json!({"for": 7}))];
    let (out, failed) = run(&spec, &events);
    assert_eq!((out, failed), (vec![json!(3)], vec![]));
}

#[test]
fn patterns_read_expressions_of_the_event_and_of_what_matched() {
    let spec = spec(json!({
        "name": "shop/fraud",
        "inputs": [{"from": "shop/cards"}],
        "operator": {"pattern": {"pattern": {"pattern": [
            {"name": "big", "where": {"expr": "event.amount > 100"}},
            {"name": "again", "contig": "followed_by", "where": {"expr": "matched.big.0.amount > 200"}},
        ]}}},
        "to": to_egress(),
    }));
    let event = |amount: i64| json!({"amount": amount});
    let (out, failed) = run(&spec, &[(0, 1, event(50)), (0, 2, event(300)), (0, 3, event(1))]);
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(out, [json!({"key": "ann", "at": 3, "match": {"big": [event(300)], "again": [event(1)]}})]);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let refused = |value: Value| spec(value).build(&Paths).unwrap_err().to_string();
    let window = |aggregates: Value| json!({"window": {"spec": {"assigner": {"type": "tumbling", "size": 1}}, "aggregates": aggregates}});
    let input = json!([{"from": "a/b"}]);
    let error = refused(json!({"name": "a/c", "inputs": input, "operator": window(json!([]))}));
    assert_eq!(error, "windows need at least one aggregate");
    let twice = json!([{"name": "end", "kind": "count"}]);
    let error = refused(json!({"name": "a/c", "inputs": input, "operator": window(twice)}));
    assert_eq!(error, "the aggregate end needs another name: results have a field of that name already");
    let error =
        refused(json!({"name": "a/c", "inputs": input, "operator": {"interval_join": {"lower": 0, "upper": 1}}}));
    assert_eq!(error, "an interval join has two inputs, this one has 1");
    let bad = json!([{"name": "n", "kind": "sum", "of": "evnt.x"}]);
    let error = refused(json!({"name": "a/c", "inputs": input, "operator": window(bad)}));
    assert_eq!(error, "an aggregate: evnt is unknown");
}
