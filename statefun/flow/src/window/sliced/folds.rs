//! Partial merges of slices, so that a firing need not merge all of them again.
//!
//! ```text
//!   slices   s0  s1  s2  s3 | s4  s5
//!   front    s0+s1+s2+s3      (for each i: the merge of s[i] to the middle)
//!                s1+s2+s3
//!                    s2+s3
//!                       s3
//!   back                      s4+s5
//! ```
//!
//! A window over all slices is `front[0] + back`: one merge. When a slice leaves in front, so does its entry; a new slice is
//! merged into `back`; when the front is used up, everything becomes the new front. Each slice is so merged about three times,
//! however many windows it is in.
//!
//! The merges are derived from the slices, and always in the same way: only the two positions are serialized, and a restored
//! key computes exactly the same numbers, also where rounding depends on the order of additions.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Slice;
use crate::window::aggregate::Aggregate;

/// Up to how many slices it is cheaper to merge them anew: they lie side by side, while partial merges are memory of their own
/// that a firing would have to fetch. Ten slices, the most common sliding window, stay below it.
pub(super) const FEW: usize = 12;

/// The partial merges of the slices of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Folds<C> {
    /// How many slices the front covers.
    middle: usize,
    /// How many slices front and back cover together.
    covered: usize,
    #[serde(skip)]
    front: VecDeque<C>,
    #[serde(skip)]
    back: Option<C>,
}

impl<C> Default for Folds<C> {
    fn default() -> Self {
        Self { middle: 0, covered: 0, front: VecDeque::new(), back: None }
    }
}

impl<C> Folds<C> {
    /// The slice at `index` got an event, or one is inserted there.
    pub(super) fn on_change(&mut self, index: usize) {
        if index < self.covered {
            self.forget();
        }
    }

    /// The first slice is gone.
    pub(super) fn on_pop(&mut self) {
        if self.middle == 0 {
            self.forget();
            return;
        }
        self.front.pop_front();
        self.middle -= 1;
        self.covered -= 1;
    }

    fn forget(&mut self) {
        (self.middle, self.covered) = (0, 0);
        self.front.clear();
        self.back = None;
    }
}

impl<C: Clone> Folds<C> {
    /// The merge of the first `count` slices, which must not be fewer than last time less those that are gone.
    pub(super) fn whole<A>(&mut self, aggregate: &A, slices: &VecDeque<Slice<C>>, count: usize) -> C
    where
        A: Aggregate<Accumulator = C>,
    {
        if count < self.covered {
            self.forget();
        }
        if self.middle == 0 {
            (self.middle, self.covered) = (count, count);
            self.back = None;
        }
        if self.front.len() != self.middle {
            self.fold_front(aggregate, slices);
        }
        if self.back.is_none() {
            self.back = fold(aggregate, slices.range(self.middle..self.covered));
        }
        for slice in slices.range(self.covered..count) {
            match &mut self.back {
                Some(back) => aggregate.merge(back, &slice.accumulator),
                None => self.back = Some(slice.accumulator.clone()),
            }
        }
        self.covered = count;
        let mut whole = self.front.front().cloned().unwrap_or_else(|| aggregate.create());
        if let Some(back) = &self.back {
            aggregate.merge(&mut whole, back);
        }
        whole
    }

    fn fold_front<A>(&mut self, aggregate: &A, slices: &VecDeque<Slice<C>>)
    where
        A: Aggregate<Accumulator = C>,
    {
        self.front.clear();
        for slice in slices.range(..self.middle).rev() {
            let mut merged = slice.accumulator.clone();
            if let Some(rest) = self.front.front() {
                aggregate.merge(&mut merged, rest);
            }
            self.front.push_front(merged);
        }
    }
}

fn fold<'a, A>(aggregate: &A, mut slices: impl Iterator<Item = &'a Slice<A::Accumulator>>) -> Option<A::Accumulator>
where
    A: Aggregate,
    A::Accumulator: 'a,
{
    let mut merged = slices.next()?.accumulator.clone();
    slices.for_each(|slice| aggregate.merge(&mut merged, &slice.accumulator));
    Some(merged)
}
