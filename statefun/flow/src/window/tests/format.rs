//! What is written down outlives the process: a state written by this version stays readable. Add samples for a new form,
//! never change these.

use super::fixture::{Fixture, builder};
use crate::window::aggregate::{collect, count};

const SESSION: &str = r#"{"assigner": {"type": "session", "gap": 10}}"#;
const SLIDING: &str = r#"{"assigner": {"type": "sliding", "size": 10, "slide": 5}}"#;
const EVICTING: &str = r#"{"assigner": {"type": "tumbling", "size": 10}, "evictor": {"type": "count", "n": 1}}"#;

const SESSION_SAMPLE: &str =
    r#"{"Sessions":{"sessions":[{"window":{"start":3,"end":14},"accumulator":2,"open":true}],"wake":12}}"#;
const SLIDING_SAMPLE: &str =
    r#"{"Sliced":{"slices":[{"start":0,"accumulator":2}],"next_end":5,"wake":4,"folds":null}}"#;
const EVICTING_SAMPLE: &str = concat!(
    r#"{"General":{"arrivals":2,"panes":[{"window":{"start":0,"end":10},"content":{"Kept":["#,
    r#"{"at":3,"arrival":1,"event":{"at":3,"v":1,"gap":1}},{"at":4,"arrival":2,"event":{"at":4,"v":2,"gap":1}}]},"#,
    r#""memory":"Nothing"}],"timers":{"timers":[[9,{"start":0,"end":10}]]},"wake":9,"#,
    r#""processing_timers":{"timers":[]},"processing_wake":null}}"#,
);

#[test]
fn states_are_written_as_they_always_were() {
    let mut key = Fixture::new(SESSION, count());
    key.events([(3, 1), (4, 2)]);
    assert_eq!(serde_json::to_string(&key.state).unwrap(), SESSION_SAMPLE);
    let mut key = Fixture::new(SLIDING, count());
    key.events([(3, 1), (4, 2)]);
    assert_eq!(serde_json::to_string(&key.state).unwrap(), SLIDING_SAMPLE);
    let mut key = Fixture::new(EVICTING, collect());
    key.events([(3, 1), (4, 2)]);
    assert_eq!(serde_json::to_string(&key.state).unwrap(), EVICTING_SAMPLE);
}

#[test]
fn a_state_that_was_written_goes_on_where_it_was() {
    let mut key = Fixture::new(SESSION, count());
    key.state = serde_json::from_str(SESSION_SAMPLE).unwrap();
    key.host.timers.set(12, ());
    assert_eq!(key.end().fired(), [(3, 14, 2)]);
    let mut key = Fixture::new(SLIDING, count());
    key.state = serde_json::from_str(SLIDING_SAMPLE).unwrap();
    key.host.timers.set(4, ());
    assert_eq!(key.end().fired(), [(-5, 5, 2), (0, 10, 2)]);
    let mut key = Fixture::new(EVICTING, count());
    key.state = serde_json::from_str(EVICTING_SAMPLE).unwrap();
    key.host.timers.set(9, ());
    assert_eq!(key.end().fired(), [(0, 10, 1)]);
}

#[test]
fn an_operator_knows_a_state_that_is_not_its_own() {
    let sliding = builder(SLIDING, count()).build().unwrap();
    let general = builder(SLIDING, count()).without_shortcuts().build().unwrap();
    assert!(sliding.accepts(&serde_json::from_str(SLIDING_SAMPLE).unwrap()));
    assert!(sliding.accepts(&serde_json::from_str(r#""Empty""#).unwrap()));
    assert!(!sliding.accepts(&serde_json::from_str(SESSION_SAMPLE).unwrap()));
    assert!(!general.accepts(&serde_json::from_str(SLIDING_SAMPLE).unwrap()));
}
