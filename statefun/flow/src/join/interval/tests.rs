use proptest::prelude::*;

use super::*;
use crate::time::ProcessingTime;
use crate::timers::TimerService;

/// One key of a join, with its timers, and what it gave: pairs, and late events by side.
struct Fixture {
    join: IntervalJoin,
    state: IntervalState<u32, u32>,
    host: Host,
}

struct Host {
    watermark: Millis,
    timers: TimerService<()>,
    pairs: Vec<(u32, u32)>,
    late: Vec<(char, u32)>,
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

impl IntervalContext<u32, u32> for Host {
    fn emit(&mut self, joined: Joined<'_, u32, u32>) {
        assert_eq!(joined.at(), joined.left_at.max(joined.right_at));
        self.pairs.push((*joined.left, *joined.right));
    }
    fn late_left(&mut self, _: Millis, event: u32) {
        self.late.push(('l', event));
    }
    fn late_right(&mut self, _: Millis, event: u32) {
        self.late.push(('r', event));
    }
}

impl Fixture {
    fn new(spec: &IntervalSpec) -> Self {
        let host = Host { watermark: MIN, timers: TimerService::default(), pairs: vec![], late: vec![] };
        Self { join: IntervalJoin::new(spec).unwrap(), state: IntervalState::default(), host }
    }
    fn left(&mut self, at: Millis, id: u32) {
        self.join.on_left(&mut self.state, at, id, &mut self.host);
    }
    fn right(&mut self, at: Millis, id: u32) {
        self.join.on_right(&mut self.state, at, id, &mut self.host);
    }
    fn watermark(&mut self, watermark: Millis) {
        self.host.watermark = watermark;
        while let Some((at, ())) = self.host.timers.pop_due(watermark) {
            self.join.on_timer(&mut self.state, at, &mut self.host);
        }
    }
}

#[test]
fn a_pair_is_given_when_its_second_event_arrives() {
    let mut join = Fixture::new(&IntervalSpec::new(0, 10));
    join.right(15, 1);
    join.left(5, 2);
    join.left(4, 3);
    join.right(14, 4);
    assert_eq!(join.host.pairs, [(2, 1), (3, 4), (2, 4)], "partners in order of their time");
}

#[test]
fn a_bound_can_be_excluded() {
    let spec = IntervalSpec { lower_inclusive: false, upper_inclusive: false, ..IntervalSpec::new(0, 2) };
    let mut join = Fixture::new(&spec);
    join.left(0, 1);
    for at in 0..=2 {
        join.right(at, u32::try_from(at).unwrap());
    }
    assert_eq!(join.host.pairs, [(1, 1)]);
}

#[test]
fn an_event_at_the_watermark_is_on_time_and_one_behind_it_is_late() {
    let mut join = Fixture::new(&IntervalSpec { late_output: true, ..IntervalSpec::new(-5, 5) });
    join.left(0, 1);
    join.watermark(3);
    join.right(3, 2);
    join.right(2, 3);
    assert_eq!(join.host.pairs, [(1, 2)]);
    assert_eq!(join.host.late, [('r', 3)]);
}

#[test]
fn nothing_is_remembered_once_no_partner_can_come() {
    let mut join = Fixture::new(&IntervalSpec::new(-5, 10));
    join.left(0, 1);
    join.right(0, 2);
    join.watermark(4);
    assert!(!join.state.is_empty());
    join.watermark(10);
    assert!(join.state.is_empty());
    assert!(join.host.timers.is_empty());
}

#[test]
fn an_empty_interval_is_refused() {
    let spec = IntervalSpec { lower_inclusive: false, ..IntervalSpec::new(3, 3) };
    assert_eq!(IntervalJoin::new(&spec), Err(IntervalSpecError { lower: 4, upper: 3 }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The definition: of the events that are not late, all pairs within the interval, each exactly once.
    #[test]
    fn without_late_events_the_pairs_are_those_of_the_definition(
        events in prop::collection::vec((any::<bool>(), -40_i64..40), 0..60),
        lower in -12_i64..12,
        length in 0_i64..15,
    ) {
        let upper = lower + length;
        let mut join = Fixture::new(&IntervalSpec::new(lower, upper));
        let mut expected = Vec::new();
        for (id, (is_left, at)) in events.iter().enumerate() {
            let id = u32::try_from(id).unwrap();
            if *is_left { join.left(*at, id) } else { join.right(*at, id) }
            for (other, (other_is_left, other_at)) in events[..id as usize].iter().enumerate() {
                let other = u32::try_from(other).unwrap();
                let (distance, pair) = if *is_left { (other_at - at, (id, other)) } else { (at - other_at, (other, id)) };
                if is_left != other_is_left && (lower..=upper).contains(&distance) {
                    expected.push(pair);
                }
            }
        }
        join.host.pairs.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(join.host.pairs, expected);
    }

    /// A watermark that never passes an event to come takes nothing away.
    #[test]
    fn forgetting_changes_no_result_while_events_are_on_time(
        events in prop::collection::vec((any::<bool>(), 0_i64..8), 0..80),
        lower in -12_i64..12,
        length in 0_i64..15,
    ) {
        let spec = IntervalSpec::new(lower, lower + length);
        let (mut forgetful, mut hoarding) = (Fixture::new(&spec), Fixture::new(&spec));
        let mut at = 0;
        for (id, (is_left, step)) in events.iter().enumerate() {
            let id = u32::try_from(id).unwrap();
            at += step;
            for join in [&mut forgetful, &mut hoarding] {
                if *is_left { join.left(at, id) } else { join.right(at, id) }
            }
            forgetful.watermark(at - 1);
        }
        prop_assert_eq!(forgetful.host.pairs, hoarding.host.pairs);
    }
}
