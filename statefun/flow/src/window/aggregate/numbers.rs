//! Counting, sums, averages and extremes.

use std::marker::PhantomData;

use super::Aggregate;
use crate::time::Millis;

/// A number that can be summed up.
pub trait Number: Copy {
    /// Nothing.
    const ZERO: Self;
    /// The sum. Integers wrap around: so the sum of many does not depend on how they were grouped.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// As a double, for averages.
    fn as_f64(self) -> f64;
}

impl Number for i64 {
    const ZERO: Self = 0;
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[allow(clippy::cast_precision_loss, reason = "an average is a double")]
    fn as_f64(self) -> f64 {
        self as f64
    }
}

impl Number for u64 {
    const ZERO: Self = 0;
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[allow(clippy::cast_precision_loss, reason = "an average is a double")]
    fn as_f64(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn as_f64(self) -> f64 {
        self
    }
}

/// How many events. Made by [`count`].
#[derive(Clone, Debug)]
pub struct Count<E>(PhantomData<fn(&E)>);

/// How many events.
#[must_use]
pub fn count<E>() -> Count<E> {
    Count(PhantomData)
}

impl<E> Aggregate for Count<E> {
    type Event = E;
    type Accumulator = u64;
    type Output = u64;

    fn create(&self) -> u64 {
        0
    }
    fn add(&self, count: &mut u64, _: Millis, _: &E) {
        *count += 1;
    }
    fn merge(&self, count: &mut u64, other: &u64) {
        *count += other;
    }
    fn result(&self, count: &u64) -> u64 {
        *count
    }
}

/// The sum of a number of each event. Made by [`sum`].
#[derive(Clone, Debug)]
pub struct Sum<E, N, F>(F, PhantomData<fn(&E) -> N>);

/// The sum of a number of each event.
pub fn sum<E, N: Number, F: Fn(&E) -> N>(of: F) -> Sum<E, N, F> {
    Sum(of, PhantomData)
}

impl<E, N: Number, F: Fn(&E) -> N> Aggregate for Sum<E, N, F> {
    type Event = E;
    type Accumulator = N;
    type Output = N;

    fn create(&self) -> N {
        N::ZERO
    }
    fn add(&self, sum: &mut N, _: Millis, event: &E) {
        *sum = sum.plus((self.0)(event));
    }
    fn merge(&self, sum: &mut N, other: &N) {
        *sum = sum.plus(*other);
    }
    fn result(&self, sum: &N) -> N {
        *sum
    }
}

/// The average of a number of each event. Made by [`avg`].
#[derive(Clone, Debug)]
pub struct Avg<E, N, F>(F, PhantomData<fn(&E) -> N>);

/// The average of a number of each event; nothing if there are no events.
pub fn avg<E, N: Number, F: Fn(&E) -> N>(of: F) -> Avg<E, N, F> {
    Avg(of, PhantomData)
}

impl<E, N: Number, F: Fn(&E) -> N> Aggregate for Avg<E, N, F> {
    type Event = E;
    type Accumulator = (N, u64);
    type Output = Option<f64>;

    fn create(&self) -> (N, u64) {
        (N::ZERO, 0)
    }
    fn add(&self, (sum, count): &mut (N, u64), _: Millis, event: &E) {
        *sum = sum.plus((self.0)(event));
        *count += 1;
    }
    fn merge(&self, (sum, count): &mut (N, u64), other: &(N, u64)) {
        *sum = sum.plus(other.0);
        *count += other.1;
    }
    fn result(&self, (sum, count): &(N, u64)) -> Option<f64> {
        (*count > 0).then(|| sum.as_f64() / count.as_f64())
    }
}

macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident, $make:ident, $better:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<E, T, F>(F, PhantomData<fn(&E) -> T>);

        $(#[$doc])*
        pub fn $make<E, T: PartialOrd + Clone, F: Fn(&E) -> T>(of: F) -> $name<E, T, F> {
            $name(of, PhantomData)
        }

        impl<E, T: PartialOrd + Clone, F: Fn(&E) -> T> Aggregate for $name<E, T, F> {
            type Event = E;
            type Accumulator = Option<T>;
            type Output = Option<T>;

            fn create(&self) -> Option<T> {
                None
            }
            fn add(&self, best: &mut Option<T>, _: Millis, event: &E) {
                let candidate = (self.0)(event);
                if best.as_ref().is_none_or(|best| candidate $better *best) {
                    *best = Some(candidate);
                }
            }
            fn merge(&self, best: &mut Option<T>, other: &Option<T>) {
                if let Some(candidate) = other
                    && best.as_ref().is_none_or(|best| *candidate $better *best)
                {
                    *best = Some(candidate.clone());
                }
            }
            fn result(&self, best: &Option<T>) -> Option<T> {
                best.clone()
            }
        }
    };
}

extreme!(
    /// The least of something of each event; nothing if there are no events.
    Min, min, <
);
extreme!(
    /// The greatest of something of each event; nothing if there are no events.
    Max, max, >
);
