//! What holds for watermarks whatever the inputs do.

use proptest::prelude::*;

use super::{MIN, Merged, Millis, Sides};

#[derive(Clone, Copy, Debug)]
enum Step {
    Watermark(usize, Millis),
    Idle(usize),
    Active(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_usize..3, 0_i64..100).prop_map(|(input, watermark)| Step::Watermark(input, watermark)),
        1 => (0_usize..3).prop_map(Step::Idle),
        1 => (0_usize..3).prop_map(Step::Active),
    ];
    prop::collection::vec(step, 0..60)
}

/// The three inputs as their own words have them.
#[derive(Clone, Copy)]
struct Told {
    watermark: Millis,
    idle: bool,
}

fn tell(told: &mut [Told; 3], step: Step) {
    match step {
        Step::Watermark(input, watermark) if !told[input].idle => {
            told[input].watermark = told[input].watermark.max(watermark);
        }
        Step::Watermark(..) => {}
        Step::Idle(input) => told[input].idle = true,
        Step::Active(input) => told[input].idle = false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merged_time_only_moves_forward_and_never_ahead_of_everybody(steps in steps()) {
        let mut inputs = Merged::new(3);
        let mut told = [Told { watermark: MIN, idle: false }; 3];
        for step in steps {
            let before = inputs.current();
            tell(&mut told, step);
            let moved = match step {
                Step::Watermark(input, watermark) => inputs.on_watermark(input, watermark),
                Step::Idle(input) => inputs.on_idle(input),
                Step::Active(input) => {
                    inputs.on_active(input);
                    None
                }
            };
            prop_assert_eq!(moved.unwrap_or(before), inputs.current());
            prop_assert!(moved.is_none_or(|moved| moved > before));
            prop_assert!(inputs.current() <= told.iter().map(|told| told.watermark).max().unwrap());
        }
    }

    #[test]
    fn without_idleness_time_is_the_least_watermark(steps in steps()) {
        let (mut inputs, mut sides) = (Merged::new(3), Sides::new(3));
        let mut told = [Told { watermark: MIN, idle: false }; 3];
        for step in steps {
            let Step::Watermark(input, watermark) = step else { continue };
            tell(&mut told, step);
            prop_assert_eq!(inputs.on_watermark(input, watermark), sides.on_watermark(input, watermark));
            let least = told.iter().map(|told| told.watermark).min().unwrap();
            prop_assert_eq!((inputs.current(), sides.current()), (least, least));
        }
    }

    /// The definition: the furthest that the least watermark of the sides that are not idle has ever been.
    #[test]
    fn time_of_sides_is_the_furthest_that_their_least_watermark_has_been(steps in steps()) {
        let mut sides = Sides::new(3);
        let mut told = [Told { watermark: MIN, idle: false }; 3];
        let mut furthest = MIN;
        for step in steps {
            tell(&mut told, step);
            match step {
                Step::Watermark(side, watermark) => _ = sides.on_watermark(side, watermark),
                Step::Idle(side) => _ = sides.on_idle(side),
                Step::Active(side) => _ = sides.on_active(side),
            }
            let least = told.iter().filter(|told| !told.idle).map(|told| told.watermark).min();
            furthest = furthest.max(least.unwrap_or(MIN));
            prop_assert_eq!(sides.current(), furthest);
        }
    }
}
