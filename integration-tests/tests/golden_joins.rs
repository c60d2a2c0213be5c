//! Interval joins, window joins and co-groups against golden results.

use std::collections::BTreeMap;

use integration_tests::golden::{BuildError, Case, Event, Operator, Output, check_family};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statefun_flow::join::{
    CoGroup, CoGrouped, IntervalContext, IntervalJoin, IntervalSpec, IntervalState, Joined, Sided, cogroup,
};
use statefun_flow::time::{MIN, Millis, ProcessingTime};
use statefun_flow::timers::{TimerService, Timers};
use statefun_flow::window::{Context, Fired, KeyStateOf, WindowOperator, WindowSpec};

#[test]
fn golden_joins() {
    check_family::<Join>("joins", None);
}

#[test]
fn golden_joins_survive_a_crash_at_every_tenth_event() {
    check_family::<Join>("joins", Some(10));
}

#[test]
fn golden_joins_survive_a_crash_at_every_event() {
    check_family::<Join>("joins", Some(1));
}

/// The join of a case, all keys included.
struct Join {
    kind: Kind,
    kept: Kept,
}

enum Kind {
    Interval(IntervalJoin),
    /// With pairs, or co-grouped.
    Window(Box<WindowOperator<CoGroup<Event, Event>>>, bool),
}

/// What must survive a crash.
#[derive(Serialize, Deserialize)]
struct Kept {
    intervals: BTreeMap<String, IntervalState<Event, Event>>,
    windows: BTreeMap<String, KeyStateOf<CoGroup<Event, Event>>>,
    timers: TimerService<String>,
    watermark: Millis,
}

/// What an operator sees of its host while it handles one key.
struct Host<'a> {
    key: &'a str,
    watermark: Millis,
    timers: &'a mut TimerService<String>,
    pairs: bool,
    out: &'a mut Output,
}

impl Timers for Host<'_> {
    fn watermark(&self) -> Millis {
        self.watermark
    }
    fn processing_time(&self) -> ProcessingTime {
        ProcessingTime(0)
    }
    fn set_timer(&mut self, at: Millis) {
        self.timers.set(at, self.key.to_owned());
    }
    fn delete_timer(&mut self, at: Millis) {
        self.timers.delete(at, self.key.to_owned());
    }
    fn set_processing_timer(&mut self, _: ProcessingTime) {}
    fn delete_processing_timer(&mut self, _: ProcessingTime) {}
}

impl IntervalContext<Event, Event> for Host<'_> {
    fn emit(&mut self, joined: Joined<'_, Event, Event>) {
        let (l, r) = (joined.left.id, joined.right.id);
        let (lts, rts) = (joined.left_at, joined.right_at);
        let line = json!({"out": "main", "ts": joined.at(), "key": self.key, "l": l, "r": r, "lts": lts, "rts": rts});
        self.out.push(line);
    }
    fn late_left(&mut self, at: Millis, event: Event) {
        self.out.push(json!({"out": "late_left", "ts": at, "id": event.id}));
    }
    fn late_right(&mut self, at: Millis, event: Event) {
        self.out.push(json!({"out": "late_right", "ts": at, "id": event.id}));
    }
}

impl Context<Sided<Event, Event>, CoGrouped<Event, Event>> for Host<'_> {
    fn emit(&mut self, fired: Fired<CoGrouped<Event, Event>>) {
        let (ts, key) = (fired.at(), self.key);
        if self.pairs {
            for (left, right) in fired.result.pairs() {
                self.out.push(json!({"out": "main", "ts": ts, "key": key, "l": left.id, "r": right.id}));
            }
        } else {
            let (l, r) = (ids(&fired.result.left), ids(&fired.result.right));
            self.out.push(json!({"out": "main", "ts": ts, "key": key, "l": l, "r": r}));
        }
    }
    fn late(&mut self, _: Millis, _: Sided<Event, Event>) {}
}

fn ids(events: &[Event]) -> Value {
    let mut ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.into()
}

impl Operator for Join {
    fn build(case: &Case) -> Result<Self, BuildError> {
        let kind = if case.kind == "interval_join" {
            let spec: IntervalSpec = serde_json::from_value(case.op.clone()).map_err(BuildError::new)?;
            Kind::Interval(IntervalJoin::new(&spec).map_err(BuildError::new)?)
        } else {
            let spec: WindowSpec = serde_json::from_value(case.op.clone()).map_err(BuildError::new)?;
            let gap = |event: &Sided<Event, Event>| match event {
                Sided::Left(event) | Sided::Right(event) => event.g,
            };
            let measure = |event: &Sided<Event, Event>| match event {
                Sided::Left(event) | Sided::Right(event) => event.v as f64,
            };
            let operator = cogroup(spec).gap(gap).measure(measure).build().map_err(BuildError::new)?;
            Kind::Window(Box::new(operator), case.kind == "window_join")
        };
        let (intervals, windows) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { kind, kept: Kept { intervals, windows, timers: TimerService::default(), watermark: MIN } })
    }

    fn on_event(&mut self, input: usize, event: &Event, watermark: Millis, out: &mut Output) {
        assert_eq!(self.kept.watermark, watermark, "the script and the operator agree on the time");
        let Kept { intervals, windows, timers, .. } = &mut self.kept;
        let mut host = Host { key: &event.key, watermark, timers, pairs: false, out };
        match &self.kind {
            Kind::Interval(join) => {
                let state = intervals.entry(event.key.clone()).or_default();
                match input {
                    0 => join.on_left(state, event.ts, event.clone(), &mut host),
                    _ => join.on_right(state, event.ts, event.clone(), &mut host),
                }
            }
            Kind::Window(operator, pairs) => {
                host.pairs = *pairs;
                let state = windows.entry(event.key.clone()).or_default();
                let sided = if input == 0 { Sided::Left(event.clone()) } else { Sided::Right(event.clone()) };
                operator.on_event(state, event.ts, sided, &mut host);
            }
        }
    }

    fn on_watermark(&mut self, watermark: Millis, out: &mut Output) {
        self.kept.watermark = watermark;
        let Kept { intervals, windows, timers, .. } = &mut self.kept;
        while let Some((at, key)) = timers.pop_due(watermark) {
            let mut host = Host { key: &key, watermark, timers, pairs: false, out };
            match &self.kind {
                Kind::Interval(join) => {
                    let state = intervals.entry(key.clone()).or_default();
                    join.on_timer(state, at, &mut host);
                    if state.is_empty() {
                        intervals.remove(&key);
                    }
                }
                Kind::Window(operator, pairs) => {
                    host.pairs = *pairs;
                    let state = windows.entry(key.clone()).or_default();
                    operator.on_timer(state, at, &mut host);
                    if state.is_empty() {
                        windows.remove(&key);
                    }
                }
            }
        }
        if watermark == Millis::MAX {
            assert!(
                intervals.values().all(IntervalState::is_empty),
                "a join remembers nothing when its input has ended"
            );
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.kept).expect("times, names and numbers are JSON")
    }

    fn restore(case: &Case, snapshot: &[u8]) -> Result<Self, BuildError> {
        let kept = serde_json::from_slice(snapshot).map_err(BuildError::new)?;
        Ok(Self { kept, ..Self::build(case)? })
    }
}
