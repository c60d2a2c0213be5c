//! Laws that hold for every pattern and every script. `PROPTEST_CASES` asks for more than the 256 cases of each.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Contiguity, Inner, Quantifier, SkipStrategy, StateError, Times, Within, WithinType};
use super::{Condition, Key, Pattern, Stage, Word, found, oracle};
use crate::time::Millis;

fn kinds() -> impl Strategy<Value = Condition<Word>> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c"]).prop_map(Condition::kind),
        1 => Just(Condition::kind("a").or(Condition::kind("b"))),
        1 => Just(Condition::kind("c").negate()),
    ]
}

fn times() -> impl Strategy<Value = Times> {
    prop_oneof![
        3 => Just(Times::One),
        1 => (1_u32..=3).prop_map(Times::Exactly),
        1 => (0_u32..=2, 1_u32..=3).prop_map(|(from, more)| Times::Range(from, from.max(1) + more - 1)),
        2 => (1_u32..=2).prop_map(Times::OrMore),
    ]
}

fn quantifiers() -> impl Strategy<Value = Quantifier> {
    let inner = prop::sample::select(vec![Inner::Relaxed, Inner::Strict, Inner::Any]);
    (times(), inner, prop::bool::weighted(0.25)).prop_map(|(times, inner, optional)| Quantifier {
        times,
        inner: if times == Times::One { Inner::Relaxed } else { inner },
        optional: optional && !matches!(times, Times::Range(0, _)),
        ..Quantifier::default()
    })
}

fn contiguities() -> impl Strategy<Value = Contiguity> {
    prop::sample::select(vec![Contiguity::Next, Contiguity::FollowedBy, Contiguity::FollowedByAny])
}

/// One to three stages with any quantifier and contiguity.
fn patterns() -> impl Strategy<Value = Pattern<Word>> {
    let stages = vec((kinds(), quantifiers(), contiguities()), 1..=3);
    let within = prop::option::of(20_i64..80);
    (stages, within).prop_map(|(stages, within)| {
        let stages = stages.into_iter().enumerate().map(|(n, (condition, quantifier, contig))| Stage {
            quantifier,
            contig: (n > 0).then_some(contig),
            ..Stage::named(format!("s{n}")).when(condition)
        });
        with_stages(stages.collect(), within)
    })
}

/// Two stages that occur once, and between them one that must not occur.
fn patterns_with_nots() -> impl Strategy<Value = Pattern<Word>> {
    let follows = contiguities();
    let not = prop::sample::select(vec![Contiguity::NotNext, Contiguity::NotFollowedBy]);
    (follows, not, prop::option::of(20_i64..80)).prop_map(|(follows, not, within)| {
        let stage = |kind: &str, contig| Stage { contig, ..super::stage(kind) };
        with_stages(vec![stage("a", None), stage("c", Some(not)), stage("b", Some(follows))], within)
    })
}

fn with_stages(stages: Vec<Stage<Word>>, within: Option<Millis>) -> Pattern<Word> {
    let mut pattern = Pattern::begin(Stage::named("replaced"));
    pattern.stages = stages;
    pattern.within = within.map(|ms| Within { ms, kind: WithinType::FirstAndLast });
    pattern
}

fn skips() -> impl Strategy<Value = SkipStrategy> {
    let name = || "s0".to_owned();
    prop::sample::select(vec![
        SkipStrategy::SkipToNext,
        SkipStrategy::SkipPastLast,
        SkipStrategy::SkipToFirst { name: name() },
        SkipStrategy::SkipToLast { name: name() },
    ])
}

/// Up to eight events of four kinds; times do not go back but may be equal.
fn scripts() -> impl Strategy<Value = String> {
    vec((prop::sample::select(vec!["a", "b", "c", "d"]), 0_i64..3), 0..=8).prop_map(|events| {
        let mut at = 0;
        let word = |(n, (kind, later)): (usize, (&str, i64))| {
            at += later * 10;
            format!("{kind}{n}@{at}")
        };
        events.into_iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    })
}

fn matches_only(said: Vec<String>) -> Vec<String> {
    said.into_iter().filter(|line| !line.contains(':')).collect()
}

proptest! {
    #[test]
    fn a_pattern_finds_what_the_definition_says((pattern, script) in (patterns(), scripts())) {
        prop_assert_eq!(found(&pattern, &script), oracle::matches(&pattern, &super::words(&script)), "{:?}", pattern);
    }

    #[test]
    fn what_must_not_occur_does_not((pattern, script) in (patterns_with_nots(), scripts())) {
        prop_assert_eq!(found(&pattern, &script), oracle::matches(&pattern, &super::words(&script)), "{:?}", pattern);
    }

    #[test]
    fn a_skip_strategy_only_takes_matches_away((pattern, skip, script) in (patterns(), skips(), scripts())) {
        let mut all = found(&pattern, &script);
        for kept in found(&pattern.skip(skip), &script) {
            let at = all.iter().position(|other| *other == kept);
            prop_assert!(at.is_some(), "{kept} is no match without the strategy");
            all.remove(at.unwrap());
        }
    }

    #[test]
    fn matches_do_not_overlap_when_skipping_past_the_last_event((pattern, script) in (patterns(), scripts())) {
        let kept = found(&pattern.skip(SkipStrategy::SkipPastLast), &script);
        let events: Vec<&str> = kept.iter().flat_map(|found| found.split(' ')).collect();
        let mut distinct = events.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(events.len(), distinct.len(), "{:?}", kept);
    }

    #[test]
    fn a_state_written_and_read_back_goes_on_the_same(
        (pattern, skip, script) in (patterns(), prop::option::of(skips()), scripts()),
    ) {
        let pattern = pattern.report_timeouts().skip(skip.unwrap_or_default());
        let (mut whole, mut crashed) = (Key::of(&pattern), Key::of(&pattern));
        for word in script.split(' ').filter(|word| !word.is_empty()) {
            whole.feed(word);
            crashed.feed(word);
            let written = serde_json::to_vec(&crashed.state).unwrap();
            crashed.state = serde_json::from_slice(&written).unwrap();
            prop_assert_eq!(serde_json::to_vec(&crashed.state).unwrap(), written);
        }
        prop_assert_eq!(whole.said(), crashed.said());
    }

    #[test]
    fn the_order_of_arrival_does_not_matter_before_the_watermark(
        (pattern, script, seed) in (patterns(), scripts(), any::<u64>()),
    ) {
        // Equal times are fed in the order of arrival, so only different times may change places.
        let mut words: Vec<(String, i64)> = super::words(&script).into_iter().map(|(word, at)| (word.name, at)).collect();
        words.dedup_by_key(|word| word.1);
        let script = |words: &[(String, i64)]| {
            words.iter().map(|(name, at)| format!("{name}@{at}")).collect::<Vec<_>>().join(" ")
        };
        let fed = found(&pattern, &script(&words));
        let turn = usize::try_from(seed % 8).unwrap() % words.len().max(1);
        words.rotate_left(turn);
        words.reverse();
        let mut key = Key::of(&pattern);
        key.receive(&script(&words));
        key.watermark(Millis::MAX);
        let mut said = matches_only(key.said());
        said.sort();
        prop_assert_eq!(said, fed);
    }

    #[test]
    fn nothing_is_kept_once_the_time_is_over((pattern, script) in (patterns(), scripts())) {
        let mut key = Key::of(&pattern.within(50));
        key.receive(&script);
        key.watermark(10_000);
        prop_assert!(key.state.is_empty());
        prop_assert_eq!(key.state.shared(), (0, 0));
        prop_assert_eq!(key.matcher.next_timer(&key.state), None);
    }

    #[test]
    fn a_pattern_reads_and_writes_its_data_form((pattern, skip) in (patterns(), skips())) {
        let data = serde_json::to_value(pattern.skip(skip)).unwrap();
        let read: Pattern<Word> = serde_json::from_value(data.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), data);
    }

    #[test]
    fn a_state_is_not_given_to_another_pattern((one, other, script) in (patterns(), patterns(), scripts())) {
        let (mut one, other) = (Key::of(&one), Key::of(&other));
        prop_assume!(one.matcher.fingerprint() != other.matcher.fingerprint());
        one.feed(&script);
        prop_assume!(!script.is_empty());
        let refused = other.matcher.advance(&mut one.state, 0, &mut |_| {});
        let told = StateError::OtherPattern { state: one.matcher.fingerprint(), pattern: other.matcher.fingerprint() };
        prop_assert_eq!(refused, Err(told));
    }
}
