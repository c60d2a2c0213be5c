//! A queue that yields what started first, with a specified order of everything else.
//!
//! A plain binary heap in an array. Its array order decides which of several matches with the same first event
//! leaves first and in which order partial matches look at an event. Flink behaves like this heap, and where a
//! result depends on it, ours is to be the same; the heap of the standard library promises no such order.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What has a place in the order: the ordinal of its first event.
pub(super) trait Started {
    /// Ordinal of the first event; the greatest number for what has not begun.
    fn started(&self) -> u64;
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent, bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub(super) struct EarliestFirst<T> {
    /// Most keys have few partial matches at a time; those few live within the state of the key.
    array: SmallVec<[T; 2]>,
}

impl<T> Default for EarliestFirst<T> {
    fn default() -> Self {
        Self { array: SmallVec::new() }
    }
}

impl<T: Started> EarliestFirst<T> {
    /// Adds at the end, then swaps with the parent while the parent started strictly later.
    pub(super) fn push(&mut self, entry: T) {
        self.array.push(entry);
        let mut at = self.array.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.array[at].started() >= self.array[parent].started() {
                return;
            }
            self.array.swap(at, parent);
            at = parent;
        }
    }

    pub(super) fn peek(&self) -> Option<&T> {
        self.array.first()
    }

    /// Takes the first one; the last one of the array takes its place and sinks.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.array.is_empty() {
            return None;
        }
        let first = self.array.swap_remove(0);
        self.sink(0);
        Some(first)
    }

    /// Removes what `doomed` accepts, hands it to `removed`, keeps the array order of the rest and orders it anew.
    pub(super) fn remove_all(&mut self, doomed: impl Fn(&T) -> bool, removed: impl FnMut(T)) {
        if !self.array.iter().any(&doomed) {
            return;
        }
        let (gone, rest): (SmallVec<[T; 2]>, _) = self.array.drain(..).partition(doomed);
        gone.into_iter().for_each(removed);
        self.array = rest;
        for at in (0..self.array.len() / 2).rev() {
            self.sink(at);
        }
    }

    /// In array order.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.array.iter()
    }

    /// The first `len` entries of the array, which are a heap by themselves.
    pub(super) fn prefix(&self, len: usize) -> Self
    where
        T: Clone,
    {
        Self { array: self.array[..len].iter().cloned().collect() }
    }

    pub(super) fn get(&self, at: usize) -> &T {
        &self.array[at]
    }

    pub(super) fn len(&self) -> usize {
        self.array.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// Swaps with the earlier child (the left one if equal) while that one started strictly earlier.
    fn sink(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            if left >= self.array.len() {
                return;
            }
            let right = left + 1;
            let child = if right < self.array.len() && self.array[right].started() < self.array[left].started() {
                right
            } else {
                left
            };
            if self.array[at].started() <= self.array[child].started() {
                return;
            }
            self.array.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Started for (u64, char) {
        fn started(&self) -> u64 {
            self.0
        }
    }

    fn queue(entries: &[(u64, char)]) -> EarliestFirst<(u64, char)> {
        let mut queue = EarliestFirst::default();
        entries.iter().for_each(|entry| queue.push(*entry));
        queue
    }

    fn drained(mut queue: EarliestFirst<(u64, char)>) -> String {
        std::iter::from_fn(|| queue.pop()).map(|(_, name)| name).collect()
    }

    #[test]
    fn the_earliest_leaves_first() {
        assert_eq!(drained(queue(&[(3, 'c'), (1, 'a'), (2, 'b'), (4, 'd')])), "abcd");
    }

    #[test]
    fn equals_leave_in_the_order_of_a_binary_heap_not_of_arrival() {
        assert_eq!(drained(queue(&[(1, 'a'), (1, 'b'), (1, 'c'), (1, 'd')])), "adcb");
    }

    #[test]
    fn the_rest_keeps_its_array_order_when_some_are_removed() {
        let mut queue = queue(&[(1, 'a'), (5, 'x'), (1, 'c'), (7, 'y'), (6, 'z')]);
        let mut gone = String::new();
        queue.remove_all(|entry| entry.0 > 5, |entry| gone.push(entry.1));
        assert_eq!((gone.as_str(), drained(queue).as_str()), ("yz", "acx"));
    }
}
