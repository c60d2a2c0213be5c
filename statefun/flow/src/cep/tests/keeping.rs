//! What a key keeps, and for how long.

use super::super::{Limits, Overflow};
use super::{Key, begin, stage};

#[test]
fn a_key_that_waits_for_nothing_remembers_nothing() {
    let mut key = Key::of(&begin("a").next(stage("b")));
    key.feed("c");
    assert!(key.state.is_empty());
    key.feed("a");
    assert!(!key.state.is_empty());
    key.feed("b");
    assert!(key.state.is_empty());
    assert_eq!(key.said(), ["a b"]);
}

#[test]
fn partial_matches_share_what_they_have_in_common() {
    let mut key = Key::of(&begin("a").followed_by_any(stage("b")).followed_by(stage("c")));
    key.feed("a b1 b2 b3");
    let (events, links) = key.state.shared();
    assert_eq!((key.state.matches().0, events, links), (4, 4, 4));
}

#[test]
fn a_key_that_is_full_drops_the_newest_partial_match_and_says_so() {
    let limits = Limits { partial_matches_max: 2, ..Limits::default() };
    let mut key = Key::of(&begin("a").followed_by(stage("b")).limits(limits));
    key.feed("a1 a2 a3 b");
    assert_eq!(key.said(), ["overflow: a3", "a1 b", "a2 b"]);
}

#[test]
fn or_the_oldest() {
    let limits = Limits { partial_matches_max: 2, on_overflow: Overflow::DropOldest, ..Limits::default() };
    let mut key = Key::of(&begin("a").followed_by(stage("b")).limits(limits));
    key.feed("a1 a2 a3 b");
    let mut said = key.said();
    said.sort();
    assert_eq!(said, ["a2 b", "a3 b", "overflow: a1"]);
}

#[test]
fn exponential_growth_ends_at_the_limit() {
    let limits = Limits { partial_matches_max: 100, ..Limits::default() };
    let looped = stage("a").one_or_more().combinations();
    let mut key = Key::of(&begin("c").followed_by(looped).followed_by(stage("b")).limits(limits));
    key.feed("c a1 a2 a3 a4 a5 a6 a7 a8 a9");
    assert_eq!(key.state.matches().0, 100);
    assert!(key.said().iter().all(|line| line.starts_with("overflow")));
}

#[test]
fn a_key_that_doubles_at_each_event_is_cut_back_in_reasonable_time() {
    let looped = stage("a").one_or_more().combinations();
    let mut key = Key::of(&begin("c").followed_by(looped).followed_by(stage("b")));
    key.feed(&format!("c {}", "a ".repeat(19)));
    assert_eq!(key.state.matches().0, 100_000);
}

#[test]
fn an_event_too_many_is_refused_while_the_watermark_stands() {
    let limits = Limits { waiting_events_max: 1, ..Limits::default() };
    let mut key = Key::of(&begin("a").limits(limits));
    key.receive("a1 a2");
    key.watermark(100);
    assert_eq!(key.said(), ["refused: a2", "a1"]);
}

#[test]
fn a_long_chain_is_let_go_without_recursion() {
    let mut key =
        Key::of(&begin("c").followed_by(stage("a").one_or_more().greedy()).followed_by(stage("b")).within(10_000_000));
    let script = format!("c@0 {}", (1..20_000).map(|n| format!("a@{n}")).collect::<Vec<_>>().join(" "));
    key.feed(&script);
    key.feed("z@20000000");
    assert_eq!(key.state.shared(), (0, 0));
}
