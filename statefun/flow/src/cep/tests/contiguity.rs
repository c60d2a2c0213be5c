//! What may lie between two stages.

use super::{begin, expect, stage};

#[test]
fn next_takes_only_the_very_next_event() {
    let pattern = begin("a").next(stage("b"));
    expect(&pattern, "a c b", []);
    expect(&pattern, "a b1 b2", ["a b1"]);
}

#[test]
fn followed_by_takes_the_first_event_that_fits() {
    expect(&begin("a").followed_by(stage("b")), "a c b1 b2", ["a b1"]);
}

#[test]
fn followed_by_any_takes_every_event_that_fits() {
    expect(&begin("a").followed_by_any(stage("b")), "a c b1 b2", ["a b1", "a b2"]);
}

#[test]
fn every_first_event_begins_a_match_of_its_own() {
    expect(&begin("a").followed_by(stage("b")), "a1 a2 b", ["a1 b", "a2 b"]);
}

#[test]
fn a_pattern_of_one_stage_matches_each_event_that_fits() {
    expect(&begin("a"), "a1 b a2", ["a1", "a2"]);
}
