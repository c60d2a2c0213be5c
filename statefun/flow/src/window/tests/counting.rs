use proptest::prelude::*;

use super::fixture::{Event, Fixture, event};
use crate::window::aggregate::{Aggregate, avg, collect, count, distinct, first, last, max, min, process, sum, top_k};

#[test]
fn a_count_window_is_a_number_of_events_and_an_incomplete_one_is_never_given() {
    let mut key = Fixture::new(r#"{"assigner": {"type": "count", "size": 2}}"#, collect());
    key.events([(9, 1), (0, 2), (5, 3), (1, 4), (7, 5)]).end();
    assert_eq!(key.results(), [vec![event(9, 1), event(0, 2)], vec![event(5, 3), event(1, 4)]]);
}

#[test]
fn a_count_window_that_is_complete_leaves_nothing_behind() {
    let mut key = Fixture::new(r#"{"assigner": {"type": "count", "size": 2}}"#, count());
    key.events([(9, 1), (0, 2)]);
    assert!(key.state.is_empty());
}

#[test]
fn a_sliding_count_window_gives_the_last_events_every_few() {
    let mut key =
        Fixture::new(r#"{"assigner": {"type": "count", "size": 3, "slide": 2}}"#, sum(|event: &Event| event.v));
    key.events([(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (0, 32)]);
    assert_eq!(key.results(), [3, 14, 56]);
}

#[test]
fn cumulating_windows_give_running_results() {
    let spec = r#"{"assigner": {"type": "cumulate", "size": 30, "step": 10}}"#;
    let mut key = Fixture::new(spec, count());
    key.events([(0, 1), (15, 1), (29, 1), (30, 1)]).end();
    assert_eq!(key.fired(), [(0, 10, 1), (0, 20, 2), (0, 30, 3), (30, 40, 1), (30, 50, 1), (30, 60, 1)]);
}

#[test]
fn built_in_aggregates_compute_what_they_are_called() {
    let v = |event: &Event| event.v;
    let numbers = (count(), sum(v), min(v), max(v), avg(v));
    let values = (first(v), last(v), distinct(v), top_k(2, v), process(|events: &[Event]| events.len()));
    let mut key = Fixture::new(r#"{"assigner": {"type": "tumbling", "size": 10}}"#, (numbers, values));
    key.events([(3, 5), (1, 7), (1, 8), (9, 2), (9, 5)]).end();
    let (numbers, values) = key.results().remove(0);
    assert_eq!(numbers, (5, 27, Some(2), Some(8), Some(5.4)));
    assert_eq!(values, (Some(7), Some(5), 4, vec![8, 7], 5));
}

#[test]
fn aggregates_of_nothing_are_nothing() {
    let v = |event: &Event| event.v;
    let aggregate = (min(v), avg(v), first(v), top_k(3, v));
    assert_eq!(aggregate.result(&aggregate.create()), (None, None, None, vec![]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The contract of aggregates: it does not matter which events are added and which are merged in later.
    #[test]
    fn adding_and_merging_give_the_same(
        mut events in prop::collection::vec((0_i64..50, -20_i64..20), 0..40),
        at in 0_i64..50,
    ) {
        let v = |event: &Event| event.v;
        let numbers = (count(), sum(v), min(v), max(v), avg(v));
        let aggregate = (numbers, (first(v), last(v), distinct(v), top_k(3, v)));
        let fold = |events: &[(i64, i64)]| {
            let mut accumulator = aggregate.create();
            events.iter().for_each(|&(at, v)| aggregate.add(&mut accumulator, at, &event(at, v)));
            accumulator
        };
        let whole = fold(&events);
        // Stable: events of one time keep their order of arrival.
        events.sort_by_key(|event| event.0 >= at);
        let (earlier, later) = events.split_at(events.partition_point(|event| event.0 < at));
        let mut merged = fold(earlier);
        aggregate.merge(&mut merged, &fold(later));
        prop_assert_eq!(aggregate.result(&merged), aggregate.result(&whole));
    }
}
