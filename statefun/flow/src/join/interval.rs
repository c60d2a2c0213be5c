//! Pairs of events whose times are close.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::{MIN, Millis};
use crate::timers::{Timers, Wake};

/// How far apart two events may be: `left + lower <= right <= left + upper`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalSpec {
    /// How much later the right event is at least; may be negative.
    pub lower: Millis,
    /// How much later the right event is at most; may be negative.
    pub upper: Millis,
    /// Whether exactly `lower` is close enough.
    #[serde(default = "inclusive")]
    pub lower_inclusive: bool,
    /// Whether exactly `upper` is close enough.
    #[serde(default = "inclusive")]
    pub upper_inclusive: bool,
    /// Whether late events are handed out; they are dropped otherwise.
    #[serde(default)]
    pub late_output: bool,
}

fn inclusive() -> bool {
    true
}

impl IntervalSpec {
    /// Both bounds included, late events dropped.
    #[must_use]
    pub fn new(lower: Millis, upper: Millis) -> Self {
        Self { lower, upper, lower_inclusive: true, upper_inclusive: true, late_output: false }
    }
}

/// An interval that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no right event can be within {lower} and {upper} ms of a left one: the interval is empty")]
pub struct IntervalSpecError {
    /// The least distance that is close enough.
    pub lower: Millis,
    /// The greatest distance that is close enough.
    pub upper: Millis,
}

/// What the join may ask of its host while it handles one key.
pub trait IntervalContext<L, R>: Timers {
    /// Two events belong together. Called when the second of them arrives.
    fn emit(&mut self, joined: Joined<'_, L, R>);

    /// A left event came behind the watermark; called if the description has `late_output`.
    fn late_left(&mut self, at: Millis, event: L);

    /// A right event came behind the watermark; called if the description has `late_output`.
    fn late_right(&mut self, at: Millis, event: R);

    /// An event came behind the watermark and was dropped: something to count.
    fn dropped_late(&mut self, at: Millis) {
        let _ = at;
    }
}

/// Two events that belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct Joined<'a, L, R> {
    /// When the left one happened.
    pub left_at: Millis,
    /// The left one.
    pub left: &'a L,
    /// When the right one happened.
    pub right_at: Millis,
    /// The right one.
    pub right: &'a R,
}

impl<L, R> Joined<'_, L, R> {
    /// The event time of the pair: that of the later one.
    #[must_use]
    pub fn at(&self) -> Millis {
        self.left_at.max(self.right_at)
    }
}

/// What the join remembers about one key: events that a partner may still come for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalState<L, R> {
    left: BTreeMap<Millis, Vec<L>>,
    right: BTreeMap<Millis, Vec<R>>,
    wake: Wake,
}

impl<L, R> Default for IntervalState<L, R> {
    fn default() -> Self {
        Self { left: BTreeMap::new(), right: BTreeMap::new(), wake: Wake::default() }
    }
}

impl<L, R> IntervalState<L, R> {
    /// Whether nothing is remembered, so that the state of this key can be forgotten altogether.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// Joins the events of each key by the distance of their times.
///
/// # Rules
/// * An event behind the watermark is late and is not joined. Before any watermark nothing is.
/// * An event is forgotten when the watermark reaches the latest time that a partner can have, or its own if that is later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalJoin {
    /// The distances that are close enough, both included.
    lower: Millis,
    upper: Millis,
    late_output: bool,
}

impl IntervalJoin {
    /// The join that `spec` describes.
    ///
    /// # Errors
    /// If no distance is close enough.
    pub fn new(spec: &IntervalSpec) -> Result<Self, IntervalSpecError> {
        let lower = spec.lower.saturating_add(i64::from(!spec.lower_inclusive));
        let upper = spec.upper.saturating_sub(i64::from(!spec.upper_inclusive));
        if lower > upper {
            return Err(IntervalSpecError { lower, upper });
        }
        Ok(Self { lower, upper, late_output: spec.late_output })
    }

    /// Handles an event of the left side.
    pub fn on_left<L, R, X>(&self, state: &mut IntervalState<L, R>, left_at: Millis, left: L, context: &mut X)
    where
        X: IntervalContext<L, R>,
    {
        if is_late(left_at, context) {
            return if self.late_output { context.late_left(left_at, left) } else { context.dropped_late(left_at) };
        }
        let partners = left_at.saturating_add(self.lower)..=left_at.saturating_add(self.upper);
        for (&right_at, rights) in state.right.range(partners) {
            for right in rights {
                context.emit(Joined { left_at, left: &left, right_at, right });
            }
        }
        state.left.entry(left_at).or_default().push(left);
        self.arm(state, context);
    }

    /// Handles an event of the right side.
    pub fn on_right<L, R, X>(&self, state: &mut IntervalState<L, R>, right_at: Millis, right: R, context: &mut X)
    where
        X: IntervalContext<L, R>,
    {
        if is_late(right_at, context) {
            return if self.late_output { context.late_right(right_at, right) } else { context.dropped_late(right_at) };
        }
        let partners = right_at.saturating_sub(self.upper)..=right_at.saturating_sub(self.lower);
        for (&left_at, lefts) in state.left.range(partners) {
            for left in lefts {
                context.emit(Joined { left_at, left, right_at, right: &right });
            }
        }
        state.right.entry(right_at).or_default().push(right);
        self.arm(state, context);
    }

    /// Handles an event-time timer at `at`, which must not be behind the watermark: forgets events without a future.
    pub fn on_timer<L, R>(&self, state: &mut IntervalState<L, R>, at: Millis, host: &mut impl Timers) {
        state.wake.fired(at);
        while state.left.first_entry().is_some_and(|oldest| self.left_expires(*oldest.key()) <= at) {
            state.left.pop_first();
        }
        while state.right.first_entry().is_some_and(|oldest| self.right_expires(*oldest.key()) <= at) {
            state.right.pop_first();
        }
        self.arm(state, host);
    }

    fn left_expires(&self, at: Millis) -> Millis {
        at.saturating_add(self.upper.max(0))
    }

    fn right_expires(&self, at: Millis) -> Millis {
        at.saturating_sub(self.lower.min(0))
    }

    fn arm<L, R>(&self, state: &mut IntervalState<L, R>, host: &mut impl Timers) {
        let left = state.left.keys().next().map(|at| self.left_expires(*at));
        let right = state.right.keys().next().map(|at| self.right_expires(*at));
        let earliest = left.into_iter().chain(right).min();
        state.wake.no_later_than(earliest, host, |host, at| host.set_timer(at), |host, at| host.delete_timer(at));
    }
}

fn is_late(at: Millis, host: &impl Timers) -> bool {
    let watermark = host.watermark();
    watermark != MIN && at < watermark
}

#[cfg(test)]
mod tests;
