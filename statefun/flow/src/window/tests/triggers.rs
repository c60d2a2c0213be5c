use super::fixture::{Event, Fixture, builder};
use crate::time::MAX;
use crate::window::aggregate::{count, sum};
use crate::window::{Fired, SpecError, Window, WindowOperator, WindowSpec};

fn with_trigger(assigner: &str, trigger: &str) -> String {
    format!(r#"{{"assigner": {assigner}, "trigger": {trigger}}}"#)
}

const TUMBLING: &str = r#"{"type": "tumbling", "size": 100}"#;
const SESSION: &str = r#"{"type": "session", "gap": 10}"#;

#[test]
fn a_continuous_trigger_fires_at_multiples_of_its_interval_and_at_the_end() {
    let mut key =
        Fixture::new(&with_trigger(TUMBLING, r#"{"type": "continuous_event_time", "interval": 30}"#), count());
    key.events([(5, 1)]).watermark(29);
    assert!(key.results().is_empty());
    key.watermark(30).events([(40, 1)]).watermark(60);
    assert_eq!(key.results(), [1, 2]);
    key.watermark(98);
    assert_eq!(key.results(), [2], "by time, even if nothing new came");
    key.watermark(99);
    assert_eq!(key.results(), [2]);
    assert!(key.state.is_empty());
}

#[test]
fn a_purging_trigger_leaves_a_window_that_begins_anew() {
    let purging = r#"{"type": "purging", "inner": {"type": "continuous_event_time", "interval": 30}}"#;
    let mut key = Fixture::new(&with_trigger(TUMBLING, purging), count());
    key.events([(5, 1), (6, 1)]).watermark(30);
    assert_eq!(key.results(), [2]);
    key.watermark(60);
    assert!(key.results().is_empty(), "nothing gives no result");
    key.events([(61, 1)]).watermark(99);
    assert_eq!(key.results(), [1,], "and the end of the window finds nothing more");
}

#[test]
fn a_count_trigger_does_not_fire_at_the_end() {
    let mut key = Fixture::new(&with_trigger(TUMBLING, r#"{"type": "count", "n": 2}"#), count());
    key.events([(1, 1), (2, 1), (3, 1)]).end();
    assert_eq!(key.results(), [2]);
    assert!(key.state.is_empty());
}

#[test]
fn merging_sessions_add_up_what_was_counted() {
    let mut key = Fixture::new(&with_trigger(SESSION, r#"{"type": "count", "n": 3}"#), count());
    key.events([(0, 1), (18, 1), (9, 1)]);
    assert_eq!(key.fired(), [(0, 28, 3)]);
}

#[test]
fn a_delta_trigger_compares_with_the_last_event_that_fired() {
    let spec = with_trigger(r#"{"type": "global"}"#, r#"{"type": "delta", "threshold": 5.0}"#);
    let mut key = Fixture::new(&spec, count());
    key.events([(0, 0), (0, 5), (0, 6), (0, 11), (0, 12)]);
    assert_eq!(key.results(), [3, 5]);
}

#[test]
fn a_trigger_on_the_clock_fires_when_the_clock_passes_the_window() {
    let mut key = Fixture::new(&with_trigger(TUMBLING, r#"{"type": "processing_time"}"#), count());
    key.events([(5, 1)]).watermark(50).clock(98);
    assert!(key.results().is_empty());
    key.clock(99);
    assert_eq!(key.results(), [1]);
    key.watermark(99);
    assert!(key.state.is_empty(), "closed by event time");
}

#[test]
fn an_endless_window_fires_at_the_end_of_the_input() {
    let mut key = Fixture::new(r#"{"assigner": {"type": "global_end_of_stream"}}"#, count());
    key.events([(5, 1), (-3, 1)]).watermark(MAX - 1);
    assert!(key.results().is_empty());
    key.end();
    assert_eq!(key.host.fired, [Fired { window: Window::GLOBAL, result: 2 }]);
    assert_eq!(key.host.fired[0].at(), MAX);
}

#[test]
fn a_continuous_trigger_on_an_endless_window_stops_when_the_input_ends() {
    let spec = with_trigger(r#"{"type": "global"}"#, r#"{"type": "continuous_event_time", "interval": 10}"#);
    let mut key = Fixture::new(&spec, count());
    key.events([(5, 1)]).watermark(25).end();
    assert_eq!(key.results(), [1, 1, 1, 1], "at 10, 20, 30, and at the end");
}

#[test]
fn an_endless_window_without_a_trigger_never_fires() {
    let mut key = Fixture::new(r#"{"assigner": {"type": "global"}}"#, sum(|event: &Event| event.v));
    key.events([(5, 1)]).end();
    assert!(key.results().is_empty());
}

#[test]
fn functions_that_a_description_needs_must_be_given() {
    let bare = |json: &str| {
        let spec: WindowSpec = serde_json::from_str(json).unwrap();
        WindowOperator::builder(spec, count::<Event>()).build().err()
    };
    let missing = |error| matches!(error, Some(SpecError::FunctionMissing { .. }));
    assert!(missing(bare(r#"{"assigner": {"type": "session_dynamic"}}"#)));
    assert!(missing(bare(&with_trigger(r#"{"type": "global"}"#, r#"{"type": "delta", "threshold": 1.0}"#))));
    assert!(missing(bare(r#"{"assigner": {"type": "global"}, "evictor": {"type": "delta", "threshold": 1.0}}"#)));
    assert!(builder(r#"{"assigner": {"type": "session_dynamic"}}"#, count()).build().is_ok());
}
