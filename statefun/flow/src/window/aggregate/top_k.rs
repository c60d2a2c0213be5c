//! The k greatest values.

use std::marker::PhantomData;

use super::Aggregate;
use crate::time::Millis;

/// The `k` greatest values, the greatest first; equal values count separately. Made by [`top_k`].
#[derive(Clone, Debug)]
pub struct TopK<E, T, F> {
    k: usize,
    of: F,
    types: PhantomData<fn(&E) -> T>,
}

/// The `k` greatest values of something of each event, the greatest first; equal values count separately.
pub fn top_k<E, T: Ord + Clone, F: Fn(&E) -> T>(k: usize, of: F) -> TopK<E, T, F> {
    TopK { k, of, types: PhantomData }
}

impl<E, T: Ord + Clone, F: Fn(&E) -> T> TopK<E, T, F> {
    fn insert(&self, top: &mut Vec<T>, value: T) {
        let rank = top.partition_point(|better| *better >= value);
        if rank < self.k {
            top.truncate(self.k.saturating_sub(1));
            top.insert(rank, value);
        }
    }
}

impl<E, T: Ord + Clone, F: Fn(&E) -> T> Aggregate for TopK<E, T, F> {
    type Event = E;
    type Accumulator = Vec<T>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<T> {
        Vec::new()
    }
    fn add(&self, top: &mut Vec<T>, _: Millis, event: &E) {
        self.insert(top, (self.of)(event));
    }
    fn merge(&self, top: &mut Vec<T>, other: &Vec<T>) {
        for value in other {
            self.insert(top, value.clone());
        }
    }
    fn result(&self, top: &Vec<T>) -> Vec<T> {
        top.clone()
    }
}
