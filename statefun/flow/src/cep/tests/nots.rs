//! What must not occur.

use super::{Condition, Key, Stage, begin, expect, stage};

#[test]
fn not_next_forbids_only_the_very_next_event() {
    let pattern = begin("a").not_next(stage("b")).followed_by(stage("c"));
    expect(&pattern, "a1 d c1 a2 b c2", ["a1 c1"]);
}

#[test]
fn not_next_at_the_end_is_known_with_the_next_event() {
    expect(&begin("a").not_next(stage("b")), "a1 d a2 b a3", ["a1"]);
}

#[test]
fn not_followed_by_forbids_every_event_up_to_the_following_stage() {
    let pattern = begin("a").not_followed_by(stage("b")).followed_by(stage("c"));
    expect(&pattern, "a1 d b c1 a2 d c2", ["a2 c2"]);
}

#[test]
fn an_event_that_must_not_occur_but_fits_the_following_stage_completes_the_match() {
    let either = Stage::named("c").when(Condition::kind("b").or(Condition::kind("c")));
    expect(&begin("a").not_followed_by(stage("b")).followed_by(either), "a b c", ["a b"]);
}

#[test]
fn not_followed_by_is_over_once_an_optional_stage_behind_it_has_its_event() {
    let pattern = begin("a").not_followed_by(stage("n")).followed_by(stage("b").optional()).followed_by(stage("c"));
    expect(&pattern, "a b n c", ["a b c"]);
    expect(&pattern, "a n b c", []);
}

#[test]
fn at_the_end_of_the_pattern_it_is_known_when_the_time_is_over() {
    let pattern = begin("a").not_followed_by(stage("b")).within(25);
    let mut key = Key::of(&pattern);
    key.receive("a@0 d@10");
    key.watermark(24);
    assert_eq!(key.said(), [""; 0]);
    key.watermark(25);
    assert_eq!(key.said(), ["a"]);
    assert!(key.state.is_empty());
}

#[test]
fn an_event_exactly_at_the_limit_is_outside_of_it() {
    let pattern = begin("a").not_followed_by(stage("b")).within(20);
    expect(&pattern, "a@0 b@20", ["a"]);
    expect(&pattern, "a@0 b@19 d@40", []);
}

#[test]
fn without_a_skip_strategy_it_does_not_wait_for_partial_matches_that_started_earlier() {
    let not = stage("d").within_previous(36);
    let pattern = super::Pattern::begin(stage("a").one_or_more()).not_followed_by(not);
    expect(&pattern, "a1@0 a2@10 c@20 c@60", ["a1", "a1 a2", "a2"]);
}
