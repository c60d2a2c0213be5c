//! The functions alone, over a host that keeps states as they are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use statefun::function::{
    Context, DelayedCommand, Effects, Function, FunctionError, StateView, TimeRole, TimerCommand,
};
use statefun::{Address, EgressId, EventTime, FunctionType, ProcessingTime, Symbol, TypedValue};
use statefun_sdk::Encode;

use super::*;
use crate::cep::{Condition, Limits, Pattern, Stage};
use crate::component::OtherPattern;
use crate::join::{IntervalJoin, IntervalSpec, cogroup};
use crate::json::Json;
use crate::window::aggregate::{self, Aggregate};
use crate::window::{Trigger, WindowOperator, WindowSpec};

/// All keys of one function.
struct World<F> {
    function: F,
    states: BTreeMap<String, TypedValue>,
    timers: BTreeSet<(i64, String)>,
    watermark: EventTime,
    now: u64,
    out: Vec<Value>,
    delayed: Vec<DelayedCommand>,
    refused: Vec<String>,
}

struct One<'a>(Option<&'a TypedValue>);

impl StateView for One<'_> {
    fn value(&self, _: usize) -> Option<&TypedValue> {
        self.0
    }
}

impl<F: Function> World<F> {
    fn new(function: F) -> Self {
        Self {
            function,
            states: BTreeMap::new(),
            timers: BTreeSet::new(),
            watermark: EventTime::NONE,
            now: 0,
            out: Vec::new(),
            delayed: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn run(
        &mut self,
        key: &str,
        at: i64,
        step: impl FnOnce(&F, &mut Context<'_>) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        let address = Address::new(FunctionType::parse("shop/flow").unwrap(), key);
        let mut effects = Effects::default();
        let view = One(self.states.get(key));
        let specs = self.function.states().to_vec();
        let now = ProcessingTime(self.now);
        let mut context =
            Context::new(&address, None, now, EventTime(at), &specs, &view, &mut effects).at_watermark(self.watermark);
        step(&self.function, &mut context)?;
        for mutation in effects.mutations {
            match mutation.value {
                Some(value) => self.states.insert(key.to_owned(), value),
                None => self.states.remove(key),
            };
        }
        for timer in effects.timers {
            match timer {
                TimerCommand::Set(at) => self.timers.insert((at.0, key.to_owned())),
                TimerCommand::Delete(at) => self.timers.remove(&(at.0, key.to_owned())),
            };
        }
        self.out.extend(effects.egress.iter().map(|record| serde_json::from_slice(&record.argument.bytes).unwrap()));
        self.out.extend(effects.messages.iter().map(|message| {
            let said: Value = serde_json::from_slice(&message.argument.bytes).unwrap_or_default();
            json!({"to": message.target.id.as_str(), "at": message.event_time.0, "said": said})
        }));
        self.delayed.extend(effects.delayed);
        self.refused.extend(effects.refused.into_iter().map(|refused| refused.why));
        Ok(())
    }

    fn message(&mut self, key: &str, at: i64, argument: TypedValue) -> Result<(), FunctionError> {
        self.run(key, at, |function, context| function.invoke(context, &argument))
    }

    fn event(&mut self, key: &str, at: i64, event: Value) {
        self.message(key, at, Json(event).to_value().unwrap()).unwrap();
    }

    fn advance(&mut self, watermark: i64) {
        self.watermark = EventTime(watermark);
        while let Some((at, key)) = self.timers.first().cloned().filter(|(at, _)| *at <= watermark) {
            self.timers.pop_first();
            self.run(&key, at, |function, context| function.on_timer(context, EventTime(at))).unwrap();
        }
    }
}

fn results() -> EgressId {
    EgressId(Symbol::intern("shop/results").unwrap())
}

fn windows<A>(spec: &str, aggregate: A) -> WindowFunction<A>
where
    A: Aggregate<Event = Json>,
    A::Output: serde::Serialize,
{
    let mut spec: WindowSpec = serde_json::from_str(spec).unwrap();
    spec.late_output = true;
    let operator = Arc::new(WindowOperator::builder(spec, aggregate).build().unwrap());
    let outputs = WindowOutputs {
        results: Arc::new(|out: &mut Out<'_, '_>, result: WindowResult<A::Output>| {
            let line = json!({"key": result.key.as_str(), "end": result.window.end, "result": result.result});
            out.egress(results(), &Json(line));
        }),
        late: Some(Arc::new(|out: &mut Out<'_, '_>, late: LateEvent<Json>| {
            out.egress(results(), &Json(json!({"late": late.at, "event": late.event})));
        })),
    };
    WindowFunction::new(operator, Input::json(), outputs, TimeRole::component(1))
}

const MINUTE: &str = r#"{"assigner": {"type": "tumbling", "size": 60}}"#;

#[test]
fn a_window_keeps_its_key_in_the_state_and_forgets_it_when_it_fired() {
    let mut world = World::new(windows(MINUTE, aggregate::count()));
    world.event("ann", 5, json!({}));
    world.event("bob", 7, json!({}));
    world.event("ann", 59, json!({}));
    assert_eq!(world.timers.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [59, 59]);
    world.advance(59);
    assert_eq!(
        world.out,
        [json!({"key": "ann", "end": 60, "result": 2}), json!({"key": "bob", "end": 60, "result": 1})]
    );
    assert!(world.states.is_empty());
    world.event("ann", 3, json!({"n": 1}));
    assert_eq!(world.out[2..], [json!({"late": 3, "event": {"n": 1}})]);
}

#[test]
fn events_survive_in_the_state_as_they_are() {
    let evicting = r#"{"assigner": {"type": "tumbling", "size": 60}, "evictor": {"type": "count", "n": 1}}"#;
    let mut world = World::new(windows(evicting, aggregate::collect()));
    let event = json!({"a": [1, null], "b": {"c": 0.1}});
    world.event("ann", 1, json!(1));
    world.event("ann", 5, event.clone());
    world.advance(100);
    assert_eq!(world.out, [json!({"key": "ann", "end": 60, "result": [event]})]);
}

#[test]
fn a_state_of_other_windows_is_kept_and_the_message_waits() {
    let mut before = World::new(windows(MINUTE, aggregate::count()));
    before.event("ann", 5, json!({}));
    let mut after = World::new(windows(r#"{"assigner": {"type": "session", "gap": 5}}"#, aggregate::count()));
    after.states = before.states.clone();
    let event = Json(json!({})).to_value().unwrap();
    let error = after.message("ann", 6, event).unwrap_err();
    assert!(matches!(&error, FunctionError::Retry(why) if why.contains("windows of another kind")), "{error}");
    assert_eq!(after.states, before.states);
}

#[test]
fn what_is_no_event_or_has_no_time_is_a_dead_letter() {
    let mut world = World::new(windows(MINUTE, aggregate::count()));
    let junk = TypedValue::new(Json::value_type(), b"{".as_slice());
    assert!(matches!(world.message("ann", 5, junk), Err(FunctionError::Reject(_))));
    let event = Json(json!({})).to_value().unwrap();
    let error = world.message("ann", EventTime::NONE.0, event).unwrap_err();
    assert!(error.to_string().contains("has no time"), "{error}");
}

#[test]
fn a_trigger_on_the_clock_wakes_its_key_by_a_message() {
    let spec = r#"{"assigner": {"type": "tumbling", "size": 60}, "trigger": {"type": "processing_time"}}"#;
    let mut world = World::new(windows(spec, aggregate::count()));
    world.now = 10;
    world.event("ann", 5, json!({}));
    world.event("ann", 6, json!({}));
    let sends: Vec<_> = world.delayed.iter().filter(|command| matches!(command, DelayedCommand::Send { .. })).collect();
    let [DelayedCommand::Send { delay, argument, .. }] = sends[..] else { panic!("{sends:?}") };
    assert_eq!(delay.as_millis(), 49);
    let wake = argument.clone();
    world.now = 59;
    world.message("ann", EventTime::NONE.0, wake).unwrap();
    assert_eq!(world.out, [json!({"key": "ann", "end": 60, "result": 2})]);
    assert_eq!(serde_json::from_str::<Trigger>(r#"{"type": "processing_time"}"#).unwrap(), Trigger::ProcessingTime);
}

#[test]
fn both_sides_of_a_join_reach_it_through_their_keys() {
    let spec: WindowSpec = serde_json::from_str(MINUTE).unwrap();
    let operator = Arc::new(cogroup::<Json, Json>(spec).build().unwrap());
    let outputs = WindowOutputs {
        results: Arc::new(|out: &mut Out<'_, '_>, result: WindowResult<crate::join::CoGrouped<Json, Json>>| {
            out.egress(results(), &Json(json!({"left": result.result.left, "right": result.result.right})));
        }),
        late: None,
    };
    let input = Input::sides(Input::json(), Input::json(), |_| None);
    let mut world = World::new(WindowFunction::new(operator, input, outputs, TimeRole::component(1)));
    let plain = Json(json!(0)).to_value().unwrap();
    assert!(matches!(world.message("ann", 1, plain.clone()), Err(FunctionError::Reject(_))), "no side");
    world.message("ann", 1, one_sided(Side::Left, &Json(json!("l")).to_value().unwrap())).unwrap();
    world.message("ann", 2, one_sided(Side::Right, &"r".to_owned().to_value().unwrap())).unwrap();
    world.advance(60);
    assert_eq!(world.out, [json!({"left": ["l"], "right": ["r"]})]);
}

#[test]
fn an_interval_join_pairs_and_hands_late_events_out() {
    let spec = IntervalSpec { late_output: true, ..IntervalSpec::new(-5, 5) };
    let pairs: Emit<Pair<Json, Json>> = Arc::new(|out, pair| {
        out.egress(results(), &Json(json!([pair.left_at, pair.right_at])));
    });
    let late: Emit<LateEvent<crate::join::Sided<Json, Json>>> =
        Arc::new(|out, late| out.egress(results(), &Json(json!({"late": late.at}))));
    let input = Input::sides(Input::json(), Input::json(), |_| None);
    let join = IntervalJoin::new(&spec).unwrap();
    let mut world = World::new(IntervalJoinFunction::new(join, input, pairs, Some(late), TimeRole::component(1)));
    let event = Json(json!({})).to_value().unwrap();
    world.message("ann", 10, one_sided(Side::Left, &event)).unwrap();
    world.message("ann", 15, one_sided(Side::Right, &event)).unwrap();
    world.message("ann", 16, one_sided(Side::Right, &event)).unwrap();
    world.advance(20);
    world.message("ann", 19, one_sided(Side::Left, &event)).unwrap();
    assert_eq!(world.out, [json!([10, 15]), json!({"late": 19})]);
    world.advance(21);
    assert!(world.states.is_empty());
}

fn pattern(stages: &[&str], other: OtherPattern, limits: Limits) -> PatternFunction<Json> {
    let stage = |name: &str| Stage::named(name).when(Condition::kind(name));
    let mut stages = stages.iter();
    let mut pattern = Pattern::begin(stage(stages.next().unwrap())).limits(limits);
    for name in stages {
        pattern = pattern.followed_by(stage(name));
    }
    let outputs = PatternOutputs {
        matches: Arc::new(|out: &mut Out<'_, '_>, found: &crate::cep::Match<'_, Json>| {
            let events: Vec<_> = found.events().map(|(stage, event)| format!("{stage}{}", event["n"])).collect();
            out.egress(results(), &Json(json!({"at": found.at, "match": events})));
        }),
        timeouts: None,
        late: None,
        overflow: None,
    };
    let matcher = Arc::new(pattern.build().unwrap());
    PatternFunction::new(matcher, Input::json(), outputs, other, TimeRole::component(1))
}

#[test]
fn a_pattern_waits_for_the_watermark_and_matches_in_order_of_time() {
    let mut world = World::new(pattern(&["a", "b"], OtherPattern::Keep, Limits::default()));
    world.event("ann", 9, json!({"type": "b", "n": 2}));
    world.event("ann", 4, json!({"type": "a", "n": 1}));
    assert_eq!(world.timers.len(), 1, "one timer per key");
    world.advance(20);
    assert_eq!(world.out, [json!({"at": 9, "match": ["a1", "b2"]})]);
    assert!(world.states.is_empty());
}

#[test]
fn partial_matches_of_another_pattern_are_kept_or_discarded_as_said() {
    let mut before = World::new(pattern(&["a", "b"], OtherPattern::Keep, Limits::default()));
    before.event("ann", 1, json!({"type": "a", "n": 1}));
    before.advance(1);
    before.event("ann", 7, json!({"type": "b", "n": 2}));
    let event = Json(json!({"type": "a", "n": 3})).to_value().unwrap();

    let mut keeps = World::new(pattern(&["a", "c"], OtherPattern::Keep, Limits::default()));
    keeps.states = before.states.clone();
    assert!(matches!(keeps.message("ann", 8, event.clone()), Err(FunctionError::Retry(_))));
    assert_eq!(keeps.states, before.states);

    let mut discards = World::new(pattern(&["b", "a"], OtherPattern::Discard, Limits::default()));
    (discards.states, discards.timers) = (before.states, before.timers);
    discards.watermark = EventTime(1);
    discards.message("ann", 8, event).unwrap();
    assert!(discards.refused[0].starts_with("1 partial matches were discarded"), "{:?}", discards.refused);
    discards.advance(10);
    assert_eq!(discards.out, [json!({"at": 8, "match": ["b2", "a3"]})], "events that waited stayed");
}

#[test]
fn what_a_key_cannot_hold_is_a_dead_letter() {
    let limits = Limits { partial_matches_max: 1, ..Limits::default() };
    let mut world = World::new(pattern(&["a", "b"], OtherPattern::Keep, limits));
    world.event("ann", 1, json!({"type": "a", "n": 1}));
    world.event("ann", 2, json!({"type": "a", "n": 2}));
    world.advance(5);
    assert_eq!(world.refused, ["a partial match was dropped: its key holds as many as it may"]);
}

#[test]
fn events_are_sent_to_the_instance_of_their_key() {
    let target = FunctionType::parse("shop/flow").unwrap();
    let input = Input::json().timed_by(|event: &Json| event["ts"].as_i64().ok_or_else(|| "no ts".to_owned()));
    let key = |event: &Json| event["key"].as_str().map(Into::into).ok_or_else(|| "the event has no key".to_owned());
    let mut world = World::new(KeyByFunction::new(input, key, target, None));
    world.event("any", 1, json!({"key": "ann", "ts": 7}));
    assert_eq!(world.out, [json!({"to": "ann", "at": 7, "said": {"key": "ann", "ts": 7}})]);
    let error = world.message("any", 1, Json(json!({"ts": 7})).to_value().unwrap()).unwrap_err();
    assert_eq!(error, FunctionError::Reject("the event has no key".to_owned()));
}
