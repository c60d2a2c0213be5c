use super::fixture::{Event, Fixture, event};
use crate::window::aggregate::{collect, count, sum};

const SESSION: &str = r#"{"assigner": {"type": "session", "gap": 10}, "late_output": true}"#;
const PATIENT: &str = r#"{"assigner": {"type": "session", "gap": 10}, "allowed_lateness": 100, "late_output": true}"#;
const DYNAMIC: &str = r#"{"assigner": {"type": "session_dynamic"}}"#;

#[test]
fn sessions_that_touch_are_one() {
    let mut key = Fixture::new(SESSION, count());
    key.events([(0, 1), (10, 1), (21, 1)]).end();
    assert_eq!(key.fired(), [(0, 20, 2), (21, 31, 1)]);
}

#[test]
fn an_event_can_bridge_two_sessions() {
    let mut key = Fixture::new(SESSION, sum(|event: &Event| event.v));
    key.events([(0, 1), (18, 2), (9, 4)]).end();
    assert_eq!(key.fired(), [(0, 28, 7)]);
}

#[test]
fn an_event_behind_a_closed_session_opens_its_own() {
    let mut key = Fixture::new(SESSION, count());
    key.events([(0, 1), (5, 1)]).watermark(14).events([(12, 1)]).end();
    assert_eq!(key.fired(), [(0, 15, 2), (12, 22, 1)]);
}

#[test]
fn the_merged_session_decides_whether_an_event_is_late() {
    let mut key = Fixture::new(SESSION, count());
    key.events([(5, 1), (12, 1)]).watermark(20).events([(4, 1)]);
    assert_eq!(key.host.late, [], "its own window is over, the session is not");
    key.end();
    assert_eq!(key.fired(), [(4, 22, 3)]);
    key = Fixture::new(SESSION, count());
    key.watermark(20).events([(4, 1)]);
    assert_eq!(key.host.late, [event(4, 1)]);
}

#[test]
fn a_late_event_opens_fired_sessions_again_and_they_fire_as_one() {
    let mut key = Fixture::new(PATIENT, count());
    key.events([(0, 1), (15, 1)]).watermark(30);
    assert_eq!(key.fired(), [(0, 10, 1), (15, 25, 1)]);
    key.events([(8, 1)]);
    assert_eq!(key.fired(), [(0, 25, 3)], "complete already: fires at once");
    key.events([(24, 1)]);
    assert_eq!(key.fired(), [], "its end is ahead again");
    key.watermark(33);
    assert_eq!(key.fired(), [(0, 34, 4)]);
    key.watermark(133);
    assert!(key.state.is_empty());
}

#[test]
fn each_event_can_bring_its_own_gap() {
    let mut key = Fixture::new(DYNAMIC, count());
    for (at, gap) in [(0, 5), (5, 1), (6, 100), (50, 1), (200, 1)] {
        key.event(Event { at, v: 1, gap });
    }
    key.end();
    assert_eq!(key.fired(), [(0, 106, 4), (200, 201, 1)]);
}

#[test]
fn a_window_equal_to_a_session_that_stands_loses_nothing() {
    let mut key = Fixture::new(DYNAMIC, count());
    for (at, gap) in [(0, 5), (3, 7), (0, 10)] {
        key.event(Event { at, v: 1, gap });
    }
    key.end();
    assert_eq!(key.fired(), [(0, 10, 3)]);
}

#[test]
fn merged_sessions_list_their_events_in_order_of_arrival_for_an_evictor() {
    let spec = r#"{"assigner": {"type": "session", "gap": 10}, "evictor": {"type": "count", "n": 2}}"#;
    let mut key = Fixture::new(spec, collect());
    key.events([(18, 1), (0, 2), (9, 3)]).end();
    assert_eq!(key.results(), [vec![event(0, 2), event(9, 3)]]);
}

#[test]
fn a_growing_session_does_not_touch_the_timers_of_its_host() {
    let mut key = Fixture::new(SESSION, count());
    key.events([(0, 1)]);
    assert_eq!(key.host.timers.earliest(), Some(9));
    key.events((1..8).map(|at| (at, 1)));
    assert_eq!(key.host.timers.earliest(), Some(9), "woken early once, not moved seven times");
    key.watermark(9);
    assert_eq!((key.fired(), key.host.timers.earliest()), (vec![], Some(16)));
    key.watermark(16);
    assert_eq!(key.fired(), [(0, 17, 8)]);
}
