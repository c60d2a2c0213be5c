//! Definitions of windows written without the operator's means: every window is looked at one by one, every event kept.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::{Event, Fixture};
use crate::time::{MAX, MIN, Millis};
use crate::window::aggregate::collect;

/// What happens to a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Event(Event),
    /// Time moves on by this much (from the latest event seen before any watermark).
    Advance(Millis),
    /// State and timers are written down, lost, and read again.
    Crash,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let event = (-60_i64..120, -9_i64..9, 1_i64..25).prop_map(|(at, v, gap)| Step::Event(Event { at, v, gap }));
    let advance = (0_i64..30).prop_map(Step::Advance);
    prop::collection::vec(prop_oneof![6 => event, 2 => advance, 1 => Just(Step::Crash)], 0..70)
}

/// What a step gave: windows with the values in them (sorted), and the late values.
type Given = (Vec<(Millis, Millis, Vec<i64>)>, Vec<i64>);

/// Plays the steps against the operator, then ends the input.
fn play(spec: &str, general: bool, steps: &[Step]) -> Vec<Given> {
    let builder = super::fixture::builder(spec, collect());
    let builder = if general { builder.without_shortcuts() } else { builder };
    let mut key = Fixture::of(builder.build().unwrap());
    let mut given = Vec::new();
    for step in steps.iter().copied().chain([Step::Advance(MAX)]) {
        match step {
            Step::Event(event) => _ = key.event(event),
            Step::Advance(by) => _ = key.watermark(advanced(key.host.watermark, by)),
            Step::Crash => key.crash(),
        }
        let mut fired: Vec<_> = key
            .fired()
            .into_iter()
            .map(|(start, end, events)| (start, end, sorted(events.iter().map(|event| event.v))))
            .collect();
        fired.sort();
        given.push((fired, sorted(std::mem::take(&mut key.host.late).iter().map(|event| event.v))));
    }
    assert!(key.state.is_empty(), "nothing is remembered when the input has ended");
    given
}

pub(super) fn advanced(watermark: Millis, by: Millis) -> Millis {
    if by == MAX {
        MAX
    } else if watermark == MIN {
        -70 + by
    } else {
        watermark + by
    }
}

fn sorted(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    values
}

/// The default trigger over windows that do not merge: `all` lists the windows that contain a moment.
fn by_definition(all: impl Fn(Millis) -> Vec<(Millis, Millis)>, lateness: Millis, steps: &[Step]) -> Vec<Given> {
    let mut windows: BTreeMap<(Millis, Millis), Vec<i64>> = BTreeMap::new();
    let mut watermark = MIN;
    let mut given = Vec::new();
    for step in steps.iter().copied().chain([Step::Advance(MAX)]) {
        let (mut fired, mut late) = (Vec::new(), Vec::new());
        match step {
            Step::Event(event) => {
                let open: Vec<_> =
                    all(event.at).into_iter().filter(|window| watermark < window.1 - 1 + lateness).collect();
                for window in &open {
                    let content = windows.entry(*window).or_default();
                    content.push(event.v);
                    if window.1 - 1 <= watermark {
                        fired.push((window.0, window.1, sorted(content.iter().copied())));
                    }
                }
                if open.is_empty() && event.at.saturating_add(lateness) <= watermark {
                    late.push(event.v);
                }
            }
            Step::Advance(by) => {
                let before = watermark;
                watermark = advanced(watermark, by);
                for (window, content) in &windows {
                    if before < window.1 - 1 && window.1 - 1 <= watermark {
                        fired.push((window.0, window.1, sorted(content.iter().copied())));
                    }
                }
                windows.retain(|window, _| watermark < (window.1 - 1).saturating_add(lateness));
            }
            Step::Crash => {}
        }
        fired.sort();
        given.push((fired, late));
    }
    given
}

/// Sessions as connected components: two events belong together if their spans overlap or touch.
fn sessions_by_definition(gap: Option<Millis>, lateness: Millis, steps: &[Step]) -> Vec<Given> {
    type Member = (Millis, Millis, i64);
    let bounds = |session: &[Member]| {
        (session.iter().map(|member| member.0).min().unwrap(), session.iter().map(|member| member.1).max().unwrap())
    };
    let result = |session: &[Member]| {
        let (start, end) = bounds(session);
        (start, end, sorted(session.iter().map(|member| member.2)))
    };
    let mut sessions: Vec<Vec<Member>> = Vec::new();
    let mut watermark = MIN;
    let mut given = Vec::new();
    for step in steps.iter().copied().chain([Step::Advance(MAX)]) {
        let (mut fired, mut late) = (Vec::new(), Vec::new());
        match step {
            Step::Event(event) => {
                let own = (event.at, event.at + gap.unwrap_or(event.gap), event.v);
                let joins = |session: &Vec<Member>| {
                    let (start, end) = bounds(session);
                    start <= own.1 && own.0 <= end
                };
                let (mut joined, apart): (Vec<_>, Vec<_>) = sessions.into_iter().partition(joins);
                sessions = apart;
                joined.push(vec![own]);
                let session = joined.concat();
                let end = bounds(&session).1;
                if end - 1 + lateness <= watermark {
                    late.push(event.v);
                } else {
                    if end - 1 <= watermark {
                        fired.push(result(&session));
                    }
                    sessions.push(session);
                }
            }
            Step::Advance(by) => {
                let before = watermark;
                watermark = advanced(watermark, by);
                for session in &sessions {
                    let end = bounds(session).1;
                    if before < end - 1 && end - 1 <= watermark {
                        fired.push(result(session));
                    }
                }
                sessions.retain(|session| watermark < (bounds(session).1 - 1).saturating_add(lateness));
            }
            Step::Crash => {}
        }
        fired.sort();
        given.push((fired, late));
    }
    given
}

/// Looks at every start between -1000 and 1000.
fn every_window(size: Millis, is_start: impl Fn(Millis) -> bool) -> impl Fn(Millis) -> Vec<(Millis, Millis)> {
    let starts: Vec<Millis> = (-1000..1000).filter(|start| is_start(*start)).collect();
    move |at| {
        let contain = starts.iter().filter(|start| **start <= at && at < **start + size);
        contain.map(|start| (*start, start + size)).collect()
    }
}

fn on_grid(start: Millis, step: Millis, offset: Millis) -> bool {
    // Deliberately not the remainder that the operator uses.
    (start - offset) % step == 0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tumbling_windows_are_what_their_definition_says(
        size in 1_i64..40, shift in -40_i64..40, lateness in prop_oneof![Just(0), 0_i64..40], steps in steps(),
    ) {
        let offset = shift % size;
        let spec = format!(
            r#"{{"assigner": {{"type": "tumbling", "size": {size}, "offset": {offset}}},
                "allowed_lateness": {lateness}, "late_output": true}}"#
        );
        let expected = by_definition(every_window(size, |start| on_grid(start, size, offset)), lateness, &steps);
        prop_assert_eq!(&play(&spec, false, &steps), &expected);
        prop_assert_eq!(&play(&spec, true, &steps), &expected);
    }

    #[test]
    fn sliding_windows_are_what_their_definition_says(
        size in 1_i64..40, slide in 1_i64..40, shift in -40_i64..40, lateness in prop_oneof![Just(0), 0_i64..40],
        steps in steps(),
    ) {
        let offset = shift % slide;
        let spec = format!(
            r#"{{"assigner": {{"type": "sliding", "size": {size}, "slide": {slide}, "offset": {offset}}},
                "allowed_lateness": {lateness}, "late_output": true}}"#
        );
        let expected = by_definition(every_window(size, |start| on_grid(start, slide, offset)), lateness, &steps);
        prop_assert_eq!(&play(&spec, false, &steps), &expected);
    }

    #[test]
    fn cumulating_windows_are_what_their_definition_says(
        step in 1_i64..12, growths in 1_i64..5, shift in -40_i64..40, lateness in prop_oneof![Just(0), 0_i64..40],
        steps in steps(),
    ) {
        let size = step * growths;
        let offset = shift % size;
        let spec = format!(
            r#"{{"assigner": {{"type": "cumulate", "size": {size}, "step": {step}, "offset": {offset}}},
                "allowed_lateness": {lateness}, "late_output": true}}"#
        );
        let longest = every_window(size, |start| on_grid(start, size, offset));
        let all = |at| {
            let (start, _) = longest(at)[0];
            (1..=growths).map(|n| (start, start + n * step)).filter(|window| at < window.1).collect()
        };
        prop_assert_eq!(play(&spec, false, &steps), by_definition(all, lateness, &steps));
    }

    #[test]
    fn sessions_are_what_their_definition_says(
        gap in 1_i64..25, lateness in prop_oneof![Just(0), 0_i64..40], steps in steps(),
    ) {
        let spec = format!(
            r#"{{"assigner": {{"type": "session", "gap": {gap}}}, "allowed_lateness": {lateness}, "late_output": true}}"#
        );
        let expected = sessions_by_definition(Some(gap), lateness, &steps);
        prop_assert_eq!(&play(&spec, false, &steps), &expected);
        prop_assert_eq!(&play(&spec, true, &steps), &expected);
    }

    #[test]
    fn sessions_with_dynamic_gaps_are_what_their_definition_says(
        lateness in prop_oneof![Just(0), 0_i64..40], steps in steps(),
    ) {
        let spec = format!(
            r#"{{"assigner": {{"type": "session_dynamic"}}, "allowed_lateness": {lateness}, "late_output": true}}"#
        );
        let expected = sessions_by_definition(None, lateness, &steps);
        prop_assert_eq!(&play(&spec, false, &steps), &expected);
        prop_assert_eq!(&play(&spec, true, &steps), &expected);
    }

    #[test]
    fn count_windows_are_runs_of_events_in_order_of_arrival(size in 1_usize..6, steps in steps()) {
        let spec = format!(r#"{{"assigner": {{"type": "count", "size": {size}}}}}"#);
        let runs = values(&steps).chunks_exact(size).map(<[i64]>::to_vec).collect::<Vec<_>>();
        prop_assert_eq!(lists(&spec, &steps), runs);
    }

    #[test]
    fn sliding_count_windows_are_the_last_events_every_few(
        size in 1_usize..8, slide in 1_usize..8, steps in steps(),
    ) {
        let spec = format!(r#"{{"assigner": {{"type": "count", "size": {size}, "slide": {slide}}}}}"#);
        let values = values(&steps);
        let mut expected = Vec::new();
        // What was evicted at one firing is gone for the next: with size below slide that changes nothing.
        for end in (slide..=values.len()).step_by(slide) {
            expected.push(values[end.saturating_sub(size)..end].to_vec());
        }
        prop_assert_eq!(lists(&spec, &steps), expected);
    }

    #[test]
    fn the_endless_window_holds_everything_at_the_end(steps in steps()) {
        let spec = r#"{"assigner": {"type": "global_end_of_stream"}}"#;
        let values = values(&steps);
        let expected = if values.is_empty() { vec![] } else { vec![values] };
        prop_assert_eq!(lists(spec, &steps), expected);
    }
}

fn values(steps: &[Step]) -> Vec<i64> {
    let events = steps.iter().filter_map(|step| if let Step::Event(event) = step { Some(event.v) } else { None });
    events.collect()
}

/// The lists that fire, crashes included, in order.
fn lists(spec: &str, steps: &[Step]) -> Vec<Vec<i64>> {
    let mut key = Fixture::new(spec, collect());
    for step in steps {
        match *step {
            Step::Event(event) => _ = key.event(event),
            Step::Advance(by) => _ = key.watermark(advanced(key.host.watermark, by)),
            Step::Crash => key.crash(),
        }
    }
    let results = key.end().results();
    results.into_iter().map(|events| events.iter().map(|event| event.v).collect()).collect()
}
