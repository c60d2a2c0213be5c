use proptest::prelude::*;

use super::*;
use crate::time::{MAX, MIN, ProcessingTime};
use crate::timers::{TimerService, Timers};
use crate::window::{Assigner, Context, Fired, KeyStateOf};

type Group = CoGrouped<u32, u32>;

struct Host {
    watermark: Millis,
    timers: TimerService<()>,
    fired: Vec<Fired<Group>>,
}

impl Timers for Host {
    fn watermark(&self) -> Millis {
        self.watermark
    }
    fn processing_time(&self) -> ProcessingTime {
        ProcessingTime(0)
    }
    fn set_timer(&mut self, at: Millis) {
        self.timers.set(at, ());
    }
    fn delete_timer(&mut self, at: Millis) {
        self.timers.delete(at, ());
    }
    fn set_processing_timer(&mut self, _: ProcessingTime) {}
    fn delete_processing_timer(&mut self, _: ProcessingTime) {}
}

impl Context<Sided<u32, u32>, Group> for Host {
    fn emit(&mut self, fired: Fired<Group>) {
        self.fired.push(fired);
    }
    fn late(&mut self, _: Millis, _: Sided<u32, u32>) {}
}

/// What fires when all events have come and the input ends.
fn groups(spec: WindowSpec, events: &[(bool, Millis)]) -> Vec<Fired<Group>> {
    let operator = cogroup::<u32, u32>(spec).build().unwrap();
    let mut state = KeyStateOf::<CoGroup<u32, u32>>::default();
    let mut host = Host { watermark: MIN, timers: TimerService::default(), fired: vec![] };
    for (id, (is_left, at)) in (0_u32..).zip(events) {
        let event = if *is_left { Sided::Left(id) } else { Sided::Right(id) };
        operator.on_event(&mut state, *at, event, &mut host);
    }
    host.watermark = MAX;
    while let Some((at, ())) = host.timers.pop_due(MAX) {
        operator.on_timer(&mut state, at, &mut host);
    }
    assert!(state.is_empty());
    host.fired
}

#[test]
fn a_group_fires_even_if_one_side_has_nothing() {
    let fired =
        groups(WindowSpec::new(Assigner::Tumbling { size: 10, offset: 0 }), &[(true, 1), (true, 2), (false, 11)]);
    let sides: Vec<_> = fired.iter().map(|fired| (fired.result.left.clone(), fired.result.right.clone())).collect();
    assert_eq!(sides, [(vec![0, 1], vec![]), (vec![], vec![2])]);
    assert!(fired.iter().all(|fired| fired.result.pairs().next().is_none()), "and gives no pairs");
}

#[test]
fn sessions_merge_across_both_sides() {
    let fired = groups(WindowSpec::new(Assigner::Session { gap: 10 }), &[(true, 0), (true, 16), (false, 8)]);
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0].result, CoGrouped { left: vec![0, 1], right: vec![2] });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The definition: for each window, each left event in it with each right event in it.
    #[test]
    fn a_window_join_is_every_pair_in_every_window(
        events in prop::collection::vec((any::<bool>(), -30_i64..30), 0..40),
        size in 1_i64..20,
        slide in 1_i64..20,
    ) {
        let fired = groups(WindowSpec::new(Assigner::Sliding { size, slide, offset: 0 }), &events);
        let mut pairs: Vec<(Millis, u32, u32)> = Vec::new();
        for fired in &fired {
            pairs.extend(fired.result.pairs().map(|(left, right)| (fired.window.start, *left, *right)));
        }
        let mut expected = Vec::new();
        for start in (-100..100).filter(|start| start % slide == 0) {
            let inside = |at: Millis| start <= at && at < start + size;
            for (left, (is_left, left_at)) in (0_u32..).zip(&events) {
                for (right, (right_is_left, right_at)) in (0_u32..).zip(&events) {
                    if *is_left && !right_is_left && inside(*left_at) && inside(*right_at) {
                        expected.push((start, left, right));
                    }
                }
            }
        }
        pairs.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(pairs, expected);
    }
}
