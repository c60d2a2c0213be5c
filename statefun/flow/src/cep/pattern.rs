//! A pattern as people write it: stages, in Rust or as data.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::event::Event;
use super::invalid::PatternError;
use super::limits::Limits;
use super::matcher::Matcher;
use super::quantifier::{Contiguity, Inner, Quantifier, Times};
use super::skip::SkipStrategy;

/// A pattern over the events of a key, not yet checked; [`Pattern::build`] checks it.
///
/// ```
/// use serde_json::Value;
/// use statefun_flow::cep::{Condition, Pattern, SkipStrategy, Stage};
///
/// let pattern = Pattern::<Value>::begin(Stage::named("login").when(Condition::kind("login-failed")).times(3).consecutive())
///     .followed_by(Stage::named("order").when(Condition::kind("order")))
///     .within(60_000)
///     .skip(SkipStrategy::SkipPastLast)
///     .build();
/// assert!(pattern.is_ok());
/// ```
///
/// The same as data:
///
/// ```
/// # use serde_json::{json, Value};
/// # use statefun_flow::cep::Pattern;
/// let pattern: Pattern<Value> = serde_json::from_value(json!({
///     "pattern": [
///         {"name": "login", "where": {"type": "login-failed"}, "quantifier": {"type": "times", "n": 3, "inner": "strict"}},
///         {"name": "order", "contig": "followed_by", "where": {"type": "order"}}
///     ],
///     "within": {"ms": 60000},
///     "skip": {"type": "skip_past_last"}
/// }))?;
/// assert!(pattern.build().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Pattern<E> {
    /// The stages in order.
    #[serde(rename = "pattern")]
    pub stages: Vec<Stage<E>>,
    /// The time limit of the whole pattern; with [`WithinType::PreviousAndCurrent`] it is that of the last stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// What a match takes away from others.
    #[serde(default)]
    pub skip: SkipStrategy,
    /// Whether partial matches that ran out of time are reported.
    #[serde(default)]
    pub timeout_output: bool,
    /// Whether events behind the watermark are reported.
    #[serde(default)]
    pub late_output: bool,
    /// The order of events with equal time; in the order of arrival if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_break: Option<TieBreak>,
    /// The field that separates the events into keys; all events together if absent. The caller does the separating:
    /// a [`KeyState`](super::KeyState) holds one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_by: Option<String>,
    /// How much one key may hold.
    #[serde(default)]
    pub limits: Limits,
}

/// One stage: a named one, or a group of stages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Stage<E> {
    /// The name; a group has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The stages of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<Self>>,
    /// How the stage follows the one before; the first stage of a pattern or group follows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contig: Option<Contiguity>,
    /// Which events fit; all if absent.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition<E>>,
    /// How often.
    #[serde(default)]
    pub quantifier: Quantifier,
    /// The loop ends for good, without it, at an event that fits this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition<E>>,
    /// The time limit of this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

/// A time limit. It is exclusive: what comes exactly so much later is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// Milliseconds of event time.
    pub ms: i64,
    /// Between which events.
    #[serde(rename = "type", default)]
    pub kind: WithinType,
}

/// Between which events a time limit lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithinType {
    /// Between the first event of the match and its last.
    #[default]
    FirstAndLast,
    /// Between the event accepted before and the event of the stage.
    PreviousAndCurrent,
}

/// The order of events with equal time: by the numeric field `v`, which a missing value precedes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// Ascending.
    VAsc,
    /// Descending.
    VDesc,
}

impl<E> Pattern<E> {
    /// A pattern that begins with this stage or group.
    #[must_use]
    pub fn begin(first: Stage<E>) -> Self {
        Self {
            stages: vec![Stage { contig: None, ..first }],
            within: None,
            skip: SkipStrategy::default(),
            timeout_output: false,
            late_output: false,
            tie_break: None,
            key_by: None,
            limits: Limits::default(),
        }
    }

    /// A stage that the very next event must fit.
    #[must_use]
    pub fn next(self, stage: Stage<E>) -> Self {
        self.then(Contiguity::Next, stage)
    }

    /// A stage that takes the first event that fits.
    #[must_use]
    pub fn followed_by(self, stage: Stage<E>) -> Self {
        self.then(Contiguity::FollowedBy, stage)
    }

    /// A stage that may take any event that fits.
    #[must_use]
    pub fn followed_by_any(self, stage: Stage<E>) -> Self {
        self.then(Contiguity::FollowedByAny, stage)
    }

    /// A stage that the very next event must not fit.
    #[must_use]
    pub fn not_next(self, stage: Stage<E>) -> Self {
        self.then(Contiguity::NotNext, stage)
    }

    /// A stage that no event may fit until the following stage has its own.
    #[must_use]
    pub fn not_followed_by(self, stage: Stage<E>) -> Self {
        self.then(Contiguity::NotFollowedBy, stage)
    }

    fn then(mut self, contig: Contiguity, stage: Stage<E>) -> Self {
        self.stages.push(Stage { contig: Some(contig), ..stage });
        self
    }

    /// Less than so many milliseconds of event time between the first event and the last.
    #[must_use]
    pub fn within(mut self, ms: i64) -> Self {
        self.within = Some(Within { ms, kind: WithinType::FirstAndLast });
        self
    }

    /// What a match takes away from others.
    #[must_use]
    pub fn skip(mut self, skip: SkipStrategy) -> Self {
        self.skip = skip;
        self
    }

    /// Reports partial matches that ran out of time.
    #[must_use]
    pub fn report_timeouts(mut self) -> Self {
        self.timeout_output = true;
        self
    }

    /// Reports events behind the watermark.
    #[must_use]
    pub fn report_late(mut self) -> Self {
        self.late_output = true;
        self
    }

    /// How much one key may hold.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

impl<E> Pattern<E> {
    /// Gives every expression in its conditions a meaning: see [`Condition::compile`].
    ///
    /// # Errors
    /// The first one of `compile`.
    pub fn compile<X>(&mut self, compile: &mut dyn FnMut(&str) -> Result<Condition<E>, X>) -> Result<(), X> {
        self.stages.iter_mut().try_for_each(|stage| stage.compile(compile))
    }
}

impl<E: Event> Pattern<E> {
    /// Checks the pattern and compiles it.
    ///
    /// # Errors
    /// When the pattern contradicts itself; the error names the stage.
    pub fn build(&self) -> Result<Matcher<E>, PatternError> {
        Matcher::new(self)
    }
}

impl<E> Stage<E> {
    fn compile<X>(&mut self, compile: &mut dyn FnMut(&str) -> Result<Condition<E>, X>) -> Result<(), X> {
        let conditions = self.condition.iter_mut().chain(&mut self.until);
        for condition in conditions {
            condition.compile(compile)?;
        }
        self.group.iter_mut().flatten().try_for_each(|stage| stage.compile(compile))
    }

    /// A stage that any event fits, until [`Self::when`] says which.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            group: None,
            contig: None,
            condition: None,
            quantifier: Quantifier::default(),
            until: None,
            within: None,
        }
    }

    /// A group: the stages of `pattern`, to be repeated or left out together.
    #[must_use]
    pub fn group(pattern: Pattern<E>) -> Self {
        Self { name: None, group: Some(pattern.stages), ..Self::named(String::new()) }
    }

    /// Only events for which this holds; with any condition given before.
    #[must_use]
    pub fn when(mut self, condition: Condition<E>) -> Self {
        self.condition = Some(match self.condition.take() {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        self.repeated(Times::Exactly(n))
    }

    /// At least and at most so many times.
    #[must_use]
    pub fn times_range(self, from: u32, to: u32) -> Self {
        self.repeated(Times::Range(from, to))
    }

    /// So many times or more.
    #[must_use]
    pub fn times_or_more(self, n: u32) -> Self {
        self.repeated(Times::OrMore(n))
    }

    /// Once or more.
    #[must_use]
    pub fn one_or_more(self) -> Self {
        self.repeated(Times::OrMore(1))
    }

    fn repeated(mut self, times: Times) -> Self {
        self.quantifier.times = times;
        self
    }

    /// Nothing may lie between the repetitions.
    #[must_use]
    pub fn consecutive(mut self) -> Self {
        self.quantifier.inner = Inner::Strict;
        self
    }

    /// Anything may lie between the repetitions.
    #[must_use]
    pub fn combinations(mut self) -> Self {
        self.quantifier.inner = Inner::Any;
        self
    }

    /// The loop takes what it can before the following stage may take anything.
    #[must_use]
    pub fn greedy(mut self) -> Self {
        self.quantifier.greedy = true;
        self
    }

    /// The stage may be left out.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.quantifier.optional = true;
        self
    }

    /// The loop ends for good, without it, at an event for which this holds.
    #[must_use]
    pub fn until(mut self, condition: Condition<E>) -> Self {
        self.until = Some(condition);
        self
    }

    /// The event of this stage must come less than so many milliseconds after the event accepted before it.
    #[must_use]
    pub fn within_previous(mut self, ms: i64) -> Self {
        self.within = Some(Within { ms, kind: WithinType::PreviousAndCurrent });
        self
    }
}
