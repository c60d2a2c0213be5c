//! Patterns that contradict themselves.

use super::super::{Number, PatternError, SkipStrategy};
use super::{Condition, Pattern, Stage, Word, begin, stage};

#[track_caller]
fn refused(pattern: &Pattern<Word>) -> PatternError {
    pattern.build().expect_err("refused")
}

fn name(name: &str) -> String {
    name.to_owned()
}

#[test]
fn a_stop_at_the_end_needs_an_end() {
    let endless = begin("a").not_followed_by(stage("b"));
    assert_eq!(refused(&endless), PatternError::EndlessNot { stage: name("b") });
    assert!(endless.within(10).build().is_ok());
    assert!(begin("a").not_followed_by(stage("b").within_previous(10)).build().is_ok());
}

#[test]
fn names_are_unique_even_across_groups() {
    let twice = begin("a").followed_by(Stage::group(begin("b").next(stage("a"))));
    assert_eq!(refused(&twice), PatternError::DuplicateName { stage: name("a") });
}

#[test]
fn greed_is_for_loops_that_do_not_combine() {
    let greedy = |stage: Stage<Word>| refused(&begin("c").followed_by(stage.greedy()));
    assert_eq!(greedy(stage("a")), PatternError::NotALoop { stage: name("a"), what: "greedy" });
    let combinations = stage("a").one_or_more().combinations();
    assert_eq!(greedy(combinations), PatternError::GreedyCombinations { stage: name("a") });
    assert_eq!(greedy(Stage::group(begin("a")).one_or_more()), PatternError::OnGroup { what: "greed" });
}

#[test]
fn nothing_optional_follows_greed() {
    let undecided = Pattern::begin(stage("a").one_or_more().greedy()).followed_by(stage("b").optional());
    assert_eq!(refused(&undecided), PatternError::OptionalAfterGreedy { stage: name("b"), greedy: name("a") });
}

#[test]
fn a_stage_that_must_not_occur_has_no_quantifier_and_follows_nothing_optional() {
    let not = |stage| refused(&begin("a").not_next(stage).followed_by(super::stage("c")));
    assert_eq!(not(stage("b").optional()), PatternError::OnNot { stage: name("b"), what: "an option" });
    assert_eq!(not(stage("b").times(2)), PatternError::OnNot { stage: name("b"), what: "a number of times" });
    let after = Pattern::begin(stage("a").optional()).not_next(stage("b")).next(stage("c"));
    assert_eq!(refused(&after), PatternError::NotAfterOptional { stage: name("b"), optional: name("a") });
}

#[test]
fn numbers_of_times_make_sense() {
    for stage in
        [stage("a").times(0), stage("a").times_or_more(0), stage("a").times_range(3, 2), stage("a").times_range(0, 0)]
    {
        assert!(matches!(refused(&Pattern::begin(stage)), PatternError::ImpossibleTimes { .. }));
    }
    let twice = Pattern::begin(stage("a").times_range(0, 2).optional());
    assert_eq!(refused(&twice), PatternError::OptionalTwice { stage: name("a") });
}

#[test]
fn a_stop_condition_is_for_unbounded_loops() {
    for stage in [stage("a"), stage("a").times(3), stage("a").times_range(1, 2)] {
        let pattern = Pattern::begin(stage.until(Condition::kind("b")));
        assert_eq!(refused(&pattern), PatternError::UntilWithoutLoop { stage: name("a") });
    }
}

#[test]
fn a_skip_strategy_names_a_stage_of_the_pattern_itself() {
    let to = |stage: &str| SkipStrategy::SkipToFirst { name: name(stage) };
    let pattern = begin("a").followed_by(Stage::group(begin("b")));
    assert_eq!(refused(&pattern.clone().skip(to("z"))), PatternError::SkipToUnknown { stage: name("z") });
    assert_eq!(refused(&pattern.clone().skip(to("b"))), PatternError::SkipToUnknown { stage: name("b") });
    assert!(pattern.skip(to("a")).build().is_ok());
}

#[test]
fn limits_leave_time_and_fit_into_the_whole() {
    assert_eq!(refused(&begin("a").within(0)), PatternError::NoTime { ms: 0 });
    let beyond = begin("a").followed_by(stage("b").within_previous(20)).within(10);
    let expected = PatternError::BeyondTheWhole { stage: name("b"), ms: 20, whole_ms: 10 };
    assert_eq!(refused(&beyond), expected);
    let on_loop = begin("a").followed_by(stage("b").one_or_more().within_previous(20));
    assert_eq!(refused(&on_loop), PatternError::WithinOnLoop { stage: name("b") });
}

#[test]
fn conditions_read_stages_that_exist() {
    use super::super::{Aggregate, Comparison};
    let sum = Number::of(Aggregate::Sum, "typo", "v");
    let condition = Condition::compare(sum, Comparison::Less, Number::Constant(1.0));
    let pattern = begin("a").followed_by(stage("b").when(condition));
    assert_eq!(refused(&pattern), PatternError::ReadsUnknown { stage: name("b"), read: name("typo") });
}

#[test]
fn data_may_be_wrong_in_ways_the_builder_is_not() {
    let read = |data: &str| serde_json::from_str::<Pattern<serde_json::Value>>(data).unwrap().build().unwrap_err();
    assert_eq!(read(r#"{"pattern": []}"#), PatternError::Empty);
    assert_eq!(read(r#"{"pattern": [{}]}"#), PatternError::NeitherStageNorGroup { position: 0 });
    assert_eq!(
        read(r#"{"pattern": [{"name": "a", "contig": "next"}]}"#),
        PatternError::FirstFollows { stage: name("a") }
    );
    assert_eq!(read(r#"{"pattern": [{"name": "a"}, {"name": "b"}]}"#), PatternError::FollowsHow { stage: name("b") });
    let grouped = r#"{"pattern": [{"group": [{"name": "a"}], "where": {"type": "x"}}]}"#;
    assert_eq!(read(grouped), PatternError::OnGroup { what: "a condition" });
}

#[test]
fn what_a_group_cannot_end_or_begin_with() {
    let ends = Stage::group(begin("a").not_followed_by(stage("b")));
    assert_eq!(
        refused(&Pattern::begin(ends).followed_by(stage("c"))),
        PatternError::NotAtEndOfGroup { stage: name("b") }
    );
    let begins = Stage::group(Pattern::begin(stage("a").optional()).next(stage("b")));
    assert_eq!(refused(&Pattern::begin(begins)), PatternError::OptionalBeginsGroup { stage: name("a") });
}

#[test]
fn a_pattern_beyond_what_the_automaton_can_number_is_refused() {
    assert!(matches!(refused(&Pattern::begin(stage("a").times(100_000))), PatternError::TooLarge { .. }));
}
