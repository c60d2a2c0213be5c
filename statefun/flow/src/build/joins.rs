//! Joins.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::events::Events;
use super::flow::{BuildError, Flow, named};
use super::windows::millis;
use crate::function::{
    Emit, FlowFunction, Incoming, Input, IntervalJoinFunction, LateEvent, Out, Pair, Side, WindowFunction,
    WindowOutputs, WindowResult,
};
use crate::join::{CoGrouped, IntervalJoin, IntervalSpec, Sided, cogroup};
use crate::window::{Assigner, WindowSpec};

type Tell = Arc<dyn Fn(Incoming<'_>) -> Option<Side> + Send + Sync>;

/// Two kinds of events with the same keys.
pub struct Join<L, R> {
    left: Events<L>,
    right: Events<R>,
    tell: Tell,
}

impl<L: 'static, R: 'static> Join<L, R> {
    pub(super) fn new(left: Events<L>, right: Events<R>) -> Self {
        Self { left, right, tell: Arc::new(|_| None) }
    }

    /// Which side a message is for, for those that come neither by a key of their own nor from
    /// [`one_sided`](crate::function::one_sided).
    #[must_use]
    pub fn told_by(mut self, tell: impl Fn(Incoming<'_>) -> Option<Side> + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }

    /// Pairs where the right event comes at least `lower` and at most `upper` after the left one.
    pub fn within(self, lower: Duration, upper: Duration) -> Interval<L, R> {
        self.within_spec(IntervalSpec::new(millis(lower), millis(upper)))
    }

    /// Pairs as `spec` describes them; its bounds may be negative or excluded.
    pub fn within_spec(self, spec: IntervalSpec) -> Interval<L, R> {
        Interval { join: self, spec, late: None }
    }

    /// What both have in the same windows.
    pub fn window(self, windows: impl Into<Assigner>) -> WindowedJoin<L, R> {
        WindowedJoin { join: self, spec: WindowSpec::new(windows.into()), late: None }
    }

    /// The component of `make` with both entries.
    fn flow(
        self,
        name: &str,
        make: impl FnOnce(Input<Sided<L, R>>, statefun::function::TimeRole) -> Result<FlowParts, BuildError>,
    ) -> Result<Flow, BuildError> {
        let function = named(name)?;
        let level = self.left.level().max(self.right.level()).saturating_add(1);
        let (left_entry, left_by_key) = self.left.entry(function, Some(Side::Left))?;
        let (right_entry, right_by_key) = self.right.entry(function, Some(Side::Right))?;
        let tell = self.tell;
        let input = Input::sides(self.left.input().clone(), self.right.input().clone(), move |message| tell(message));
        let role = self.left.ingresses_of(self.right.ingresses()).role(level)?;
        let make = make(input, role)?;
        let component = make(function, level);
        let functions = [component].into_iter().chain(left_by_key).chain(right_by_key).collect();
        Ok(Flow { functions, entries: vec![left_entry, right_entry] })
    }
}

/// Makes a component under its name and level.
type FlowParts = Box<dyn FnOnce(statefun::FunctionType, u8) -> FlowFunction>;

type LateOf<L, R> = Emit<LateEvent<Sided<L, R>>>;

/// Pairs of events whose times are close.
pub struct Interval<L, R> {
    join: Join<L, R>,
    spec: IntervalSpec,
    late: Option<LateOf<L, R>>,
}

impl<L, R> Interval<L, R>
where
    L: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    R: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// What is done with events that come too late.
    #[must_use]
    pub fn late_to(mut self, late: impl Fn(&mut Out<'_, '_>, LateEvent<Sided<L, R>>) + Send + Sync + 'static) -> Self {
        self.spec.late_output = true;
        self.late = Some(Arc::new(late));
        self
    }

    /// The component, under the name `namespace/name`, and what is done with pairs.
    ///
    /// # Errors
    /// If the name is none, or the interval is empty.
    pub fn to(
        self,
        name: &str,
        pairs: impl Fn(&mut Out<'_, '_>, Pair<L, R>) + Send + Sync + 'static,
    ) -> Result<Flow, BuildError> {
        let Self { join, spec, late } = self;
        join.flow(name, move |input, role| {
            let interval = IntervalJoin::new(&spec)?;
            let it = IntervalJoinFunction::new(interval, input, Arc::new(pairs), late, role);
            Ok(Box::new(move |function, level| FlowFunction::new(function, level, move || it.clone())))
        })
    }
}

/// Both kinds of events in the same windows.
pub struct WindowedJoin<L, R> {
    join: Join<L, R>,
    spec: WindowSpec,
    late: Option<LateOf<L, R>>,
}

impl<L, R> WindowedJoin<L, R>
where
    L: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    R: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// How long windows stay for late events behind their end.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.spec.allowed_lateness = millis(lateness);
        self
    }

    /// What is done with events that come too late.
    #[must_use]
    pub fn late_to(mut self, late: impl Fn(&mut Out<'_, '_>, LateEvent<Sided<L, R>>) + Send + Sync + 'static) -> Self {
        self.spec.late_output = true;
        self.late = Some(Arc::new(late));
        self
    }

    /// The component, under the name `namespace/name`, and what is done with what each side has in a window. The window join
    /// is [`CoGrouped::pairs`] of it.
    ///
    /// # Errors
    /// If the name is none, or the windows make no sense.
    pub fn to(
        self,
        name: &str,
        groups: impl Fn(&mut Out<'_, '_>, WindowResult<CoGrouped<L, R>>) + Send + Sync + 'static,
    ) -> Result<Flow, BuildError> {
        let Self { join, spec, late } = self;
        join.flow(name, move |input, role| {
            let operator = Arc::new(cogroup::<L, R>(spec).build()?);
            let outputs = WindowOutputs { results: Arc::new(groups), late };
            Ok(Box::new(move |function, level| {
                FlowFunction::new(function, level, move || {
                    WindowFunction::new(Arc::clone(&operator), input.clone(), outputs.clone(), role.clone())
                })
            }))
        })
    }
}
