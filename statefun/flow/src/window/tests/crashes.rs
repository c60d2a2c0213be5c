//! Whatever the description, a crash at any moment changes no result.

use proptest::prelude::*;

use super::fixture::{Event, Fixture, builder};
use super::oracle::{Step, advanced, steps};
use crate::time::Millis;
use crate::window::aggregate::collect;

fn specs() -> impl Strategy<Value = String> {
    let assigner = prop_oneof![
        (1_i64..60).prop_map(|size| format!(r#"{{"type": "tumbling", "size": {size}}}"#)),
        (1_i64..60, 1_i64..30)
            .prop_map(|(size, slide)| { format!(r#"{{"type": "sliding", "size": {size}, "slide": {slide}}}"#) }),
        (1_i64..12, 1_i64..5)
            .prop_map(|(step, n)| { format!(r#"{{"type": "cumulate", "size": {}, "step": {step}}}"#, step * n) }),
        (1_i64..25).prop_map(|gap| format!(r#"{{"type": "session", "gap": {gap}}}"#)),
        Just(r#"{"type": "session_dynamic"}"#.to_owned()),
        Just(r#"{"type": "global"}"#.to_owned()),
        Just(r#"{"type": "global_end_of_stream"}"#.to_owned()),
        (1_u64..6).prop_map(|size| format!(r#"{{"type": "count", "size": {size}}}"#)),
        (1_u64..6, 1_u64..6)
            .prop_map(|(size, slide)| { format!(r#"{{"type": "count", "size": {size}, "slide": {slide}}}"#) }),
    ];
    let trigger = prop_oneof![
        Just(r#"{"type": "event_time"}"#.to_owned()),
        (1_u64..5).prop_map(|n| format!(r#"{{"type": "count", "n": {n}}}"#)),
        (1_i64..40).prop_map(|interval| format!(r#"{{"type": "continuous_event_time", "interval": {interval}}}"#)),
        (0_i64..9).prop_map(|threshold| format!(r#"{{"type": "delta", "threshold": {threshold}}}"#)),
    ];
    let trigger = (trigger, any::<bool>()).prop_map(|(trigger, purging)| {
        if purging { format!(r#"{{"type": "purging", "inner": {trigger}}}"#) } else { trigger }
    });
    let evictor = (0_usize..3, 0_i64..20, any::<bool>()).prop_map(|(kind, x, after)| match kind {
        0 => format!(r#"{{"type": "count", "n": {x}, "after": {after}}}"#),
        1 => format!(r#"{{"type": "time", "ms": {x}, "after": {after}}}"#),
        _ => format!(r#"{{"type": "delta", "threshold": {x}, "after": {after}}}"#),
    });
    let optional = (prop::option::of(trigger), prop::option::of(evictor), 0_i64..40);
    (assigner, optional).prop_map(|(assigner, (trigger, evictor, lateness))| {
        let trigger = trigger.unwrap_or_else(|| "null".to_owned());
        let evictor = evictor.unwrap_or_else(|| "null".to_owned());
        format!(
            r#"{{"assigner": {assigner}, "trigger": {trigger}, "evictor": {evictor},
                "allowed_lateness": {lateness}, "late_output": true}}"#
        )
    })
}

/// What fires, in order, and what is late.
type Given = (Vec<(Millis, Millis, Vec<Event>)>, Vec<Event>);

fn play(spec: &str, crash: bool, steps: &[Step]) -> Option<Given> {
    // Descriptions that make no sense are drawn too; they are refused.
    let mut key = Fixture::of(builder(spec, collect()).build().ok()?);
    for step in steps {
        match *step {
            Step::Event(event) => _ = key.event(event),
            Step::Advance(by) => _ = key.watermark(advanced(key.host.watermark, by)),
            Step::Crash if crash => key.crash(),
            Step::Crash => {}
        }
    }
    key.end();
    if key.operator.spec().assigner.is_timed() {
        assert!(key.state.is_empty(), "nothing is remembered when the input has ended");
        assert!(key.host.timers.is_empty(), "and nothing waited for");
    }
    Some((key.fired(), std::mem::take(&mut key.host.late)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_changes_nothing(spec in specs(), steps in steps()) {
        // Nothing is sorted: the order of results does not depend on a crash either.
        prop_assert_eq!(play(&spec, true, &steps), play(&spec, false, &steps));
    }
}
