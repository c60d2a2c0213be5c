use super::fixture::{Fixture, event};
use crate::time::MAX;
use crate::window::aggregate::{collect, count, sum};

const TUMBLING: &str = r#"{"assigner": {"type": "tumbling", "size": 10}, "late_output": true}"#;
const PATIENT: &str = r#"{"assigner": {"type": "tumbling", "size": 10}, "allowed_lateness": 5, "late_output": true}"#;
const GAPS: &str = r#"{"assigner": {"type": "sliding", "size": 2, "slide": 10}, "late_output": true}"#;

#[test]
fn a_window_fires_once_when_the_watermark_reaches_its_last_moment() {
    let mut key = Fixture::new(TUMBLING, sum(|event: &super::fixture::Event| event.v));
    key.events([(0, 1), (9, 2), (10, 4)]).watermark(8);
    assert_eq!(key.fired(), []);
    key.watermark(9);
    assert_eq!(key.fired(), [(0, 10, 3)]);
    key.end();
    assert_eq!(key.fired(), [(10, 20, 4)]);
    assert!(key.state.is_empty());
    assert!(key.host.timers.is_empty());
}

#[test]
fn an_event_for_a_closed_window_is_late() {
    let mut key = Fixture::new(TUMBLING, count());
    key.watermark(9).events([(9, 1)]).watermark(MAX - 1);
    assert_eq!(key.fired(), []);
    assert_eq!(key.host.late, [event(9, 1)]);
    assert!(key.state.is_empty());
}

#[test]
fn an_event_behind_the_watermark_is_on_time_while_its_window_is_open() {
    let mut key = Fixture::new(TUMBLING, count());
    key.watermark(8).events([(0, 1)]).watermark(9);
    assert_eq!(key.fired(), [(0, 10, 1)]);
    assert_eq!(key.host.late, []);
}

#[test]
fn a_patient_window_gives_its_whole_content_again_for_each_late_event() {
    let mut key = Fixture::new(PATIENT, count());
    key.events([(0, 1)]).watermark(10).events([(1, 1), (2, 1)]);
    assert_eq!(key.fired(), [(0, 10, 1), (0, 10, 2), (0, 10, 3)]);
    key.watermark(13).events([(3, 1)]);
    assert_eq!(key.fired(), [(0, 10, 4)]);
    key.watermark(14).events([(4, 1)]);
    assert_eq!(key.fired(), [], "closed at the end of its patience");
    assert_eq!(key.host.late, [event(4, 1)]);
    assert!(key.state.is_empty());
}

#[test]
fn without_an_output_for_late_events_they_are_counted() {
    let mut key = Fixture::new(r#"{"assigner": {"type": "tumbling", "size": 10}}"#, count());
    key.watermark(20).events([(9, 1)]);
    assert_eq!((key.host.late.len(), key.host.dropped), (0, 1));
}

#[test]
fn an_event_between_windows_is_late_only_if_it_is_behind_the_watermark() {
    let mut key = Fixture::new(GAPS, count());
    key.watermark(4).events([(5, 1), (3, 1)]).end();
    assert_eq!(key.fired(), []);
    assert_eq!(key.host.late, [event(3, 1)]);
}

#[test]
fn overlapping_windows_take_what_some_of_them_are_too_late_for() {
    let spec = r#"{"assigner": {"type": "sliding", "size": 10, "slide": 5}, "late_output": true}"#;
    let mut key = Fixture::new(spec, collect());
    key.events([(7, 1)]).watermark(9).events([(8, 2)]).end();
    assert_eq!(key.fired(), [(0, 10, vec![event(7, 1)]), (5, 15, vec![event(7, 1), event(8, 2)])]);
    assert_eq!(key.host.late, []);
}
