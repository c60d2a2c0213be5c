//! What a window computes.
//!
//! An [`Aggregate`] folds events into an accumulator, one per window and key. The built-in ones are made by functions:
//! [`count`], [`sum`], [`avg`], [`min`], [`max`], [`first`], [`last`], [`distinct`], [`distinct_approx`], [`quantiles`], [`top_k`], and [`collect`] and [`process`]
//! for those who want the list of events. Tuples of aggregates compute several at once.
//!
//! ```
//! use statefun_flow::window::aggregate::{count, max, Aggregate};
//!
//! let aggregate = (count::<u32>(), max(|event: &u32| *event));
//! let mut accumulator = aggregate.create();
//! aggregate.add(&mut accumulator, 0, &7);
//! aggregate.add(&mut accumulator, 1, &5);
//! assert_eq!(aggregate.result(&accumulator), (2, Some(7)));
//! ```

mod collect;
mod distinct;
mod distinct_approx;
mod edges;
mod numbers;
mod quantiles;
mod top_k;
mod tuples;

pub use collect::{Collect, Process, collect, process};
pub use distinct::{Distinct, distinct};
pub(crate) use distinct_approx::hash_of;
pub use distinct_approx::{DistinctApprox, DistinctSketch, distinct_approx};
pub use edges::{First, Last, first, last};
pub use numbers::{Avg, Count, Max, Min, Number, Sum, avg, count, max, min, sum};
pub use quantiles::{QuantileSketch, Quantiles, quantiles};
pub use top_k::{TopK, top_k};

use crate::time::Millis;

/// Folds events into an accumulator.
///
/// # Contract
/// Events are added in order of arrival, accumulators are merged in order of event time. Which events are added to one
/// accumulator and which are merged into it later is up to the operator, so the result must not depend on it: adding `a` and
/// `b` gives the same as merging the accumulator of `b` into that of `a`.
pub trait Aggregate {
    /// What is folded.
    type Event;
    /// What is kept meanwhile. It becomes part of the state of a key.
    type Accumulator: Clone;
    /// What comes out.
    type Output;

    /// The accumulator of nothing.
    fn create(&self) -> Self::Accumulator;

    /// Adds an event of event time `at`.
    fn add(&self, accumulator: &mut Self::Accumulator, at: Millis, event: &Self::Event);

    /// Adds all of `other`, whose events are not earlier.
    fn merge(&self, accumulator: &mut Self::Accumulator, other: &Self::Accumulator);

    /// The result so far.
    fn result(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// Whether overlapping windows shall share partial accumulators: each event is then added once, and a window merges
    /// what it needs. Say no if merging costs as much as adding everything again.
    fn shares(&self) -> bool {
        true
    }
}
