//! Random and mutated texts against everything that parses what people write: modules, patterns, expressions.
//!
//! A fuzzer on the stable compiler: texts are made of a grammar's words, of good texts with pieces changed, and of noise.
//! `STATEFUN_FUZZ_SECONDS` says how long each runs (a fraction of a second without it); a text that breaks something is
//! printed with the seed that makes it again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use statefun::spec::{Checker, Expression, Location, Options, SourceFile, parse_pattern, parse_with};
use statefun_components::{Declarations, describe, explain};

fn budget() -> Duration {
    let seconds = std::env::var("STATEFUN_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(0.3))
}

/// Runs `test` on texts of `make` until the time is over; says how many there were.
fn fuzz(name: &str, make: impl Fn(&mut SmallRng) -> String, test: impl Fn(&str)) {
    let (begun, mut seed) = (Instant::now(), 0_u64);
    let first = std::env::var("STATEFUN_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0_u64);
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < budget() {
        let text = make(&mut SmallRng::seed_from_u64(first + seed));
        let at = Instant::now();
        let survived = catch_unwind(AssertUnwindSafe(|| test(&text))).is_ok();
        slowest = slowest.max(at.elapsed());
        assert!(survived, "{name}: seed {} breaks it: {text:?}", first + seed);
        assert!(at.elapsed() < Duration::from_secs(10), "{name}: seed {} takes for ever: {text:?}", first + seed);
        seed += 1;
    }
    println!("{name}: {seed} texts in {:.1} s, the slowest took {slowest:?}", begun.elapsed().as_secs_f64());
}

fn words(rng: &mut SmallRng, vocabulary: &[&str], most: usize, blank: &str) -> String {
    let count = rng.random_range(0..=most);
    (0..count).map(|_| *vocabulary.choose(rng).expect("a vocabulary has words")).collect::<Vec<_>>().join(blank)
}

/// A good text with pieces left out, doubled, swapped or replaced by noise.
fn mutated(rng: &mut SmallRng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..rng.random_range(1..6) {
        if chars.is_empty() {
            break;
        }
        let from = rng.random_range(0..chars.len());
        let to = (from + rng.random_range(1..12)).min(chars.len());
        match rng.random_range(0..4) {
            0 => _ = chars.drain(from..to),
            1 => {
                let piece: Vec<char> = chars[from..to].to_vec();
                let at = rng.random_range(0..=chars.len());
                chars.splice(at..at, piece);
            }
            2 => chars[from] = noise(rng),
            _ => chars.insert(from, noise(rng)),
        }
    }
    chars.into_iter().collect()
}

fn noise(rng: &mut SmallRng) -> char {
    *[
        '{', '}', '[', ']', '(', ')', '"', '\'', ':', '-', ',', '\n', ' ', '0', '9', 'a', 'é', '\u{0}', '*', '&', '?',
        '.', '|',
    ]
    .choose(rng)
    .expect("there is noise")
}

const PATTERN_WORDS: [&str; 30] = [
    "a",
    "b",
    "c",
    "next",
    "followedBy",
    "followedByAny",
    "notNext",
    "notFollowedBy",
    "within",
    "of",
    "previous",
    "10",
    "s",
    "min",
    "{2}",
    "{2,}",
    "{0,3}",
    "+",
    "*",
    "?",
    "greedy",
    "optional",
    "consecutive",
    "combinations",
    "until",
    "[event.x > 1]",
    "(",
    ")",
    "[",
    "]",
];

#[test]
fn patterns() {
    let good = "a[event.x > 1]{2,} consecutive next (b+ followedBy c?){2} notFollowedBy d until [event.y] within 10 s";
    let make = |rng: &mut SmallRng| match rng.random_range(0..3) {
        0 => words(rng, &PATTERN_WORDS, 20, " "),
        1 => words(rng, &PATTERN_WORDS, 12, ""),
        _ => mutated(rng, good),
    };
    fuzz("patterns", make, |text| {
        let expression = &mut |text: &str, _: usize| Expression { text: text.to_owned(), at: Location::default() };
        match parse_pattern(text, expression) {
            Ok((stages, _)) => assert!(!stages.is_empty()),
            Err(error) => assert!(error.at.start <= error.at.end && error.at.end <= text.chars().count()),
        }
    });
}

const EXPRESSION_WORDS: [&str; 36] = [
    "event",
    "matched",
    ".a",
    ".b",
    "[0]",
    "['k']",
    "1",
    "2.5",
    "'text'",
    "true",
    "null",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "has(event.x)",
    "size(event)",
    ".exists(e, e > 1)",
    ".map(e, e)",
    "in",
    ",",
];

#[test]
fn expressions() {
    let good = "has(event.a) && event.a.b[0] > 2.5 ? matched.a.all(e, e.v < double(event.v)) : size(event.tags) == 3";
    let language = Declarations::default();
    let make = |rng: &mut SmallRng| match rng.random_range(0..3) {
        0 => words(rng, &EXPRESSION_WORDS, 20, " "),
        1 => words(rng, &EXPRESSION_WORDS, 12, ""),
        _ => mutated(rng, good),
    };
    fuzz("expressions", make, |text| {
        if let Err(fault) = language.expression(text, &["event", "matched"]) {
            assert!(fault.at.start <= fault.at.end && fault.at.end <= text.chars().count(), "{fault:?}");
        }
    });
}

#[test]
fn modules() {
    let reference = include_str!("../../docs/module-yaml.md");
    let examples: Vec<&str> =
        reference.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    let make = |rng: &mut SmallRng| {
        let example = *examples.choose(rng).expect("the reference has examples");
        let one = mutated(rng, example);
        if rng.random_bool(0.3) { format!("{one}\n---\n{}", examples.choose(rng).expect("it has")) } else { one }
    };
    let declarations = Declarations::default();
    let options = Options { functions_from_code: true, ingress_from_code: true };
    fuzz("modules", make, |text| {
        let file = SourceFile { name: "module.yaml".into(), text: text.to_owned() };
        match parse_with(&[file], options, &declarations) {
            Ok((module, _)) => {
                for component in &module.components {
                    assert!(!explain(component).is_empty());
                    assert!(describe(component).is_ok(), "what was checked can be described");
                }
            }
            Err(found) => {
                assert!(!found.is_empty());
                for it in found {
                    assert!(text.is_char_boundary(it.span.offset), "{it}");
                    assert!(it.span.offset + it.span.length <= text.len(), "{it}");
                }
            }
        }
    });
}
