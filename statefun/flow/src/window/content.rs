//! What a window holds: an accumulator, or the events themselves where some may be evicted.

use serde::{Deserialize, Serialize};

use super::aggregate::Aggregate;
use super::evictor::{Element, Evictor};
use crate::time::Millis;

/// The content of one window of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content<E, C> {
    /// Nothing came yet, or it was purged.
    #[default]
    Nothing,
    /// The events are folded into an accumulator.
    Folded(C),
    /// The events in order of arrival, for an evictor.
    Kept(Vec<Element<E>>),
}

impl<E: Clone, C: Clone> Content<E, C> {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Folds an event in.
    pub(crate) fn fold<A>(&mut self, aggregate: &A, at: Millis, event: &E)
    where
        A: Aggregate<Event = E, Accumulator = C>,
    {
        if !matches!(self, Self::Folded(_)) {
            *self = Self::Folded(aggregate.create());
        }
        if let Self::Folded(accumulator) = self {
            aggregate.add(accumulator, at, event);
        }
    }

    /// Keeps an event.
    pub(crate) fn keep(&mut self, element: Element<E>) {
        match self {
            Self::Kept(elements) => elements.push(element),
            Self::Nothing | Self::Folded(_) => *self = Self::Kept(vec![element]),
        }
    }

    /// Adds the content of a later window with which this one merges.
    pub(crate) fn merge<A>(&mut self, aggregate: &A, later: Self)
    where
        A: Aggregate<Event = E, Accumulator = C>,
    {
        match (&mut *self, later) {
            (_, Self::Nothing) => {}
            (Self::Folded(accumulator), Self::Folded(other)) => aggregate.merge(accumulator, &other),
            (Self::Kept(elements), Self::Kept(others)) => {
                elements.extend(others);
                elements.sort_by_key(|element| element.arrival);
            }
            (content, later) => *content = later,
        }
    }

    /// The result of a firing, and what it does to the content. Nothing gives no result; but a content that an evictor empties
    /// in this very firing gives the result of no events.
    pub(crate) fn fire<A>(
        &mut self,
        aggregate: &A,
        evictor: Option<&Evictor>,
        measure: impl Fn(&E) -> f64,
    ) -> Option<A::Output>
    where
        A: Aggregate<Event = E, Accumulator = C>,
    {
        let elements = match self {
            Self::Nothing => return None,
            Self::Folded(accumulator) => return Some(aggregate.result(accumulator)),
            Self::Kept(elements) => elements,
        };
        if let Some(evictor) = evictor.filter(|evictor| !evictor.is_after()) {
            evictor.evict(elements, &measure);
        }
        let mut accumulator = aggregate.create();
        for element in elements.iter() {
            aggregate.add(&mut accumulator, element.at, &element.event);
        }
        if let Some(evictor) = evictor.filter(|evictor| evictor.is_after()) {
            evictor.evict(elements, &measure);
        }
        if elements.is_empty() {
            *self = Self::Nothing;
        }
        Some(aggregate.result(&accumulator))
    }
}
