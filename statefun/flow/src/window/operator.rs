//! The window operator: a description and what it computes, shared by all keys.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::aggregate::Aggregate;
use super::general::General;
use super::sessions::Sessions;
use super::sliced::{Grid, Sliced};
use super::{Assigner, Evictor, SpecError, Trigger, Window, WindowSpec};
use crate::time::{Millis, ProcessingTime};
use crate::timers::Timers;

/// What the operator may ask of its host while it handles one key.
pub trait Context<E, O>: Timers {
    /// A window gave its result.
    fn emit(&mut self, fired: Fired<O>);

    /// An event came too late for all its windows; called if the description has `late_output`.
    fn late(&mut self, at: Millis, event: E);

    /// An event came too late for all its windows and was dropped: something to count.
    fn dropped_late(&mut self, at: Millis) {
        let _ = at;
    }
}

/// The result of a window of the current key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired<O> {
    /// Which window.
    pub window: Window,
    /// What it computed.
    pub result: O,
}

impl<O> Fired<O> {
    /// The event time of the result: the window's last moment.
    #[must_use]
    pub fn at(&self) -> Millis {
        self.window.last()
    }
}

/// What an operator remembers about one key: events of type `E` or accumulators of type `C`. Start with the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyState<E, C>(Panes<E, C>);

/// The key state of an operator with aggregate `A`.
pub type KeyStateOf<A> = KeyState<<A as Aggregate>::Event, <A as Aggregate>::Accumulator>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Panes<E, C> {
    Empty,
    General(Box<General<E, C>>),
    Sliced(Sliced<C>),
    Sessions(Sessions<C>),
}

impl<E, C> Default for KeyState<E, C> {
    fn default() -> Self {
        Self(Panes::Empty)
    }
}

impl<E, C> KeyState<E, C> {
    /// Whether nothing is remembered, so that the state of this key can be forgotten altogether.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Panes::Empty => true,
            Panes::General(general) => general.is_empty(),
            Panes::Sliced(sliced) => sliced.is_empty(),
            Panes::Sessions(sessions) => sessions.is_empty(),
        }
    }
}

/// A function of an event.
type EventFn<E, T> = Arc<dyn Fn(&E) -> T + Send + Sync>;

/// Windows over the events of each key.
pub struct WindowOperator<A: Aggregate> {
    pub(crate) spec: WindowSpec,
    pub(crate) trigger: Trigger,
    pub(crate) evictor: Option<Evictor>,
    pub(crate) aggregate: A,
    gap: Option<EventFn<A::Event, Millis>>,
    measure: Option<EventFn<A::Event, f64>>,
    path: Path,
}

/// How the operator works; the results are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    General,
    Sliced(Grid),
    Sessions,
}

/// Collects what a [`WindowOperator`] needs beside its description.
pub struct WindowBuilder<A: Aggregate> {
    operator: WindowOperator<A>,
    shortcuts: bool,
}

impl<A: Aggregate> WindowBuilder<A> {
    /// How long an event keeps its session open, for dynamic sessions. Less than one counts as one.
    #[must_use]
    pub fn gap(mut self, gap: impl Fn(&A::Event) -> Millis + Send + Sync + 'static) -> Self {
        self.operator.gap = Some(Arc::new(gap));
        self
    }

    /// The measure of an event, for delta triggers and delta evictors.
    #[must_use]
    pub fn measure(mut self, measure: impl Fn(&A::Event) -> f64 + Send + Sync + 'static) -> Self {
        self.operator.measure = Some(Arc::new(measure));
        self
    }

    /// Follow the general rules even where a faster way gives the same results: the reference for tests and measurements.
    #[must_use]
    pub fn without_shortcuts(mut self) -> Self {
        self.shortcuts = false;
        self
    }

    /// The operator.
    ///
    /// # Errors
    /// If the description makes no sense or a function that it needs is missing.
    pub fn build(self) -> Result<WindowOperator<A>, SpecError> {
        let mut operator = self.operator;
        operator.spec.validate()?;
        if operator.spec.assigner == Assigner::SessionDynamic && operator.gap.is_none() {
            return Err(SpecError::FunctionMissing { what: "a session with dynamic gap", to: "its gap" });
        }
        let measures = operator.trigger.measures() || operator.evictor.as_ref().is_some_and(Evictor::measures);
        if measures && operator.measure.is_none() {
            return Err(SpecError::FunctionMissing { what: "a delta trigger or evictor", to: "its measure" });
        }
        if self.shortcuts {
            operator.path = operator.shortest_path();
        }
        Ok(operator)
    }
}

impl<A: Aggregate> WindowOperator<A> {
    /// Windows as `spec` describes them that compute `aggregate`.
    #[must_use]
    pub fn builder(spec: WindowSpec, aggregate: A) -> WindowBuilder<A> {
        let (trigger, evictor) = (spec.effective_trigger(), spec.effective_evictor());
        let operator = Self { spec, trigger, evictor, aggregate, gap: None, measure: None, path: Path::General };
        WindowBuilder { operator, shortcuts: true }
    }

    /// The description.
    #[must_use]
    pub fn spec(&self) -> &WindowSpec {
        &self.spec
    }

    /// Whether a restored `state` was written by an operator that works as this one does. Where the description of a running
    /// application changes, ask before the first event: the other methods panic on a state that is not theirs.
    #[must_use]
    pub fn accepts(&self, state: &KeyStateOf<A>) -> bool {
        match (&state.0, &self.path) {
            (Panes::Empty, _) => true,
            (Panes::General(_), path) => *path == Path::General,
            (Panes::Sliced(_), path) => matches!(path, Path::Sliced(_)),
            (Panes::Sessions(_), path) => *path == Path::Sessions,
        }
    }

    fn shortest_path(&self) -> Path {
        if self.trigger != Trigger::EventTime || self.evictor.is_some() {
            return Path::General;
        }
        match self.spec.assigner {
            Assigner::Tumbling { size, offset } => Path::Sliced(Grid::new(size, size, offset)),
            Assigner::Sliding { size, slide, offset } if self.aggregate.shares() => {
                Path::Sliced(Grid::new(size, slide, offset))
            }
            Assigner::Session { .. } | Assigner::SessionDynamic => Path::Sessions,
            _ => Path::General,
        }
    }

    pub(crate) fn gap_of(&self, event: &A::Event) -> Millis {
        self.gap.as_ref().map_or(0, |gap| gap(event))
    }

    pub(crate) fn measure_of(&self, event: &A::Event) -> f64 {
        self.measure.as_ref().map_or(0.0, |measure| measure(event))
    }
}

impl<A: Aggregate> WindowOperator<A>
where
    A::Event: Clone,
{
    /// Handles an event of event time `at`.
    ///
    /// # Panics
    /// If `state` comes from an operator with another kind of description: see [`accepts`](Self::accepts).
    pub fn on_event<X>(&self, state: &mut KeyStateOf<A>, at: Millis, event: A::Event, context: &mut X)
    where
        X: Context<A::Event, A::Output>,
    {
        let accepted = match &self.path {
            Path::General => state.general().on_event(self, at, &event, context),
            Path::Sliced(grid) => state.sliced().on_event(self, grid, at, &event, context),
            Path::Sessions => state.sessions().on_event(self, at, &event, context),
        };
        if accepted || !self.spec.is_late(at, context.watermark()) {
            return;
        }
        if self.spec.late_output {
            context.late(at, event);
        } else {
            context.dropped_late(at);
        }
    }

    /// Handles an event-time timer at `at`, which must not be behind the watermark. One that nobody waits for is ignored.
    ///
    /// # Panics
    /// If `state` comes from an operator with another kind of description: see [`accepts`](Self::accepts).
    pub fn on_timer<X>(&self, state: &mut KeyStateOf<A>, at: Millis, context: &mut X)
    where
        X: Context<A::Event, A::Output>,
    {
        if state.is_forgotten() {
            return;
        }
        match &self.path {
            Path::General => state.general().on_timer(self, at, context),
            Path::Sliced(grid) => state.sliced().on_timer(self, grid, at, context),
            Path::Sessions => state.sessions().on_timer(self, at, context),
        }
    }

    /// Handles a timer on the clock of the node. One that nobody waits for is ignored.
    ///
    /// # Panics
    /// If `state` comes from an operator with another kind of description: see [`accepts`](Self::accepts).
    pub fn on_processing_timer<X>(&self, state: &mut KeyStateOf<A>, at: ProcessingTime, context: &mut X)
    where
        X: Context<A::Event, A::Output>,
    {
        if self.path == Path::General && !state.is_forgotten() {
            state.general().on_processing_timer(self, at, context);
        }
    }
}

const FOREIGN: &str = "the key state belongs to a window operator with another kind of description";

impl<E, C: Clone> KeyState<E, C> {
    fn is_forgotten(&self) -> bool {
        matches!(self.0, Panes::Empty)
    }

    fn general(&mut self) -> &mut General<E, C> {
        if self.is_forgotten() {
            self.0 = Panes::General(Box::default());
        }
        match &mut self.0 {
            Panes::General(general) => general,
            _ => panic!("{FOREIGN}"),
        }
    }

    fn sliced(&mut self) -> &mut Sliced<C> {
        if self.is_forgotten() {
            self.0 = Panes::Sliced(Sliced::default());
        }
        match &mut self.0 {
            Panes::Sliced(sliced) => sliced,
            _ => panic!("{FOREIGN}"),
        }
    }

    fn sessions(&mut self) -> &mut Sessions<C> {
        if self.is_forgotten() {
            self.0 = Panes::Sessions(Sessions::default());
        }
        match &mut self.0 {
            Panes::Sessions(sessions) => sessions,
            _ => panic!("{FOREIGN}"),
        }
    }
}

impl<A: Aggregate + fmt::Debug> fmt::Debug for WindowOperator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowOperator")
            .field("spec", &self.spec)
            .field("aggregate", &self.aggregate)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
