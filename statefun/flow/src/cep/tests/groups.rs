//! Stages that are repeated or left out together.

use super::{Pattern, Stage, Word, begin, expect, stage};

fn a_then_b() -> Stage<Word> {
    Stage::group(begin("a").followed_by(stage("b")))
}

#[test]
fn a_group_repeats_as_a_whole() {
    let pattern = Pattern::begin(a_then_b().times(2)).followed_by(stage("c"));
    expect(&pattern, "a1 b1 a2 b2 c", ["a1 b1 a2 b2 c"]);
    expect(&pattern, "a1 b1 b2 c", []);
}

#[test]
fn a_looping_group_goes_on_at_each_round() {
    let pattern = Pattern::begin(a_then_b().one_or_more()).next(stage("d"));
    expect(&pattern, "a1 b1 a2 b2 d", ["a1 b1 a2 b2 d", "a2 b2 d"]);
}

#[test]
fn an_optional_group_is_left_out_as_a_whole() {
    let group = Stage::group(begin("b").followed_by(stage("c"))).optional();
    let pattern = begin("a").followed_by(group).followed_by(stage("d"));
    expect(&pattern, "a b c d", ["a b c d", "a d"]);
    expect(&pattern, "a b d", ["a d"]);
}

#[test]
fn consecutive_rounds_have_nothing_between_them() {
    let pattern = Pattern::begin(a_then_b().times(2).consecutive());
    expect(&pattern, "a1 b1 a2 b2", ["a1 b1 a2 b2"]);
    expect(&pattern, "a1 b1 x a2 b2", []);
}

#[test]
fn a_group_at_the_head_of_a_group_keeps_its_range() {
    let inner = Stage::group(Pattern::begin(stage("a").times_range(1, 2)).followed_by(stage("b")));
    expect(&Pattern::begin(inner).followed_by(stage("c")), "a b c", ["a b c"]);
}

#[test]
fn a_group_at_the_head_of_an_optional_group_is_left_out_only_with_the_whole() {
    let inner = Stage::group(begin("a").followed_by(stage("b")));
    let outer = Stage::group(Pattern::begin(inner).followed_by(stage("c"))).optional();
    let pattern = begin("x").followed_by(outer).followed_by(stage("d"));
    expect(&pattern, "x c d", ["x d"]);
    expect(&pattern, "x a b c d", ["x a b c d", "x d"]);
}
