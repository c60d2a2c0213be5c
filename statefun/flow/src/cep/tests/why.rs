//! Looking into a key.

use super::super::{Fate, Reason};
use super::{Condition, Key, Word, begin, names, stage};

fn fates(key: &Key, word: &str) -> Vec<(String, Fate)> {
    let (word, at) = super::words(word).remove(0);
    let explained = key.matcher.explain(&key.state, &word, at);
    explained.into_iter().map(|one| (names(&one.accepted), one.fate)).collect()
}

#[test]
fn what_is_under_way_can_be_seen() {
    let mut key = Key::of(&begin("a").followed_by(stage("b").optional()).followed_by(stage("c")).within(100));
    key.feed("a1@0 a2@10 b@20");
    let under_way = key.matcher.partial_matches(&key.state);
    let seen: Vec<_> = under_way.iter().map(|one| (names(&one.accepted), one.waits_for.clone(), one.ends_at)).collect();
    assert_eq!(
        seen,
        [
            ("a1".to_owned(), vec!["c"], Some(100)),
            ("a1 b".to_owned(), vec!["c"], Some(100)),
            ("a2".to_owned(), vec!["c"], Some(110)),
            ("a2 b".to_owned(), vec!["c"], Some(110)),
        ]
    );
}

#[test]
fn an_event_that_does_not_fit_is_let_go_by_or_breaks_the_match() {
    let mut relaxed = Key::of(&begin("a").followed_by(stage("b")));
    relaxed.feed("a");
    assert_eq!(fates(&relaxed, "x@10")[0], ("a".to_owned(), Fate::Waits));
    let mut strict = Key::of(&begin("a").next(stage("b")));
    strict.feed("a");
    assert_eq!(fates(&strict, "x@10")[0], ("a".to_owned(), Fate::Breaks));
    assert_eq!(fates(&strict, "b@10")[0], ("a".to_owned(), Fate::Advances));
}

#[test]
fn the_reason_names_the_condition() {
    let large = Condition::test(|word: &Word| word.value > 5.0);
    let until = Condition::kind("x");
    let mut key = Key::of(&begin("a").followed_by(stage("b").one_or_more().when(large).until(until)));
    key.feed("a");
    let (word, at) = super::words("b=1@10").remove(0);
    let explained = key.matcher.explain(&key.state, &word, at);
    let verdict = &explained[0].stages[0];
    assert_eq!((verdict.stage.as_str(), verdict.takes), ("b", false));
    assert_eq!(verdict.because, [Reason::Fails("type is b and a test in Rust".to_owned())]);
    let (stop, at) = super::words("x@10").remove(0);
    let explained = key.matcher.explain(&key.state, &stop, at);
    assert!(explained[0].stages[0].because.contains(&Reason::Holds("type is x".to_owned())));
}

#[test]
fn an_event_that_must_not_occur_and_a_limit_that_is_over_are_told() {
    let mut key = Key::of(&begin("a").not_followed_by(stage("n")).followed_by(stage("b")).within(50));
    key.feed("a");
    assert_eq!(fates(&key, "n@10")[0].1, Fate::Stopped { by: "n".to_owned() });
    assert_eq!(fates(&key, "b@50")[0].1, Fate::OutOfTime { ended_at: 50 });
}

#[test]
fn explaining_changes_nothing() {
    let mut key = Key::of(&begin("a").followed_by(stage("b")));
    key.feed("a");
    let before = serde_json::to_string(&key.state).unwrap();
    fates(&key, "b@10");
    assert_eq!(serde_json::to_string(&key.state).unwrap(), before);
}
