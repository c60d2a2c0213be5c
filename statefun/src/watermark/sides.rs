//! Two inputs that stay apart: the left and the right side of a join.

use serde::{Deserialize, Serialize};

use super::{MIN, Millis};

/// The watermark of an operator with separate sides: the least over the sides that are not idle.
///
/// Unlike [`Merged`](super::Merged) inputs, a side that comes back counts at once, even behind: it then holds time where it is.
/// When all sides are idle time stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    sides: Vec<Side>,
    current: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    watermark: Millis,
    idle: bool,
}

impl Sides {
    /// As many active sides without a watermark.
    #[must_use]
    pub fn new(sides: usize) -> Self {
        Self { sides: vec![Side { watermark: MIN, idle: false }; sides], current: MIN }
    }

    /// The watermark of the operator.
    #[must_use]
    pub fn current(&self) -> Millis {
        self.current
    }

    /// The watermark of `side` moved. Returns the operator's watermark if it moved too. Ignored from an idle side.
    pub fn on_watermark(&mut self, side: usize, watermark: Millis) -> Option<Millis> {
        let side = &mut self.sides[side];
        if side.idle || watermark <= side.watermark {
            return None;
        }
        side.watermark = watermark;
        self.advance()
    }

    /// `side` has nothing to say for now.
    pub fn on_idle(&mut self, side: usize) -> Option<Millis> {
        self.sides[side].idle = true;
        self.advance()
    }

    /// `side` speaks again. Moves time only if all sides were idle and this one is ahead.
    pub fn on_active(&mut self, side: usize) -> Option<Millis> {
        self.sides[side].idle = false;
        self.advance()
    }

    fn advance(&mut self) -> Option<Millis> {
        let least = self.sides.iter().filter(|side| !side.idle).map(|side| side.watermark).min()?;
        (least > self.current).then(|| {
            self.current = least;
            least
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_comes_back_behind_holds_time() {
        let mut sides = Sides::new(2);
        sides.on_watermark(0, 20);
        assert_eq!(sides.on_watermark(1, 100), Some(20));
        assert_eq!(sides.on_idle(0), Some(100));
        sides.on_active(0);
        assert_eq!(sides.on_watermark(1, 150), None);
        assert_eq!(sides.on_watermark(0, 130), Some(130));
    }

    #[test]
    fn when_both_sides_are_idle_time_stands_still() {
        let mut sides = Sides::new(2);
        sides.on_watermark(0, 20);
        sides.on_watermark(1, 100);
        assert_eq!(sides.on_idle(0), Some(100));
        assert_eq!(sides.on_idle(1), None);
        assert_eq!(sides.current(), 100);
    }

    #[test]
    fn the_first_side_to_wake_brings_its_own_time() {
        let mut sides = Sides::new(2);
        sides.on_watermark(0, 20);
        sides.on_watermark(1, 100);
        assert_eq!(sides.on_idle(1), None);
        assert_eq!(sides.on_idle(0), None);
        assert_eq!(sides.on_active(1), Some(100));
    }
}
