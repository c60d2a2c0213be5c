//! Both sides in the same windows.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::time::Millis;
use crate::window::aggregate::Aggregate;
use crate::window::{WindowBuilder, WindowOperator, WindowSpec};

/// An event and the side that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sided<L, R> {
    /// From the left side.
    Left(L),
    /// From the right side.
    Right(R),
}

/// What each side has in a window, in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoGrouped<L, R> {
    /// The events of the left side.
    pub left: Vec<L>,
    /// The events of the right side.
    pub right: Vec<R>,
}

impl<L, R> CoGrouped<L, R> {
    /// Each event of the left side with each one of the right side: the window join.
    pub fn pairs(&self) -> impl Iterator<Item = (&L, &R)> {
        self.left.iter().flat_map(|left| self.right.iter().map(move |right| (left, right)))
    }
}

/// Collects both sides. Made by [`cogroup`].
#[derive(Clone, Debug)]
pub struct CoGroup<L, R>(PhantomData<fn(&L, &R)>);

/// Windows over both sides; sessions merge across them.
///
/// ```
/// use statefun_flow::join::{cogroup, CoGrouped};
/// use statefun_flow::window::{Assigner, WindowSpec};
///
/// let spec = WindowSpec::new(Assigner::Tumbling { size: 1000, offset: 0 });
/// let operator = cogroup::<&str, u32>(spec).build()?;
/// # let _ = operator;
/// let fired = CoGrouped { left: vec!["a", "b"], right: vec![1] };
/// assert_eq!(fired.pairs().collect::<Vec<_>>(), [(&"a", &1), (&"b", &1)]);
/// # Ok::<_, statefun_flow::window::SpecError>(())
/// ```
#[must_use]
pub fn cogroup<L: Clone, R: Clone>(spec: WindowSpec) -> WindowBuilder<CoGroup<L, R>> {
    WindowOperator::builder(spec, CoGroup(PhantomData))
}

impl<L: Clone, R: Clone> Aggregate for CoGroup<L, R> {
    type Event = Sided<L, R>;
    type Accumulator = CoGrouped<L, R>;
    type Output = CoGrouped<L, R>;

    fn create(&self) -> CoGrouped<L, R> {
        CoGrouped { left: Vec::new(), right: Vec::new() }
    }

    fn add(&self, group: &mut CoGrouped<L, R>, _: Millis, event: &Sided<L, R>) {
        match event {
            Sided::Left(left) => group.left.push(left.clone()),
            Sided::Right(right) => group.right.push(right.clone()),
        }
    }

    fn merge(&self, group: &mut CoGrouped<L, R>, other: &CoGrouped<L, R>) {
        group.left.extend_from_slice(&other.left);
        group.right.extend_from_slice(&other.right);
    }

    fn result(&self, group: &CoGrouped<L, R>) -> CoGrouped<L, R> {
        group.clone()
    }

    fn shares(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
