//! What each construct of a pattern means, as examples.
//!
//! Scripts are words: `a2=7@30` is an event of kind `a` called `a2`, with the value 7, at time 30. Without `@` an event
//! comes 10 after the one before, the first at 0. Results are the names of the accepted events, in order.

mod conditions;
mod contiguity;
mod greed;
mod groups;
mod invalid;
mod keeping;
mod laws;
mod nots;
mod oracle;
mod quantifier_laws;
mod quantifiers;
mod skipping;
mod time_limits;
mod why;

use serde::{Deserialize, Serialize};

use super::{Condition, Emission, Event, KeyState, Match, Matcher, Pattern, Stage};
use crate::time::Millis;

/// An event of a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Word {
    kind: String,
    name: String,
    value: f64,
}

impl Event for Word {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn number(&self, field: &str) -> Option<f64> {
        (field == "v").then_some(self.value)
    }
}

/// A stage that takes events of the kind it is called after: `a` takes `a`.
fn stage(kind: &str) -> Stage<Word> {
    Stage::named(kind).when(Condition::kind(kind))
}

/// A pattern that begins with such a stage.
fn begin(kind: &str) -> Pattern<Word> {
    Pattern::begin(stage(kind))
}

fn words(script: &str) -> Vec<(Word, Millis)> {
    let mut at = -10;
    let word = |word: &str| {
        let (word, time) = word.split_once('@').map_or((word, None), |(word, time)| (word, Some(time)));
        let (name, value) = word.split_once('=').unwrap_or((word, "0"));
        at = time.map_or(at + 10, |time| time.parse().unwrap());
        (Word { kind: name[..1].to_owned(), name: name.to_owned(), value: value.parse().unwrap() }, at)
    };
    script.split_whitespace().map(word).collect()
}

fn names(found: &Match<'_, Word>) -> String {
    found.events().map(|(_, word)| word.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// One key of a pattern at work, and what came out.
struct Key {
    matcher: Matcher<Word>,
    state: KeyState<Word>,
    watermark: Millis,
    out: Vec<String>,
}

impl Key {
    fn of(pattern: &Pattern<Word>) -> Self {
        let matcher = pattern.build().unwrap();
        Self { matcher, state: KeyState::default(), watermark: Millis::MIN, out: Vec::new() }
    }

    /// The events of a script arrive; the watermark stays.
    fn receive(&mut self, script: &str) {
        for (word, at) in words(script) {
            let out = &mut self.out;
            self.matcher.on_event(&mut self.state, word, at, self.watermark, &mut |e| tell(&e, out)).unwrap();
        }
    }

    /// The watermark moves, and the key is woken if it asked for it.
    fn watermark(&mut self, watermark: Millis) {
        self.watermark = watermark;
        if self.matcher.next_timer(&self.state).is_some_and(|timer| timer <= watermark) {
            let out = &mut self.out;
            self.matcher.advance(&mut self.state, watermark, &mut |e| tell(&e, out)).unwrap();
        }
    }

    /// The events of a script, each looked at as soon as it comes.
    fn feed(&mut self, script: &str) {
        for (word, at) in words(script) {
            let out = &mut self.out;
            self.matcher.feed(&mut self.state, word, at, &mut |e| tell(&e, out)).unwrap();
        }
    }

    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }
}

/// A match by its names; everything else with a word in front.
fn tell(emission: &Emission<'_, Word>, out: &mut Vec<String>) {
    out.push(match emission {
        Emission::Match(found) => names(found),
        Emission::Timeout(dropped) => format!("timeout@{}: {}", dropped.at, names(dropped)),
        Emission::Late(word) => format!("late: {}", word.name),
        Emission::Overflow(dropped) => format!("overflow: {}", names(dropped)),
        Emission::Refused(word) => format!("refused: {}", word.name),
    });
}

/// What a pattern says to a script, sorted.
fn found(pattern: &Pattern<Word>, script: &str) -> Vec<String> {
    let mut said = in_order(pattern, script);
    said.sort();
    said
}

/// What a pattern says to a script, in the order in which it says it.
fn in_order(pattern: &Pattern<Word>, script: &str) -> Vec<String> {
    let mut key = Key::of(pattern);
    key.feed(script);
    key.said()
}

/// Checks what a pattern finds, whatever the order.
#[track_caller]
fn expect<const N: usize>(pattern: &Pattern<Word>, script: &str, expected: [&str; N]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found(pattern, script), expected, "on {script}");
}
