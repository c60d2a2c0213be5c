//! Shared slices and growing sessions give what the general rules give.

use proptest::prelude::*;

use super::fixture::{Event, Fixture, builder, event};
use super::oracle::{Step, advanced, steps};
use crate::time::{MAX, Millis};
use crate::window::aggregate::{Aggregate, avg, count, first, last, max, min, sum, top_k};

fn specs() -> impl Strategy<Value = String> {
    let lateness = prop_oneof![2 => Just(0_i64), 1 => 0_i64..40];
    let assigner = prop_oneof![
        (1_i64..40, -40_i64..40).prop_map(|(size, shift)| {
            format!(r#"{{"type": "tumbling", "size": {size}, "offset": {}}}"#, shift % size)
        }),
        (1_i64..90, 1_i64..12, -40_i64..40).prop_map(|(size, slide, shift)| {
            format!(r#"{{"type": "sliding", "size": {size}, "slide": {slide}, "offset": {}}}"#, shift % slide)
        }),
        (1_i64..25).prop_map(|gap| format!(r#"{{"type": "session", "gap": {gap}}}"#)),
        Just(r#"{"type": "session_dynamic"}"#.to_owned()),
    ];
    (assigner, lateness).prop_map(|(assigner, lateness)| {
        format!(r#"{{"assigner": {assigner}, "allowed_lateness": {lateness}, "late_output": true}}"#)
    })
}

/// What one step gives: results of windows, and late events.
type Given<O> = (Vec<(Millis, Millis, O)>, Vec<Event>);

/// Everything that the steps give, step by step; within a step in order of windows.
fn play<A>(spec: &str, aggregate: A, general: bool, steps: &[Step]) -> Vec<Given<A::Output>>
where
    A: Aggregate<Event = Event>,
    A::Accumulator: serde::Serialize + serde::de::DeserializeOwned,
{
    let builder = builder(spec, aggregate);
    let builder = if general { builder.without_shortcuts() } else { builder };
    let mut key = Fixture::of(builder.build().unwrap());
    let mut given = Vec::new();
    for step in steps.iter().copied().chain([Step::Advance(MAX)]) {
        match step {
            Step::Event(event) => _ = key.event(event),
            Step::Advance(by) => _ = key.watermark(advanced(key.host.watermark, by)),
            Step::Crash => key.crash(),
        }
        let mut fired = key.fired();
        fired.sort_by_key(|fired| (fired.1, fired.0));
        given.push((fired, std::mem::take(&mut key.host.late)));
    }
    assert!(key.state.is_empty(), "nothing is remembered when the input has ended");
    given
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_short_way_gives_what_the_general_rules_give(spec in specs(), steps in steps()) {
        let v = |event: &Event| event.v;
        let aggregate = || ((count(), sum(v), min(v), max(v), avg(v)), (first(v), last(v), top_k(2, v)));
        prop_assert_eq!(play(&spec, aggregate(), false, &steps), play(&spec, aggregate(), true, &steps));
    }

    /// Where rounding depends on the order of additions, a crash must not change that order.
    #[test]
    fn a_crash_changes_no_bit_of_a_sum(spec in specs(), steps in steps()) {
        let aggregate = || sum(|event: &Event| event.v as f64 * 0.1);
        let calm = |steps: &[Step]| -> Vec<Step> {
            steps.iter().copied().filter(|step| !matches!(step, Step::Crash)).collect()
        };
        let bits = |given: Vec<Given<f64>>| -> Vec<(Millis, Millis, u64)> {
            given.into_iter().flat_map(|(fired, _)| fired).map(|(start, end, sum)| (start, end, sum.to_bits())).collect()
        };
        prop_assert_eq!(
            bits(play(&spec, aggregate(), false, &steps)),
            bits(play(&spec, aggregate(), false, &calm(&steps)))
        );
    }
}

#[test]
fn events_at_the_edges_of_time_harm_nobody() {
    let edges = [Millis::MIN, Millis::MIN + 1, -1, 0, MAX - 1, MAX];
    for assigner in [
        r#"{"type": "tumbling", "size": 10, "offset": 3}"#,
        r#"{"type": "sliding", "size": 10, "slide": 3}"#,
        r#"{"type": "sliding", "size": 3, "slide": 10}"#,
        r#"{"type": "cumulate", "size": 10, "step": 2}"#,
        r#"{"type": "session", "gap": 5}"#,
        r#"{"type": "global_end_of_stream"}"#,
    ] {
        for lateness in [0, 7] {
            for general in [false, true] {
                let spec = format!(r#"{{"assigner": {assigner}, "allowed_lateness": {lateness}}}"#);
                let builder = builder(&spec, count());
                let builder = if general { builder.without_shortcuts() } else { builder };
                let mut key = Fixture::of(builder.build().unwrap());
                key.events(edges.map(|at| (at, 1))).watermark(100).end();
                assert!(!key.results().is_empty(), "{spec}");
            }
        }
    }
}

#[test]
fn many_overlapping_windows_hold_an_event_once() {
    let spec = r#"{"assigner": {"type": "sliding", "size": 1000, "slide": 1}}"#;
    let mut key = Fixture::new(spec, count());
    key.events((0..3).map(|at| (at, 1)));
    let bytes = serde_json::to_vec(&key.state).unwrap().len();
    assert!(bytes < 300, "three slices, not a thousand windows: {bytes} bytes");
    key.end();
    assert_eq!(key.results().len(), 1002);
}

#[test]
fn a_firing_merges_a_few_times_however_many_slices_there_are() {
    use std::cell::Cell;
    use std::rc::Rc;

    /// Counts events, and how often accumulators were merged.
    struct Watched(Rc<Cell<u64>>);
    impl Aggregate for Watched {
        type Event = Event;
        type Accumulator = u64;
        type Output = u64;
        fn create(&self) -> u64 {
            0
        }
        fn add(&self, count: &mut u64, _: Millis, _: &Event) {
            *count += 1;
        }
        fn merge(&self, count: &mut u64, other: &u64) {
            self.0.set(self.0.get() + 1);
            *count += other;
        }
        fn result(&self, count: &u64) -> u64 {
            *count
        }
    }

    let merges = Rc::new(Cell::new(0));
    let spec = r#"{"assigner": {"type": "sliding", "size": 600, "slide": 1}}"#;
    let mut key = Fixture::new(spec, Watched(Rc::clone(&merges)));
    for at in 0..6000 {
        key.event(event(at, 1)).watermark(at - 1);
    }
    let fired = key.results();
    assert_eq!(fired.len(), 5999);
    assert!(fired[600..].iter().all(|count| *count == 600));
    assert!(merges.get() < 4 * 6000, "{} merges for 5999 firings", merges.get());
}
