//! Patterns.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::events::Events;
use super::flow::{BuildError, Flow, named};
use crate::cep::{Event, Match, Pattern};
use crate::component::OtherPattern;
use crate::function::{FlowFunction, LateEvent, Out, PatternFunction, PatternOutputs};

/// Events that are searched for a pattern.
pub struct Patterned<E> {
    events: Events<E>,
    pattern: Pattern<E>,
    outputs: PatternOutputs<E>,
    other_pattern: OtherPattern,
    by_clock: bool,
}

impl<E: Event + Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Patterned<E> {
    /// What is done with partial matches that ran out of time.
    #[must_use]
    pub fn timeouts_to(mut self, timeouts: impl Fn(&mut Out<'_, '_>, &Match<'_, E>) + Send + Sync + 'static) -> Self {
        self.pattern.timeout_output = true;
        self.outputs.timeouts = Some(Arc::new(timeouts));
        self
    }

    /// What is done with events behind the watermark.
    #[must_use]
    pub fn late_to(mut self, late: impl Fn(&mut Out<'_, '_>, LateEvent<E>) + Send + Sync + 'static) -> Self {
        self.pattern.late_output = true;
        self.outputs.late = Some(Arc::new(late));
        self
    }

    /// What is done with partial matches that are more than a key may hold; they become dead letters otherwise.
    #[must_use]
    pub fn overflow_to(mut self, overflow: impl Fn(&mut Out<'_, '_>, &Match<'_, E>) + Send + Sync + 'static) -> Self {
        self.outputs.overflow = Some(Arc::new(overflow));
        self
    }

    /// What becomes of keys whose partial matches were made by another pattern.
    #[must_use]
    pub fn on_change(mut self, other_pattern: OtherPattern) -> Self {
        self.other_pattern = other_pattern;
        self
    }

    /// Events are looked at as they come, and time limits are on the clock of the node.
    #[must_use]
    pub fn by_clock(mut self) -> Self {
        self.by_clock = true;
        self
    }

    /// The component, under the name `namespace/name`, and what is done with matches.
    ///
    /// # Errors
    /// If the name is none, or the pattern contradicts itself.
    pub fn to(
        mut self,
        name: &str,
        matches: impl Fn(&mut Out<'_, '_>, &Match<'_, E>) + Send + Sync + 'static,
    ) -> Result<Flow, BuildError> {
        self.outputs.matches = Arc::new(matches);
        let Self { events, pattern, outputs, other_pattern, by_clock } = self;
        let function = named(name)?;
        let level = events.level().saturating_add(1);
        let matcher = Arc::new(pattern.build()?);
        let role = events.role(level)?;
        let (entry, by_key) = events.entry(function, None)?;
        let input = events.input().clone();
        let component = FlowFunction::new(function, if by_clock { 0 } else { level }, move || {
            let (matcher, role) = (Arc::clone(&matcher), role.clone());
            let it = PatternFunction::new(matcher, input.clone(), outputs.clone(), other_pattern, role);
            if by_clock { it.by_clock() } else { it }
        });
        Ok(Flow { functions: [component].into_iter().chain(by_key).collect(), entries: vec![entry] })
    }
}

impl<E: 'static> Patterned<E> {
    pub(super) fn new(events: Events<E>, pattern: Pattern<E>) -> Self {
        let outputs = PatternOutputs { matches: Arc::new(|_, _| {}), timeouts: None, late: None, overflow: None };
        Self { events, pattern, outputs, other_pattern: OtherPattern::default(), by_clock: false }
    }
}
