use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<ParsedPattern, PatternTextError> {
    parse_pattern(text, &mut |text, start| {
        let at = crate::spec::Location { column: start, ..Default::default() };
        Expression { text: text.to_owned(), at }
    })
}

fn stages(text: &str) -> Vec<Stage> {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error} at {:?}", error.at)).0
}

fn times(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

#[test]
fn links_and_numbers_of_times() {
    let found = stages("a next b{2,} followedBy c{3} followedByAny d{0,4} notNext e notFollowedBy f followedBy g*");
    let links: Vec<_> = found.iter().map(|stage| stage.link.map_or("", Link::word)).collect();
    assert_eq!(links, ["", "next", "followedBy", "followedByAny", "notNext", "notFollowedBy", "followedBy"]);
    assert_eq!(found[1].times, StageTimes::AtLeast(times(2)));
    assert_eq!(found[2].times, StageTimes::Exactly(times(3)));
    assert_eq!(found[3].times, StageTimes::Between(0, times(4)));
    assert_eq!((found[6].times, found[6].optional), (StageTimes::AtLeast(times(1)), true));
}

#[test]
fn conditions_modifiers_groups_and_limits() {
    let text = "a[event.tags[0] == ']']+ greedy consecutive until [event.done] within 5s of previous \
                next (b next c?){2} within 1 min";
    let (found, within) = parse(text).unwrap();
    let first = &found[0];
    assert_eq!(first.condition.as_ref().unwrap().text, "event.tags[0] == ']'");
    assert_eq!(first.condition.as_ref().unwrap().at.column, 2);
    assert!(first.greedy);
    assert_eq!(first.between, Between::Nothing);
    assert_eq!(first.until.as_ref().unwrap().text, "event.done");
    assert_eq!(first.within_previous, Some(Duration::from_secs(5)));
    assert_eq!(found[1].names().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(found[1].times, StageTimes::Exactly(times(2)));
    assert_eq!(within, Some(Duration::from_secs(60)));
}

#[test]
fn the_limit_of_a_last_stage_is_told_from_that_of_the_pattern() {
    let (found, within) = parse("a next b within 2 s of previous within 9s").unwrap();
    assert_eq!((found[1].within_previous, within), (Some(Duration::from_secs(2)), Some(Duration::from_secs(9))));
    let (found, within) = parse("a next b within 9000").unwrap();
    assert_eq!((found[1].within_previous, within), (None, Some(Duration::from_secs(9))));
}

#[test]
fn a_fault_is_where_it_is() {
    for (text, at, message) in [
        ("", 0..0, "expected the name of a stage"),
        ("a nxt b", 2..5, "expected how the next stage follows"),
        ("a next", 6..6, "expected the name of a stage"),
        ("a next next", 7..11, "cannot name a stage"),
        ("a{", 2..2, "expected a whole number"),
        ("a{0}", 1..4, "occurs no times"),
        ("a{3,2}", 1..6, "less than the least"),
        ("a{2;}", 3..4, "has no meaning"),
        ("a{5000}", 2..6, "are 1000"),
        ("a[x", 1..2, "not closed"),
        ("a[ ]", 1..4, "empty"),
        ("(a next b", 0..1, "not closed"),
        ("a)", 1..2, "no group to close"),
        ("a until b", 8..9, "expected an expression in brackets"),
        ("a within 0 s", 9..12, "above zero"),
        ("a within 10 parsecs", 9..19, "no unit of time"),
        ("a within 1 s next b", 13..17, "ends it"),
        ("a+{2}", 2..5, "is said once"),
        ("(a)[x]", 3..6, "a group has none"),
        ("a & b", 2..3, "has no meaning"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        // A brace is one token, so a fault at it points at the brace alone.
        let expected = if text == "a+{2}" { 2..3 } else { at };
        assert_eq!(error.at, expected, "{text}: {error}");
    }
    assert_eq!(parse("a nxt b").unwrap_err().suggestion.as_deref(), Some("next"));
    assert!(parse(&"(".repeat(1000)).unwrap_err().message.contains("nest"));
}

/// The text of a stage, so that what is written can be read back.
fn written(stage: &Stage) -> String {
    let mut text = stage.link.map_or(String::new(), |link| format!("{} ", link.word()));
    match &stage.name {
        Some(name) => text.push_str(name),
        None => text.push_str(&format!("({})", sequence(&stage.group))),
    }
    if let Some(condition) = &stage.condition {
        text.push_str(&format!("[{}]", condition.text));
    }
    text.push_str(&match stage.times {
        StageTimes::Once => String::new(),
        StageTimes::Exactly(n) => format!("{{{n}}}"),
        StageTimes::Between(n, m) => format!("{{{n},{m}}}"),
        StageTimes::AtLeast(n) => format!("{{{n},}}"),
    });
    for (is, word) in [
        (stage.greedy, "greedy"),
        (stage.optional, "optional"),
        (stage.between == Between::Nothing, "consecutive"),
        (stage.between == Between::Anything, "combinations"),
    ] {
        if is {
            text.push_str(&format!(" {word}"));
        }
    }
    if let Some(limit) = stage.within_previous {
        text.push_str(&format!(" within {}ms of previous", limit.as_millis()));
    }
    text
}

fn sequence(stages: &[Stage]) -> String {
    stages.iter().map(written).collect::<Vec<_>>().join(" ")
}

fn any_stage() -> impl Strategy<Value = Stage> {
    let times = prop_oneof![
        Just(StageTimes::Once),
        (1_u32..9).prop_map(|n| StageTimes::Exactly(times(n))),
        (1_u32..9).prop_map(|n| StageTimes::AtLeast(times(n))),
        (0_u32..5, 5_u32..9).prop_map(|(n, m)| StageTimes::Between(n, times(m))),
    ];
    let between = prop_oneof![Just(Between::Unfitting), Just(Between::Nothing), Just(Between::Anything)];
    let limit = proptest::option::of((1_u64..100).prop_map(Duration::from_millis));
    let leaf = ("[a-z]{1,4}x", times, between, any::<(bool, bool)>(), limit).prop_map(
        |(name, times, between, (greedy, optional), within_previous)| Stage {
            times,
            between,
            greedy,
            optional,
            within_previous,
            ..Stage::named(name)
        },
    );
    leaf.prop_recursive(3, 12, 4, |inner| {
        proptest::collection::vec(inner, 1..4).prop_map(|group| Stage::group(linked(group)))
    })
}

fn linked(stages: Vec<Stage>) -> Vec<Stage> {
    let links = Link::WORDS.iter().map(|(_, link)| *link).cycle();
    let linked = stages.into_iter().zip(links).enumerate();
    linked.map(|(n, (stage, link))| Stage { link: (n > 0).then_some(link), ..stage }).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(stages in proptest::collection::vec(any_stage(), 1..5)) {
        let stages = linked(stages);
        let (found, within) = parse(&sequence(&stages)).unwrap();
        prop_assert_eq!(found, stages);
        prop_assert_eq!(within, None);
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[a-c(){}\\[\\]+*?, 0-9\"]{0,40}|\\PC{0,20}|(a|next|within|of|previous|10|s|until|\\[x\\]| ){0,12}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at.start <= error.at.end && error.at.end <= text.chars().count());
        }
    }
}
