//! Several aggregates at once.

use super::Aggregate;
use crate::time::Millis;

macro_rules! tuple {
    ($first:ident $(, $other:ident)*; $($index:tt),+) => {
        impl<$first: Aggregate $(, $other: Aggregate<Event = $first::Event>)*> Aggregate for ($first, $($other,)*) {
            type Event = $first::Event;
            type Accumulator = ($first::Accumulator, $($other::Accumulator,)*);
            type Output = ($first::Output, $($other::Output,)*);

            fn create(&self) -> Self::Accumulator {
                ($(self.$index.create(),)+)
            }
            fn add(&self, accumulator: &mut Self::Accumulator, at: Millis, event: &Self::Event) {
                $(self.$index.add(&mut accumulator.$index, at, event);)+
            }
            fn merge(&self, accumulator: &mut Self::Accumulator, other: &Self::Accumulator) {
                $(self.$index.merge(&mut accumulator.$index, &other.$index);)+
            }
            fn result(&self, accumulator: &Self::Accumulator) -> Self::Output {
                ($(self.$index.result(&accumulator.$index),)+)
            }
            fn shares(&self) -> bool {
                true $(&& self.$index.shares())+
            }
        }
    };
}

tuple!(A; 0);
tuple!(A, B; 0, 1);
tuple!(A, B, C; 0, 1, 2);
tuple!(A, B, C, D; 0, 1, 2, 3);
tuple!(A, B, C, D, F; 0, 1, 2, 3, 4);
tuple!(A, B, C, D, F, G; 0, 1, 2, 3, 4, 5);
