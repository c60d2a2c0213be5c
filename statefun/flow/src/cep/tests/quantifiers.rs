//! How often a stage occurs.

use super::{Condition, begin, expect, stage};

#[test]
fn a_relaxed_loop_lets_go_by_what_does_not_fit() {
    let pattern = begin("c").followed_by(stage("a").one_or_more()).followed_by(stage("b"));
    expect(&pattern, "c a1 a2 d a3 b", ["c a1 b", "c a1 a2 b", "c a1 a2 a3 b"]);
}

#[test]
fn a_consecutive_loop_ends_at_a_gap() {
    let pattern = begin("c").followed_by(stage("a").one_or_more().consecutive()).followed_by(stage("b"));
    expect(&pattern, "c a1 a2 d a3 b", ["c a1 b", "c a1 a2 b"]);
}

#[test]
fn a_loop_of_combinations_takes_or_leaves_each_event_after_the_first() {
    let pattern = begin("c").followed_by(stage("a").one_or_more().combinations()).followed_by(stage("b"));
    expect(&pattern, "c a1 a2 d a3 b", ["c a1 b", "c a1 a2 b", "c a1 a3 b", "c a1 a2 a3 b"]);
}

#[test]
fn the_first_event_of_a_loop_obeys_how_the_loop_follows() {
    let looped = || stage("a").one_or_more();
    expect(&begin("c").next(looped()).followed_by(stage("b")), "c d a1 a2 b", []);
    let any = begin("c").followed_by_any(looped()).followed_by(stage("b"));
    expect(&any, "c d a1 a2 b", ["c a1 b", "c a1 a2 b", "c a2 b"]);
}

#[test]
fn a_loop_at_the_end_matches_as_it_grows() {
    expect(&begin("c").followed_by(stage("a").one_or_more()), "c a1 a2", ["c a1", "c a1 a2"]);
}

#[test]
fn times_takes_exactly_so_many() {
    expect(&begin("a").followed_by(stage("b").times(2)), "a b1 b2 b3", ["a b1 b2"]);
}

#[test]
fn a_range_at_the_end_matches_at_each_number_it_allows() {
    let pattern = begin("c").followed_by(stage("a").times_range(2, 3));
    expect(&pattern, "c a1 a2 a3 a4", ["c a1 a2", "c a1 a2 a3"]);
}

#[test]
fn times_or_more_begins_to_match_at_its_least_number() {
    let pattern = begin("c").followed_by(stage("a").times_or_more(2)).followed_by(stage("b"));
    expect(&pattern, "c a1 b1 a2 a3 b2", ["c a1 a2 b2", "c a1 a2 a3 b2"]);
}

#[test]
fn an_optional_stage_may_be_left_out() {
    let pattern = begin("a").followed_by(stage("b").optional()).followed_by(stage("c"));
    expect(&pattern, "a c", ["a c"]);
    expect(&pattern, "a b c", ["a b c", "a c"]);
}

#[test]
fn leaving_out_a_stage_leaves_its_strictness_to_the_next() {
    let pattern = begin("a").next(stage("b").optional()).next(stage("c"));
    expect(&pattern, "a1 c1 a2 b2 c2 a3 d c3", ["a1 c1", "a2 b2 c2"]);
}

#[test]
fn an_optional_last_stage_matches_without_and_with_it() {
    let pattern = begin("a").followed_by(stage("b").optional());
    expect(&pattern, "a b", ["a", "a b"]);
}

#[test]
fn a_range_from_zero_is_optional() {
    let pattern = begin("a").followed_by(stage("b").times_range(0, 1)).followed_by(stage("c"));
    expect(&pattern, "a c", ["a c"]);
}

#[test]
fn a_stop_condition_ends_the_loop_for_good() {
    let until = |looped| begin("c").followed_by(looped).followed_by(stage("b"));
    let relaxed = until(stage("a").one_or_more().until(Condition::kind("d")));
    expect(&relaxed, "c a1 a2 d a3 b", ["c a1 b", "c a1 a2 b"]);
    let combinations = until(stage("a").one_or_more().combinations().until(Condition::kind("d")));
    expect(&combinations, "c a1 a2 d a3 b", ["c a1 b", "c a1 a2 b"]);
}

#[test]
fn an_event_that_fits_the_loop_and_its_stop_condition_is_not_taken() {
    let small = Condition::test(|word: &super::Word| word.value < 5.0);
    let pattern = begin("c").followed_by(stage("a").one_or_more().until(small));
    expect(&pattern, "c a1=7 a2=3 a3=9", ["c a1"]);
}
