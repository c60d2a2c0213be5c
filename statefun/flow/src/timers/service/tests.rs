use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn timers_fire_in_order_of_time_across_keys() {
    let mut timers = TimerService::default();
    timers.set(3, "a");
    timers.set(1, "b");
    timers.set(2, "a");
    let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(2)).collect();
    assert_eq!(fired, [(1, "b"), (2, "a")]);
    assert_eq!(timers.earliest(), Some(3));
}

#[test]
fn deleting_is_by_key_and_exact_time() {
    let mut timers = TimerService::default();
    timers.set(3, "a");
    timers.delete(3, "b");
    timers.delete(2, "a");
    assert!(!timers.is_empty());
    timers.delete(3, "a");
    assert!(timers.is_empty());
}

#[test]
fn a_timer_set_behind_the_one_that_fires_is_next() {
    let mut timers = TimerService::default();
    timers.set(5, "a");
    timers.set(5, "b");
    assert_eq!(timers.pop_due(9), Some((5, "a")));
    timers.set(2, "c");
    timers.set(5, "a");
    let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(9)).collect();
    assert_eq!(fired, [(2, "c"), (5, "a"), (5, "b")]);
}

#[test]
fn a_service_survives_serialization() {
    let mut timers = TimerService::default();
    timers.set(i64::MAX, "a".to_owned());
    timers.set(i64::MIN, "b".to_owned());
    let json = serde_json::to_string(&timers).unwrap();
    assert_eq!(json, r#"[[-9223372036854775808,"b"],[9223372036854775807,"a"]]"#);
    assert_eq!(serde_json::from_str::<TimerService<String>>(&json).unwrap(), timers);
}

#[test]
fn a_timer_set_and_deleted_again_and_again_fills_no_memory() {
    let mut bucket = Bucket::default();
    for _ in 0..100_000 {
        bucket.set("a");
        bucket.delete("a");
        bucket.set("b");
    }
    assert!(bucket.notes() < 2000, "{} notes about two keys", bucket.notes());
    assert_eq!(bucket.into_keys(), ["b"]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Set(i64, u8),
    Delete(i64, u8),
    Pop(i64),
    Crash,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The definition: an ordered set.
    #[test]
    fn a_service_is_an_ordered_set(
        steps in prop::collection::vec(
            prop_oneof![
                4 => (0_i64..6, 0_u8..6).prop_map(|(at, key)| Step::Set(at, key)),
                2 => (0_i64..6, 0_u8..6).prop_map(|(at, key)| Step::Delete(at, key)),
                3 => (0_i64..6).prop_map(Step::Pop),
                1 => Just(Step::Crash),
            ],
            0..80,
        ),
    ) {
        let (mut service, mut set) = (TimerService::<u8>::default(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Set(at, key) => {
                    service.set(at, key);
                    set.insert((at, key));
                }
                Step::Delete(at, key) => {
                    service.delete(at, key);
                    set.remove(&(at, key));
                }
                Step::Pop(now) => {
                    let due = set.first().copied().filter(|(at, _)| *at <= now);
                    set.retain(|timer| Some(*timer) != due);
                    prop_assert_eq!(service.pop_due(now), due);
                }
                Step::Crash => {
                    let bytes = serde_json::to_vec(&service).unwrap();
                    service = serde_json::from_slice(&bytes).unwrap();
                }
            }
            prop_assert_eq!(service.to_vec(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(service.earliest(), set.first().map(|(at, _)| *at));
        }
    }
}
