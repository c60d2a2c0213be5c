//! How often a stage occurs, and what may lie between.

use serde::{Deserialize, Serialize};

/// What may lie between the event accepted before and the event of this stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contiguity {
    /// Nothing: the very next event must fit.
    Next,
    /// Events that do not fit; the first that fits is taken.
    FollowedBy,
    /// Any events; each one that fits gives another match.
    FollowedByAny,
    /// The very next event must not fit this stage.
    NotNext,
    /// No event up to the one of the following stage (or up to the end of the time limit) may fit this stage.
    NotFollowedBy,
}

/// What may lie between the repetitions of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inner {
    /// Events that do not fit.
    #[default]
    Relaxed,
    /// Nothing.
    Strict,
    /// Any events: all combinations of fitting events.
    Any,
}

/// How often a stage occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Once; not a loop, so nothing can be said about what lies between.
    #[default]
    One,
    /// So many times.
    Exactly(u32),
    /// At least and at most so many times. From 0 is from 1, but optional.
    Range(u32, u32),
    /// So many times or more.
    OrMore(u32),
}

/// Times, contiguity between the repetitions, greed, option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Data", into = "Data")]
pub struct Quantifier {
    /// How often.
    pub times: Times,
    /// What may lie between the repetitions.
    pub inner: Inner,
    /// The loop takes what it can before the following stage may take anything.
    pub greedy: bool,
    /// The stage may be left out.
    pub optional: bool,
    /// The next repetition must come less than so many milliseconds of event time after the one before.
    pub window_ms: Option<i64>,
}

impl Quantifier {
    /// Whether the stage may be left out; a range from 0 says so as well.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.optional || matches!(self.times, Times::Range(0, _))
    }

    /// Whether the number of repetitions has no upper bound.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        matches!(self.times, Times::OrMore(_))
    }
}

/// The data form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    inner: Inner,
    #[serde(default, skip_serializing_if = "is_default")]
    greedy: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    optional: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "window")]
    window_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    One,
    Times,
    TimesRange,
    TimesOrMore,
    OneOrMore,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TryFrom<Data> for Quantifier {
    type Error = String;

    fn try_from(data: Data) -> Result<Self, String> {
        let Data { kind, n, from, to, inner, greedy, optional, window_ms } = data;
        let times = match (kind, n, from, to) {
            (Kind::One, None, None, None) => Times::One,
            (Kind::Times, Some(n), None, None) => Times::Exactly(n),
            (Kind::TimesRange, None, Some(from), Some(to)) => Times::Range(from, to),
            (Kind::TimesOrMore, Some(n), None, None) => Times::OrMore(n),
            // Descriptions that switch between the two kinds of loop carry an `n` here; it has no meaning.
            (Kind::OneOrMore, _, None, None) => Times::OrMore(1),
            _ => {
                return Err(format!(
                    "quantifier {kind:?}: `times` and `times_or_more` need `n`, `times_range` needs `from` and `to`, \
                     `one` needs neither"
                ));
            }
        };
        Ok(Self { times, inner, greedy, optional, window_ms })
    }
}

impl From<Quantifier> for Data {
    fn from(quantifier: Quantifier) -> Self {
        let Quantifier { times, inner, greedy, optional, window_ms } = quantifier;
        let (kind, n, from, to) = match times {
            Times::One => (Kind::One, None, None, None),
            Times::Exactly(n) => (Kind::Times, Some(n), None, None),
            Times::Range(from, to) => (Kind::TimesRange, None, Some(from), Some(to)),
            Times::OrMore(1) => (Kind::OneOrMore, None, None, None),
            Times::OrMore(n) => (Kind::TimesOrMore, Some(n), None, None),
        };
        Self { kind, n, from, to, inner, greedy, optional, window_ms }
    }
}
