//! When an event fits.

use serde_json::{Value, json};

use super::super::{Aggregate, Comparison, Number};
use super::{Condition, Pattern, Stage, Word, begin, expect, found, stage};

fn compared(left: Number, comparison: Comparison, right: Number) -> Condition<Word> {
    Condition::compare(left, comparison, right)
}

#[test]
fn an_iterative_condition_reads_what_the_partial_match_has_accepted() {
    let more = compared(Number::field("v"), Comparison::Greater, Number::of(Aggregate::Last, "a", "v"));
    let pattern = begin("a").followed_by(stage("b").when(more));
    expect(&pattern, "a1=5 b1=4 a2=2 b2=3 b3=9", ["a1 b3", "a2 b2"]);
}

#[test]
fn a_stage_reads_its_own_earlier_repetitions_only() {
    let rising = compared(Number::field("v"), Comparison::AtLeast, Number::of(Aggregate::Sum, "b", "v"));
    let pattern = begin("a").followed_by(stage("b").one_or_more().when(rising));
    expect(&pattern, "a b1=1 b2=1 b3=1 b4=5", ["a b1", "a b1 b2", "a b1 b2 b4"]);
}

#[test]
fn sum_and_count_of_nothing_are_zero_and_the_others_have_no_value() {
    let of_nothing = |aggregate| {
        let zero = compared(Number::of(aggregate, "b", "v"), Comparison::AtMost, Number::Constant(0.0));
        let pattern = begin("a").followed_by(stage("b").optional()).next(stage("c").when(zero));
        found(&pattern, "a c").len()
    };
    let [sum, count] = [Aggregate::Sum, Aggregate::Count].map(of_nothing);
    assert_eq!((sum, count), (1, 1));
    use Aggregate::{Avg, First, Last, Max, Min};
    assert_eq!([Min, Max, Avg, First, Last].map(of_nothing), [0; 5]);
}

#[test]
fn a_comparison_without_a_value_is_false_whichever_way_it_asks() {
    let missing = |comparison| compared(Number::field("w"), comparison, Number::Constant(0.0));
    for comparison in [Comparison::Equal, Comparison::Unequal] {
        expect(&Pattern::begin(Stage::named("a").when(missing(comparison))), "a", []);
    }
}

#[test]
fn conditions_combine() {
    let b_or_large = Condition::kind("b").or(compared(Number::field("v"), Comparison::Greater, Number::Constant(5.0)));
    let not_c = b_or_large.and(Condition::kind("c").negate());
    expect(&Pattern::begin(Stage::named("x").when(not_c)), "a1=9 a2 b c=9", ["a1", "b"]);
}

#[test]
fn a_condition_reads_and_writes_its_data_form() {
    let data = json!({"and": [
        {"or": [{"type": "a"}, {"not": {"text": "city", "is": "Rome"}}]},
        {"cmp": "<=", "l": {"add": [{"f": "v"}, {"c": 1.5}]}, "r": {"agg": "avg", "of": "s", "f": "v"}},
        {"cmp": "==", "l": {"agg": "count", "of": "s"}, "r": {"c": 2.0}}
    ]});
    let condition: Condition<Value> = serde_json::from_value(data.clone()).unwrap();
    assert_eq!(serde_json::to_value(&condition).unwrap(), data);
    assert_eq!(condition.to_string(), "(type is a or not (city is Rome)) and v + 1.5 <= avg(s.v) and count(s) == 2");
}

#[test]
fn a_condition_that_is_no_condition_is_refused_with_a_reason() {
    let refused = |data: Value| serde_json::from_value::<Condition<Value>>(data).unwrap_err().to_string();
    assert!(refused(json!({"type": "a", "not": {"type": "b"}})).contains("exactly one of"));
    assert!(refused(json!({"cmp": "~", "l": {"c": 1}, "r": {"c": 2}})).contains("\"~\""));
    assert!(
        refused(json!({"cmp": "<", "l": {"agg": "median", "of": "a", "f": "v"}, "r": {"c": 2}})).contains("median")
    );
    assert!(refused(json!({"cmp": "<", "l": {"agg": "sum", "of": "a"}, "r": {"c": 2}})).contains("needs a field"));
    assert!(refused(json!({"kind": "a"})).contains("unknown field"));
}

#[test]
fn a_condition_in_rust_has_no_data_form() {
    let pattern = Pattern::begin(Stage::named("a").when(Condition::test(|_: &Word| true)));
    assert!(serde_json::to_value(&pattern).unwrap_err().to_string().contains("no data form"));
}
