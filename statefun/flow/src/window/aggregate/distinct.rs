//! How many different values.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use super::Aggregate;
use crate::time::Millis;

/// How many different values; exact, so its accumulator holds all of them. Made by [`distinct`].
#[derive(Clone, Debug)]
pub struct Distinct<E, T, F>(F, PhantomData<fn(&E) -> T>);

/// How many different values something of each event has; exact, so the accumulator holds all of them.
pub fn distinct<E, T: Ord + Clone, F: Fn(&E) -> T>(of: F) -> Distinct<E, T, F> {
    Distinct(of, PhantomData)
}

impl<E, T: Ord + Clone, F: Fn(&E) -> T> Aggregate for Distinct<E, T, F> {
    type Event = E;
    type Accumulator = BTreeSet<T>;
    type Output = u64;

    fn create(&self) -> BTreeSet<T> {
        BTreeSet::new()
    }
    fn add(&self, seen: &mut BTreeSet<T>, _: Millis, event: &E) {
        seen.insert((self.0)(event));
    }
    fn merge(&self, seen: &mut BTreeSet<T>, other: &BTreeSet<T>) {
        seen.extend(other.iter().cloned());
    }
    fn result(&self, seen: &BTreeSet<T>) -> u64 {
        seen.len() as u64
    }
}
