//! The list of events itself.

use std::marker::PhantomData;

use super::Aggregate;
use crate::time::Millis;

/// All events of the window. Made by [`collect`].
#[derive(Clone, Debug)]
pub struct Collect<E>(PhantomData<fn(&E)>);

/// All events of the window, in order of arrival; those of merged sessions one session after the other.
#[must_use]
pub fn collect<E: Clone>() -> Collect<E> {
    Collect(PhantomData)
}

impl<E: Clone> Aggregate for Collect<E> {
    type Event = E;
    type Accumulator = Vec<E>;
    type Output = Vec<E>;

    fn create(&self) -> Vec<E> {
        Vec::new()
    }
    fn add(&self, events: &mut Vec<E>, _: Millis, event: &E) {
        events.push(event.clone());
    }
    fn merge(&self, events: &mut Vec<E>, other: &Vec<E>) {
        events.extend_from_slice(other);
    }
    fn result(&self, events: &Vec<E>) -> Vec<E> {
        events.clone()
    }
    fn shares(&self) -> bool {
        false
    }
}

/// A function over all events of the window. Made by [`process`].
#[derive(Clone, Debug)]
pub struct Process<E, O, F>(F, PhantomData<fn(&E) -> O>);

/// A function over all events of the window, in the order that [`collect`] gives them.
pub fn process<E: Clone, O, F: Fn(&[E]) -> O>(function: F) -> Process<E, O, F> {
    Process(function, PhantomData)
}

impl<E: Clone, O, F: Fn(&[E]) -> O> Aggregate for Process<E, O, F> {
    type Event = E;
    type Accumulator = Vec<E>;
    type Output = O;

    fn create(&self) -> Vec<E> {
        Vec::new()
    }
    fn add(&self, events: &mut Vec<E>, _: Millis, event: &E) {
        events.push(event.clone());
    }
    fn merge(&self, events: &mut Vec<E>, other: &Vec<E>) {
        events.extend_from_slice(other);
    }
    fn result(&self, events: &Vec<E>) -> O {
        (self.0)(events)
    }
    fn shares(&self) -> bool {
        false
    }
}
