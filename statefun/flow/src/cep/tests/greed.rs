//! Loops that take what they can.

use super::{Condition, Stage, begin, expect, stage};

#[test]
fn without_greed_the_following_stage_may_take_what_the_loop_could() {
    let either = Stage::named("z").when(Condition::kind("a").or(Condition::kind("d")));
    let pattern = super::Pattern::begin(stage("a").one_or_more()).followed_by(either);
    expect(&pattern, "a1 a2 d", ["a1 a2", "a1 a2 d", "a2 d"]);
}

#[test]
fn with_greed_only_the_loop_may() {
    let either = Stage::named("z").when(Condition::kind("a").or(Condition::kind("d")));
    let pattern = super::Pattern::begin(stage("a").one_or_more().greedy()).followed_by(either);
    expect(&pattern, "a1 a2 a3 d", ["a1 a2 a3 d", "a2 a3 d", "a3 d"]);
}

#[test]
fn greed_leaves_out_the_shorter_variants() {
    let pattern = begin("c").followed_by(stage("a").one_or_more().greedy()).followed_by(stage("b"));
    expect(&pattern, "c a1 a2 b1 b2", ["c a1 a2 b1"]);
}
