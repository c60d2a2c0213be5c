//! Patterns that must be quick.

use super::{Key, begin, expect, stage};

#[test]
fn the_limit_of_the_whole_is_exclusive() {
    let pattern = begin("a").followed_by(stage("b")).within(20).report_timeouts();
    expect(&pattern, "a@0 b@19", ["a b"]);
    expect(&pattern, "a@0 b@20", ["timeout@20: a"]);
}

#[test]
fn the_limit_between_events_is_that_of_the_stage_it_stands_on() {
    let pattern = begin("a").followed_by(stage("b")).followed_by(stage("c").within_previous(11)).report_timeouts();
    expect(&pattern, "a@0 b@50 c@60", ["a b c"]);
    expect(&pattern, "a@0 b@50 c@61", ["timeout@61: a b"]);
}

#[test]
fn the_time_of_a_repetition_is_counted_from_the_one_before() {
    let looped = || {
        let mut looped = stage("b").one_or_more();
        looped.quantifier.window_ms = Some(15);
        looped
    };
    let pattern = begin("a").followed_by(looped()).followed_by(stage("c"));
    expect(&pattern, "a@0 b1@50 b2@60 c@100", ["a b1 c", "a b1 b2 c"]);
    expect(&pattern, "a@0 b1@50 b2@65 c@100", ["a b1 c"]);
}

#[test]
fn a_partial_match_runs_out_of_time_by_the_watermark_alone() {
    let pattern = begin("a").followed_by(stage("b")).within(20).report_timeouts();
    let mut key = Key::of(&pattern);
    key.receive("a@5");
    key.watermark(24);
    assert_eq!((key.said(), key.matcher.next_timer(&key.state)), (vec![], Some(25)));
    key.watermark(30);
    assert_eq!(key.said(), ["timeout@25: a"]);
    assert!(key.state.is_empty());
}

#[test]
fn times_before_the_epoch_and_at_the_ends_of_time_do_not_overflow() {
    let pattern = begin("a").followed_by(stage("b")).within(20).report_timeouts();
    let mut key = Key::of(&pattern);
    key.receive("a1@-30 a2@-9223372036854775807 b@9223372036854775807");
    key.watermark(i64::MAX);
    assert_eq!(key.said(), ["timeout@-9223372036854775787: a2", "timeout@-10: a1"]);
}

#[test]
fn a_partial_match_that_began_before_the_epoch_asks_for_its_timer() {
    let mut key = Key::of(&begin("a").followed_by(stage("b")).within(20).report_timeouts());
    key.receive("a@-15");
    key.watermark(-15);
    assert_eq!(key.matcher.next_timer(&key.state), Some(5));
    key.watermark(5);
    assert_eq!(key.said(), ["timeout@5: a"]);
}

#[test]
fn events_wait_for_the_watermark_and_are_fed_in_the_order_of_their_time() {
    let mut key = Key::of(&begin("a").next(stage("b")));
    key.receive("b@20 a@10 c@30");
    assert_eq!(key.said(), [""; 0]);
    key.watermark(19);
    assert_eq!(key.said(), [""; 0]);
    key.watermark(20);
    assert_eq!(key.said(), ["a b"]);
}

#[test]
fn an_event_at_the_watermark_is_late() {
    let mut key = Key::of(&begin("a").followed_by(stage("b")).report_late());
    key.watermark(5);
    key.receive("a1@5 a2@6");
    assert_eq!(key.said(), ["late: a1"]);
}

#[test]
fn events_of_equal_time_are_fed_as_they_arrived_or_by_their_value() {
    use super::super::TieBreak;
    let mut pattern = begin("a").next(stage("b"));
    let played = |pattern: &super::Pattern<super::Word>| {
        let mut key = Key::of(pattern);
        key.receive("b=1@0 a=2@0 b2=3@0");
        key.watermark(0);
        key.said()
    };
    assert_eq!(played(&pattern), ["a b2"]);
    pattern.tie_break = Some(TieBreak::VDesc);
    assert_eq!(played(&pattern), ["a b"]);
    pattern.tie_break = Some(TieBreak::VAsc);
    assert_eq!(played(&pattern), ["a b2"]);
}
