//! Every kind of quantifier against the definition, each by itself, between two stages that occur once.
//! `PROPTEST_CASES` asks for more than the 256 cases of each.

use proptest::prelude::*;

use super::super::{Contiguity, Inner, Quantifier, Times};
use super::{Pattern, Stage, Word, begin, found, oracle, stage};

/// A stage with the quantifier at the beginning, in the middle or at the end, and how it and the last one follow.
fn around(
    quantifier: Quantifier,
    place: usize,
    follows: (Contiguity, Contiguity),
    within: Option<i64>,
) -> Pattern<Word> {
    let looped = Stage { quantifier, ..stage("a") };
    let mut stages = vec![stage("c"), stage("b")];
    stages.insert(place, looped);
    let links = [None, Some(follows.0), Some(follows.1)];
    let mut pattern = begin("replaced");
    pattern.stages = stages.into_iter().zip(links).map(|(stage, contig)| Stage { contig, ..stage }).collect();
    match within {
        Some(ms) => pattern.within(ms),
        None => pattern,
    }
}

fn contiguities() -> impl Strategy<Value = Contiguity> {
    prop::sample::select(vec![Contiguity::Next, Contiguity::FollowedBy, Contiguity::FollowedByAny])
}

/// Up to nine events, mostly of the looped stage.
fn scripts() -> impl Strategy<Value = String> {
    let kinds = prop::sample::select(vec!["a", "a", "a", "b", "c", "d"]);
    prop::collection::vec((kinds, 0_i64..3), 0..=9).prop_map(|events| {
        let mut at = 0;
        let word = |(n, (kind, later)): (usize, (&str, i64))| {
            at += later * 10;
            format!("{kind}{n}@{at}")
        };
        events.into_iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    })
}

fn agree(
    quantifier: Quantifier,
    place: usize,
    follows: (Contiguity, Contiguity),
    within: Option<i64>,
    script: &str,
) -> Result<(), TestCaseError> {
    let pattern = around(quantifier, place, follows, within);
    prop_assert_eq!(found(&pattern, script), oracle::matches(&pattern, &super::words(script)), "{:?}", pattern);
    Ok(())
}

macro_rules! quantifiers {
    ($($name:ident: $times:expr, $inner:ident, $optional:literal;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $name(
                    times in $times, place in 0_usize..3, follows in (contiguities(), contiguities()),
                    within in prop::option::of(20_i64..80), script in scripts(),
                ) {
                    let quantifier =
                        Quantifier { times, inner: Inner::$inner, optional: $optional, ..Quantifier::default() };
                    agree(quantifier, place, follows, within, &script)?;
                }
            )+
        }
    };
}

fn exactly() -> impl Strategy<Value = Times> {
    (1_u32..=3).prop_map(Times::Exactly)
}

fn range() -> impl Strategy<Value = Times> {
    (1_u32..=2, 0_u32..=2).prop_map(|(least, more)| Times::Range(least, least + more))
}

fn range_from_none() -> impl Strategy<Value = Times> {
    (1_u32..=3).prop_map(|most| Times::Range(0, most))
}

fn or_more() -> impl Strategy<Value = Times> {
    (1_u32..=3).prop_map(Times::OrMore)
}

quantifiers! {
    once: Just(Times::One), Relaxed, false;
    once_or_not_at_all: Just(Times::One), Relaxed, true;
    exactly_relaxed: exactly(), Relaxed, false;
    exactly_consecutive: exactly(), Strict, false;
    exactly_in_combinations: exactly(), Any, false;
    exactly_or_not_at_all: exactly(), Relaxed, true;
    range_relaxed: range(), Relaxed, false;
    range_consecutive: range(), Strict, false;
    range_in_combinations: range(), Any, false;
    range_from_none_is_optional: range_from_none(), Relaxed, false;
    or_more_relaxed: or_more(), Relaxed, false;
    or_more_consecutive: or_more(), Strict, false;
    or_more_in_combinations: or_more(), Any, false;
    or_more_or_not_at_all: or_more(), Relaxed, true;
}
