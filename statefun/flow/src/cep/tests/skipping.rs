//! What a match takes away from the matches that overlap it.

use super::super::SkipStrategy;
use super::{Key, Pattern, Word, begin, expect, in_order, stage};

fn b_then_c(skip: SkipStrategy) -> Pattern<Word> {
    Pattern::begin(stage("b").one_or_more()).followed_by(stage("c")).skip(skip)
}

fn to_first(name: &str) -> SkipStrategy {
    SkipStrategy::SkipToFirst { name: name.to_owned() }
}

fn to_last(name: &str) -> SkipStrategy {
    SkipStrategy::SkipToLast { name: name.to_owned() }
}

#[test]
fn no_skip_keeps_every_match() {
    let all = ["b1 b2 b3 c", "b1 b2 c", "b1 c", "b2 b3 c", "b2 c", "b3 c"];
    expect(&b_then_c(SkipStrategy::NoSkip), "b1 b2 b3 c", all);
}

#[test]
fn skip_to_next_keeps_one_match_per_first_event() {
    let kept = in_order(&b_then_c(SkipStrategy::SkipToNext), "b1 b2 b3 c");
    assert_eq!(kept, ["b1 b2 b3 c", "b2 b3 c", "b3 c"]);
}

#[test]
fn skip_past_last_keeps_matches_that_do_not_overlap() {
    assert_eq!(in_order(&b_then_c(SkipStrategy::SkipPastLast), "b1 b2 b3 c1 b4 c2"), ["b1 b2 b3 c1", "b4 c2"]);
}

#[test]
fn skip_to_first_and_to_last_keep_what_starts_there() {
    expect(&b_then_c(to_first("b")), "b1 b2 b3 c", ["b1 b2 b3 c", "b1 b2 c", "b1 c"]);
    assert_eq!(in_order(&b_then_c(to_last("b")), "b1 b2 b3 c"), ["b1 b2 b3 c", "b3 c"]);
}

#[test]
fn a_match_without_the_stage_skips_nothing() {
    let pattern =
        begin("a").followed_by(stage("x").optional()).followed_by_any(stage("b")).skip(to_first("x")).within(1000);
    expect(&pattern, "a b1 b2 z@2000", ["a b1", "a b2"]);
}

#[test]
fn matches_leave_in_the_order_of_their_first_events() {
    let pattern = begin("a").followed_by(stage("b")).followed_by(stage("c").optional()).next(stage("d"));
    let pattern = pattern.skip(SkipStrategy::SkipToNext).within(100);
    let mut key = Key::of(&pattern);
    key.feed("a1@0 a2@10 b1@20 c@30 d@40");
    assert_eq!(key.said(), ["a1 b1 c d", "a2 b1 c d"]);
}

#[test]
fn a_match_held_back_leaves_when_the_earlier_partial_match_runs_out_of_time() {
    let first = super::Stage::named("first").when(super::Condition::kind("a").or(super::Condition::kind("b")));
    let second = super::Stage::named("second").when(super::Condition::test_with(|word: &Word, accepted| {
        // An `a` asks for a `c`, a `b` for a `d`.
        accepted.last().is_some_and(|first| (first.kind == "a") == (word.kind == "c")) && word.kind != "b"
    }));
    let pattern = Pattern::begin(first).followed_by(second).skip(SkipStrategy::SkipPastLast).within(100);
    let mut key = Key::of(&pattern.report_timeouts());
    key.receive("a@0 b@10 d@20");
    key.watermark(50);
    assert_eq!((key.said(), key.state.matches()), (vec![], (1, 1)));
    key.watermark(100);
    assert_eq!(key.said(), ["timeout@100: a", "b d"]);
}
