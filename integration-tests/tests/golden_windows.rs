//! Windows against golden results.

use std::collections::BTreeMap;

use integration_tests::golden::{BuildError, Case, Event, Operator, Output, check_family};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statefun_flow::time::{MIN, Millis, ProcessingTime};
use statefun_flow::timers::{TimerService, Timers};
use statefun_flow::window::aggregate::{self, Aggregate, Avg, Collect, Count, Max, Min, Sum};
use statefun_flow::window::{Context, Fired, KeyStateOf, WindowOperator, WindowSpec};

#[test]
fn golden_windows() {
    check_family::<Windows<true>>("windows", None);
}

#[test]
fn golden_windows_by_the_general_rules() {
    check_family::<Windows<false>>("windows", None);
}

#[test]
fn golden_windows_survive_a_crash_at_every_tenth_event() {
    check_family::<Windows<true>>("windows", Some(10));
    check_family::<Windows<false>>("windows", Some(10));
}

#[test]
fn golden_windows_survive_a_crash_at_every_event() {
    check_family::<Windows<true>>("windows", Some(1));
}

type Value64 = fn(&Event) -> i64;
type Stats = (Count<Event>, Sum<Event, i64, Value64>, Min<Event, i64, Value64>, Max<Event, i64, Value64>, Average);
type Average = Avg<Event, i64, Value64>;
type Listed = (Stats, Collect<Event>);
type Key = Option<String>;

fn stats() -> Stats {
    let v: Value64 = |event| event.v;
    (aggregate::count(), aggregate::sum(v), aggregate::min(v), aggregate::max(v), aggregate::avg(v))
}

/// The window operator of a case, all keys and both stages included.
struct Windows<const SHORTCUTS: bool> {
    first: Stage,
    second: Option<Stage>,
}

enum Stage {
    Aggregating(Keyed<Stats>),
    Listing(Keyed<Listed>),
}

/// An operator over many keys: its states, its timers, and what it has given since last asked.
struct Keyed<A: Aggregate<Event = Event>> {
    operator: WindowOperator<A>,
    by_key: bool,
    states: BTreeMap<Key, KeyStateOf<A>>,
    host: Host<A::Output>,
}

struct Host<O> {
    key: Key,
    watermark: Millis,
    timers: TimerService<Key>,
    fired: Vec<(Key, Fired<O>)>,
    late: Vec<Event>,
}

impl<O> Timers for Host<O> {
    fn watermark(&self) -> Millis {
        self.watermark
    }
    fn processing_time(&self) -> ProcessingTime {
        ProcessingTime(0)
    }
    fn set_timer(&mut self, at: Millis) {
        self.timers.set(at, self.key.clone());
    }
    fn delete_timer(&mut self, at: Millis) {
        self.timers.delete(at, self.key.clone());
    }
    fn set_processing_timer(&mut self, at: ProcessingTime) {
        unreachable!("no golden case has a trigger on the clock, but one asks for a timer at {at:?}");
    }
    fn delete_processing_timer(&mut self, _: ProcessingTime) {}
}

impl<O> Context<Event, O> for Host<O> {
    fn emit(&mut self, fired: Fired<O>) {
        self.fired.push((self.key.clone(), fired));
    }
    fn late(&mut self, _: Millis, event: Event) {
        self.late.push(event);
    }
}

/// A result as a line, and what a second stage makes of it.
struct Emitted {
    line: Value,
    event: Event,
}

#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>"))]
struct Snapshot<S> {
    states: Vec<(Key, S)>,
    timers: TimerService<Key>,
    watermark: Millis,
}

impl<A> Keyed<A>
where
    A: Aggregate<Event = Event>,
    A::Accumulator: Serialize + DeserializeOwned,
    A::Output: IntoLine,
{
    fn build(op: &Value, aggregate: A, shortcuts: bool) -> Result<Self, BuildError> {
        let spec: WindowSpec = serde_json::from_value(op.clone()).map_err(BuildError::new)?;
        let mut builder = WindowOperator::builder(spec, aggregate).gap(|event| event.g).measure(|event| event.v as f64);
        if !shortcuts {
            builder = builder.without_shortcuts();
        }
        let operator = builder.build().map_err(BuildError::new)?;
        let host = Host { key: None, watermark: MIN, timers: TimerService::default(), fired: vec![], late: vec![] };
        Ok(Self { operator, by_key: !op["key_by"].is_null(), states: BTreeMap::new(), host })
    }

    fn on_event(&mut self, event: &Event) {
        self.host.key = self.by_key.then(|| event.key.clone());
        let state = self.states.entry(self.host.key.clone()).or_default();
        self.operator.on_event(state, event.ts, event.clone(), &mut self.host);
        self.forget_if_empty();
    }

    fn on_watermark(&mut self, watermark: Millis) {
        self.host.watermark = watermark;
        while let Some((at, key)) = self.host.timers.pop_due(watermark) {
            self.host.key = key;
            let state = self.states.entry(self.host.key.clone()).or_default();
            self.operator.on_timer(state, at, &mut self.host);
            self.forget_if_empty();
        }
    }

    fn forget_if_empty(&mut self) {
        if self.states.get(&self.host.key).is_some_and(|state| state.is_empty()) {
            self.states.remove(&self.host.key);
        }
    }

    fn take(&mut self) -> (Vec<Emitted>, Vec<Event>) {
        let fired = self.host.fired.drain(..).map(|(key, fired)| {
            let (at, window) = (fired.at(), fired.window);
            let mut line = fired.result.into_line();
            line["key"] = json!(key);
            line["out"] = "main".into();
            line["ts"] = at.into();
            if !window.is_global() {
                line["start"] = window.start.into();
                line["end"] = window.end.into();
            }
            let event = json!({"id": 0, "ts": at, "key": key.unwrap_or_default(), "v": line["sum"]});
            Emitted { line, event: serde_json::from_value(event).expect("all fields of an event are given") }
        });
        (fired.collect(), std::mem::take(&mut self.host.late))
    }

    fn snapshot(&self) -> Value {
        let states = self.states.iter().collect::<Vec<_>>();
        json!({"states": states, "timers": self.host.timers, "watermark": self.host.watermark})
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), BuildError> {
        let snapshot: Snapshot<KeyStateOf<A>> = serde_json::from_value(snapshot).map_err(BuildError::new)?;
        self.states = snapshot.states.into_iter().collect();
        self.host.timers = snapshot.timers;
        self.host.watermark = snapshot.watermark;
        Ok(())
    }
}

trait IntoLine {
    fn into_line(self) -> Value;
}

impl IntoLine for (u64, i64, Option<i64>, Option<i64>, Option<f64>) {
    fn into_line(self) -> Value {
        let (count, sum, min, max, avg) = self;
        let mut line = json!({"count": count, "sum": sum});
        if let (Some(min), Some(max), Some(avg)) = (min, max, avg) {
            line["min"] = min.into();
            line["max"] = max.into();
            line["avg"] = avg.into();
        }
        line
    }
}

impl<S: IntoLine> IntoLine for (S, Vec<Event>) {
    fn into_line(self) -> Value {
        let mut line = self.0.into_line();
        let mut ids: Vec<i64> = self.1.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        line["ids"] = ids.into();
        line
    }
}

macro_rules! either {
    ($stage:expr, $keyed:ident => $body:expr) => {
        match $stage {
            Stage::Aggregating($keyed) => $body,
            Stage::Listing($keyed) => $body,
        }
    };
}

impl Stage {
    fn build(op: &Value, shortcuts: bool) -> Result<Self, BuildError> {
        if op["mode"] == "aggregate" {
            Ok(Self::Aggregating(Keyed::build(op, stats(), shortcuts)?))
        } else {
            Ok(Self::Listing(Keyed::build(op, (stats(), aggregate::collect()), shortcuts)?))
        }
    }
}

impl<const SHORTCUTS: bool> Windows<SHORTCUTS> {
    /// Hands results on: to the second stage, which sees them before the watermark that caused them, or out.
    fn hand_on(&mut self, out: &mut Output) {
        let (emitted, late) = either!(&mut self.first, keyed => keyed.take());
        match &mut self.second {
            Some(second) => either!(second, keyed => emitted.iter().for_each(|emitted| keyed.on_event(&emitted.event))),
            None => {
                emitted.into_iter().for_each(|emitted| out.push(emitted.line));
                late.iter().for_each(|event| out.push(json!({"out": "late", "ts": event.ts, "id": event.id})));
            }
        }
    }

    fn hand_out(&mut self, out: &mut Output) {
        if let Some(second) = &mut self.second {
            let (emitted, _) = either!(second, keyed => keyed.take());
            emitted.into_iter().for_each(|emitted| out.push(emitted.line));
        }
    }
}

impl<const SHORTCUTS: bool> Operator for Windows<SHORTCUTS> {
    fn build(case: &Case) -> Result<Self, BuildError> {
        let first = Stage::build(&case.op, SHORTCUTS)?;
        // Results of a first stage have no ids that a second one could list.
        let aggregate_only = |op: &Value| Ok(Stage::Aggregating(Keyed::build(op, stats(), SHORTCUTS)?));
        let second = case.op.get("then").filter(|op| !op.is_null()).map(aggregate_only).transpose()?;
        Ok(Self { first, second })
    }

    fn on_event(&mut self, _: usize, event: &Event, watermark: Millis, out: &mut Output) {
        either!(&mut self.first, keyed => {
            assert_eq!(keyed.host.watermark, watermark, "the script and the operator agree on the time");
            keyed.on_event(event);
        });
        self.hand_on(out);
        self.hand_out(out);
    }

    fn on_watermark(&mut self, watermark: Millis, out: &mut Output) {
        either!(&mut self.first, keyed => keyed.on_watermark(watermark));
        self.hand_on(out);
        if let Some(second) = &mut self.second {
            either!(second, keyed => keyed.on_watermark(watermark));
        }
        self.hand_out(out);
    }

    fn snapshot(&self) -> Vec<u8> {
        let first = either!(&self.first, keyed => keyed.snapshot());
        let second = self.second.as_ref().map(|second| either!(second, keyed => keyed.snapshot()));
        serde_json::to_vec(&(first, second)).expect("a value is JSON")
    }

    fn restore(case: &Case, snapshot: &[u8]) -> Result<Self, BuildError> {
        let (first, second): (Value, Option<Value>) = serde_json::from_slice(snapshot).map_err(BuildError::new)?;
        let mut restored = Self::build(case)?;
        either!(&mut restored.first, keyed => keyed.restore(first)?);
        if let (Some(stage), Some(snapshot)) = (&mut restored.second, second) {
            either!(stage, keyed => keyed.restore(snapshot)?);
        }
        Ok(restored)
    }
}
