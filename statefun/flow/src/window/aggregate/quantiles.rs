//! Quantiles, in bounded memory.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use tdigest::TDigest;

use super::Aggregate;
use crate::time::Millis;

/// How many centroids a digest has at most.
const CENTROIDS: usize = 100;
/// How many numbers are gathered before they are merged into the digest. Quantiles of fewer are exact.
const PENDING_MAX: usize = 256;

/// A t-digest (Dunning and Ertl, 2019) and the numbers that are still to be merged into it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuantileSketch {
    digest: Option<TDigest>,
    pending: Vec<f64>,
}

impl QuantileSketch {
    /// Adds a number; those that are none are left out.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.pending.push(value);
        if self.pending.len() > PENDING_MAX {
            self.digest = self.whole();
            self.pending.clear();
        }
    }

    /// Adds all numbers of `other`.
    pub fn merge(&mut self, other: &Self) {
        if let Some(theirs) = &other.digest {
            self.digest = Some(match self.digest.take() {
                Some(mine) => TDigest::merge_digests(vec![mine, theirs.clone()]),
                None => theirs.clone(),
            });
        }
        other.pending.iter().for_each(|value| self.add(*value));
    }

    /// The `q`-th quantile, from 0 to 1; nothing of nothing.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let q = q.clamp(0.0, 1.0);
        if self.digest.is_none() {
            return exact(&self.pending, q);
        }
        self.whole().map(|digest| digest.estimate_quantile(q))
    }

    fn whole(&self) -> Option<TDigest> {
        let digest = || self.digest.clone().unwrap_or_else(|| TDigest::new_with_size(CENTROIDS));
        if self.pending.is_empty() {
            return self.digest.clone();
        }
        Some(digest().merge_unsorted(self.pending.clone()))
    }
}

/// The value of which the share `q` is not greater.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred"
)]
fn exact(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// Quantiles of numbers. Made by [`quantiles`].
#[derive(Clone, Debug)]
pub struct Quantiles<E, F> {
    q: Vec<f64>,
    of: F,
    events: PhantomData<fn(&E)>,
}

/// Quantiles of a number of each event, one for each of `q`, from 0 to 1: exact for a few hundred events, by a t-digest for
/// more. Nothing of nothing.
pub fn quantiles<E, F: Fn(&E) -> f64>(q: impl Into<Vec<f64>>, of: F) -> Quantiles<E, F> {
    Quantiles { q: q.into(), of, events: PhantomData }
}

impl<E, F: Fn(&E) -> f64> Aggregate for Quantiles<E, F> {
    type Event = E;
    type Accumulator = QuantileSketch;
    type Output = Vec<Option<f64>>;

    fn create(&self) -> QuantileSketch {
        QuantileSketch::default()
    }
    fn add(&self, sketch: &mut QuantileSketch, _: Millis, event: &E) {
        sketch.add((self.of)(event));
    }
    fn merge(&self, sketch: &mut QuantileSketch, other: &QuantileSketch) {
        sketch.merge(other);
    }
    fn result(&self, sketch: &QuantileSketch) -> Vec<Option<f64>> {
        self.q.iter().map(|q| sketch.quantile(*q)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_are_exact_and_of_many_are_near() {
        let aggregate = quantiles([0.0, 0.5, 0.9, 1.0], |value: &f64| *value);
        let mut few = aggregate.create();
        assert_eq!(aggregate.result(&few), [None; 4]);
        (1..=10).rev().for_each(|value| aggregate.add(&mut few, 0, &f64::from(value)));
        assert_eq!(aggregate.result(&few), [1.0, 5.0, 9.0, 10.0].map(Some));

        let mut many = aggregate.create();
        let mut other = aggregate.create();
        (0..20_000).for_each(|value| {
            let half = if value % 2 == 0 { &mut many } else { &mut other };
            aggregate.add(half, 0, &f64::from(value * 7919 % 20_000));
        });
        aggregate.merge(&mut many, &other);
        for (found, wanted) in aggregate.result(&many).iter().zip([0.0, 10_000.0, 18_000.0, 19_999.0]) {
            assert!((found.unwrap() - wanted).abs() < 200.0, "{found:?} instead of {wanted}");
        }
    }

    #[test]
    fn a_sketch_survives_being_written_down() {
        let mut sketch = QuantileSketch::default();
        (0..1000).for_each(|value| sketch.add(f64::from(value)));
        let bytes = rmp_serde::to_vec_named(&sketch).unwrap();
        assert_eq!(rmp_serde::from_slice::<QuantileSketch>(&bytes).unwrap(), sketch);
    }
}
