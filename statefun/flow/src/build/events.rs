//! Where a flow begins: events, their time, their key.

use std::sync::Arc;

use compact_str::{CompactString, ToCompactString};
use statefun::function::TimeRole;
use statefun::{FunctionType, Symbol};
use statefun_sdk::Decode;

use super::flow::{BuildError, Flow};
use super::joins::Join;
use super::pattern::Patterned;
use super::windows::Windowed;
use crate::cep::Pattern;
use crate::function::{FlowFunction, Input, KeyByFunction, Side};
use crate::json::Json;
use crate::time::Millis;
use crate::window::{Assigner, WindowSpec};

type Key<E> = Arc<dyn Fn(&E) -> CompactString + Send + Sync>;

/// Events of one kind.
pub struct Events<E> {
    input: Input<E>,
    key: Option<Key<E>>,
    level: u8,
    ingresses: Vec<String>,
}

impl<E> Clone for Events<E> {
    fn clone(&self) -> Self {
        let (key, ingresses) = (self.key.clone(), self.ingresses.clone());
        Self { input: self.input.clone(), key, level: self.level, ingresses }
    }
}

/// Events that are messages of the type that `E` has. Their time is that of the message, their key the id it is sent to,
/// unless told otherwise.
#[must_use]
pub fn events<E: Decode + 'static>() -> Events<E> {
    Events::of(Input::typed())
}

/// Events that are JSON messages, of whatever type.
#[must_use]
pub fn json_events() -> Events<Json> {
    Events::of(Input::json())
}

impl<E: 'static> Events<E> {
    /// Events as `input` makes them of messages.
    #[must_use]
    pub fn of(input: Input<E>) -> Self {
        Self { input, key: None, level: 0, ingresses: Vec::new() }
    }

    /// With a time of their own, in milliseconds.
    #[must_use]
    pub fn timed_by(mut self, time: impl Fn(&E) -> Millis + Send + Sync + 'static) -> Self {
        self.input = self.input.timed_by(move |event| Ok(time(event)));
        self
    }

    /// Only those for which this holds.
    #[must_use]
    pub fn only(mut self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.input = self.input.only(move |event| Ok(filter(event)));
        self
    }

    /// With a key of their own. They are then sent to [`Flow::entry`], a function that brings them to their keys.
    #[must_use]
    pub fn key_by<K: ToCompactString>(mut self, key: impl Fn(&E) -> K + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(move |event| key(event).to_compact_string()));
        self
    }

    /// They come, directly or through plain functions, from this component too.
    #[must_use]
    pub fn after(mut self, component: &Flow) -> Self {
        self.level = self.level.max(component.level());
        self
    }

    /// The time of this ingress counts for them; that of all ingresses that have one if none is named.
    #[must_use]
    pub fn following(mut self, ingress: &str) -> Self {
        self.ingresses.push(ingress.to_owned());
        self
    }

    /// In windows: [`Tumbling`](super::Tumbling), [`Sliding`](super::Sliding), [`Session`](super::Session),
    /// [`Cumulate`](super::Cumulate), [`Count`](super::Count), [`Global`](super::Global).
    pub fn window(self, windows: impl Into<Assigner>) -> Windowed<E> {
        Windowed::new(self, WindowSpec::new(windows.into()))
    }

    /// Searched for a pattern.
    pub fn pattern(self, pattern: Pattern<E>) -> Patterned<E> {
        Patterned::new(self, pattern)
    }

    /// Together with others that have the same key.
    pub fn join<R: 'static>(self, right: Events<R>) -> Join<E, R> {
        Join::new(self, right)
    }

    pub(super) fn level(&self) -> u8 {
        self.level
    }

    pub(super) fn role(&self, level: u8) -> Result<TimeRole, BuildError> {
        let inputs = self.ingresses.iter().map(|ingress| Symbol::intern(ingress)).collect::<Result<_, _>>();
        Ok(TimeRole { level, inputs: inputs.map_err(|error| BuildError::Name(error.to_string()))? })
    }

    pub(super) fn ingresses_of(mut self, other: &[String]) -> Self {
        self.ingresses.extend_from_slice(other);
        self
    }

    pub(super) fn ingresses(&self) -> &[String] {
        &self.ingresses
    }

    /// The input as it was given.
    pub(super) fn input(&self) -> &Input<E> {
        &self.input
    }

    /// Where messages are sent, and the function that brings them to their keys if they have their own.
    pub(super) fn entry(
        &self,
        component: FunctionType,
        side: Option<Side>,
    ) -> Result<(FunctionType, Option<FlowFunction>), BuildError> {
        let Some(key) = &self.key else { return Ok((component, None)) };
        let suffix = match side {
            None => "by-key",
            Some(Side::Left) => "left-by-key",
            Some(Side::Right) => "right-by-key",
        };
        let name = FunctionType::parse(&format!("{component}-{suffix}"));
        let name = name.map_err(|error| BuildError::Name(error.to_string()))?;
        let (key, input) = (Arc::clone(key), self.input.clone());
        let by_key = KeyByFunction::new(input, move |event: &E| Ok(key(event)), component, side);
        Ok((name, Some(FlowFunction::new(name, 0, move || by_key.clone()))))
    }
}
