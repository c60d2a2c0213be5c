//! The first and the last event of a window, by event time.

use std::marker::PhantomData;

use super::Aggregate;
use crate::time::Millis;

macro_rules! edge {
    ($(#[$doc:meta])* $name:ident, $make:ident, $wins:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<E, T, F>(F, PhantomData<fn(&E) -> T>);

        $(#[$doc])*
        pub fn $make<E, T: Clone, F: Fn(&E) -> T>(of: F) -> $name<E, T, F> {
            $name(of, PhantomData)
        }

        impl<E, T: Clone, F: Fn(&E) -> T> Aggregate for $name<E, T, F> {
            type Event = E;
            type Accumulator = Option<(Millis, T)>;
            type Output = Option<T>;

            fn create(&self) -> Option<(Millis, T)> {
                None
            }
            fn add(&self, edge: &mut Option<(Millis, T)>, at: Millis, event: &E) {
                if edge.as_ref().is_none_or(|(edge_at, _)| at $wins *edge_at) {
                    *edge = Some((at, (self.0)(event)));
                }
            }
            fn merge(&self, edge: &mut Option<(Millis, T)>, other: &Option<(Millis, T)>) {
                if let Some(candidate) = other
                    && edge.as_ref().is_none_or(|(edge_at, _)| candidate.0 $wins *edge_at)
                {
                    *edge = Some(candidate.clone());
                }
            }
            fn result(&self, edge: &Option<(Millis, T)>) -> Option<T> {
                edge.as_ref().map(|(_, value)| value.clone())
            }
        }
    };
}

edge!(
    /// Something of the earliest event; of those with the same event time, of the one that arrived first.
    First, first, <
);
edge!(
    /// Something of the latest event; of those with the same event time, of the one that arrived last.
    Last, last, >=
);
