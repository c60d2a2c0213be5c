//! Windows.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::events::Events;
use super::flow::{BuildError, Flow, named};
use crate::function::{Emit, FlowFunction, LateEvent, Out, WindowFunction, WindowOutputs, WindowResult};
use crate::time::Millis;
use crate::window::aggregate::Aggregate;
use crate::window::{Assigner, Evictor, KeyStateOf, Trigger, WindowOperator, WindowSpec};

pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

macro_rules! windows {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Assigner);

        impl From<$name> for Assigner {
            fn from(windows: $name) -> Self {
                windows.0
            }
        }
    )*};
}

windows! {
    /// Windows of one size, side by side.
    Tumbling;
    /// Windows of one size that begin at equal distances.
    Sliding;
    /// Windows of activity.
    Session;
    /// Windows that share a start and grow by steps, then start anew.
    Cumulate;
    /// Windows of a number of events.
    Count;
    /// One endless window. Give it a trigger.
    Global;
}

impl Tumbling {
    /// Windows of that size.
    #[must_use]
    pub fn of(size: Duration) -> Self {
        Self(Assigner::Tumbling { size: millis(size), offset: 0 })
    }

    /// Windows that begin so much later.
    #[must_use]
    pub fn offset(self, by: Duration) -> Self {
        Self(shifted(self.0, by))
    }
}

impl Sliding {
    /// Windows of that size, one for each `slide`.
    #[must_use]
    pub fn of(size: Duration, slide: Duration) -> Self {
        Self(Assigner::Sliding { size: millis(size), slide: millis(slide), offset: 0 })
    }

    /// Windows that begin so much later.
    #[must_use]
    pub fn offset(self, by: Duration) -> Self {
        Self(shifted(self.0, by))
    }
}

impl Cumulate {
    /// Windows that grow by `step` up to `size`.
    #[must_use]
    pub fn of(size: Duration, step: Duration) -> Self {
        Self(Assigner::Cumulate { size: millis(size), step: millis(step), offset: 0 })
    }

    /// Windows that begin so much later.
    #[must_use]
    pub fn offset(self, by: Duration) -> Self {
        Self(shifted(self.0, by))
    }
}

fn shifted(assigner: Assigner, by: Duration) -> Assigner {
    match assigner {
        Assigner::Tumbling { size, .. } => Assigner::Tumbling { size, offset: millis(by) },
        Assigner::Sliding { size, slide, .. } => Assigner::Sliding { size, slide, offset: millis(by) },
        Assigner::Cumulate { size, step, .. } => Assigner::Cumulate { size, step, offset: millis(by) },
        other => other,
    }
}

impl Session {
    /// Sessions that outlive their last event by `gap`.
    #[must_use]
    pub fn with_gap(gap: Duration) -> Self {
        Self(Assigner::Session { gap: millis(gap) })
    }

    /// Sessions where each event brings its own gap: see [`Windowed::gap`].
    #[must_use]
    pub fn dynamic() -> Self {
        Self(Assigner::SessionDynamic)
    }
}

impl Count {
    /// Windows of `size` events.
    #[must_use]
    pub fn of(size: u64) -> Self {
        Self(Assigner::Count { size, slide: None })
    }

    /// Windows of the last `size` events, every `slide` events.
    #[must_use]
    pub fn sliding(size: u64, slide: u64) -> Self {
        Self(Assigner::Count { size, slide: Some(slide) })
    }
}

impl Global {
    /// One that fires as its trigger says.
    #[must_use]
    pub fn new() -> Self {
        Self(Assigner::Global)
    }

    /// One that fires at the end of the input.
    #[must_use]
    pub fn until_the_end() -> Self {
        Self(Assigner::GlobalEndOfStream)
    }
}

impl Default for Global {
    fn default() -> Self {
        Self::new()
    }
}

type Property<E, T> = Arc<dyn Fn(&E) -> T + Send + Sync>;

/// Events in windows.
pub struct Windowed<E> {
    events: Events<E>,
    spec: WindowSpec,
    gap: Option<Property<E, Millis>>,
    measure: Option<Property<E, f64>>,
    late: Option<Emit<LateEvent<E>>>,
}

impl<E: 'static> Windowed<E> {
    pub(super) fn new(events: Events<E>, spec: WindowSpec) -> Self {
        Self { events, spec, gap: None, measure: None, late: None }
    }

    /// When windows fire, if not at their end.
    #[must_use]
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.spec.trigger = Some(trigger);
        self
    }

    /// Which events leave a window when it fires.
    #[must_use]
    pub fn evictor(mut self, evictor: Evictor) -> Self {
        self.spec.evictor = Some(evictor);
        self
    }

    /// How long windows stay for late events behind their end.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.spec.allowed_lateness = millis(lateness);
        self
    }

    /// How long an event keeps its session open, for dynamic sessions.
    #[must_use]
    pub fn gap(mut self, gap: impl Fn(&E) -> Duration + Send + Sync + 'static) -> Self {
        self.gap = Some(Arc::new(move |event| millis(gap(event))));
        self
    }

    /// The measure of an event, for delta triggers and delta evictors.
    #[must_use]
    pub fn measure(mut self, measure: impl Fn(&E) -> f64 + Send + Sync + 'static) -> Self {
        self.measure = Some(Arc::new(measure));
        self
    }

    /// What is done with events that come too late; they are counted and dropped otherwise.
    #[must_use]
    pub fn late_to(mut self, late: impl Fn(&mut Out<'_, '_>, LateEvent<E>) + Send + Sync + 'static) -> Self {
        self.spec.late_output = true;
        self.late = Some(Arc::new(late));
        self
    }

    /// What is computed of each window.
    pub fn aggregate<A: Aggregate<Event = E>>(self, aggregate: A) -> Aggregated<A> {
        Aggregated { windows: self, aggregate }
    }
}

/// Windows and what is computed of them.
pub struct Aggregated<A: Aggregate> {
    windows: Windowed<A::Event>,
    aggregate: A,
}

impl<A> Aggregated<A>
where
    A: Aggregate + Send + Sync + 'static,
    A::Event: Clone + 'static,
    A::Output: 'static,
    KeyStateOf<A>: Serialize + DeserializeOwned + Send + 'static,
{
    /// The component, under the name `namespace/name`, and what is done with its results.
    ///
    /// # Errors
    /// If the name is none, or the windows make no sense.
    pub fn to(
        self,
        name: &str,
        results: impl Fn(&mut Out<'_, '_>, WindowResult<A::Output>) + Send + Sync + 'static,
    ) -> Result<Flow, BuildError> {
        let Windowed { events, spec, gap, measure, late } = self.windows;
        let function = named(name)?;
        let level = events.level().saturating_add(1);
        let mut builder = WindowOperator::builder(spec, self.aggregate);
        if let Some(gap) = gap {
            builder = builder.gap(move |event| gap(event));
        }
        if let Some(measure) = measure {
            builder = builder.measure(move |event| measure(event));
        }
        let operator = Arc::new(builder.build()?);
        let role = events.role(level)?;
        let (entry, by_key) = events.entry(function, None)?;
        let input = events.input().clone();
        let outputs = WindowOutputs { results: Arc::new(results), late };
        let component = FlowFunction::new(function, level, move || {
            WindowFunction::new(Arc::clone(&operator), input.clone(), outputs.clone(), role.clone())
        });
        Ok(Flow { functions: [component].into_iter().chain(by_key).collect(), entries: vec![entry] })
    }
}
