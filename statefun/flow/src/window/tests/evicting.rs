use super::fixture::Fixture;
use crate::window::aggregate::{count, sum};

#[test]
fn what_is_evicted_before_the_function_is_not_in_the_result() {
    let spec = r#"{"assigner": {"type": "tumbling", "size": 10}, "evictor": {"type": "count", "n": 2}}"#;
    let mut key = Fixture::new(spec, sum(|event: &super::fixture::Event| event.v));
    key.events([(0, 1), (1, 2), (2, 4)]).end();
    assert_eq!(key.results(), [6]);
}

#[test]
fn what_is_evicted_after_the_function_is_gone_at_the_next_firing() {
    let spec = r#"{"assigner": {"type": "tumbling", "size": 10}, "allowed_lateness": 100,
                   "evictor": {"type": "count", "n": 1, "after": true}}"#;
    let mut key = Fixture::new(spec, count());
    key.events([(0, 1), (1, 2), (2, 4)]).watermark(10).events([(3, 8)]);
    assert_eq!(key.results(), [3, 2]);
}

#[test]
fn a_window_emptied_by_its_evictor_gives_the_result_of_nothing() {
    let spec = r#"{"assigner": {"type": "tumbling", "size": 10}, "evictor": {"type": "delta", "threshold": 0.0}}"#;
    let mut key = Fixture::new(spec, count());
    key.events([(0, 1), (1, 2)]).end();
    assert_eq!(key.results(), [0]);
}
