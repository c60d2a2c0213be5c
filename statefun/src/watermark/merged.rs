//! Several inputs merged into one stream.

use serde::{Deserialize, Serialize};

use super::{MIN, Millis};

/// The watermark of inputs that are merged into one stream: the least over the inputs that count.
///
/// An input counts while it is active and *aligned*. Idle inputs do not count. One that comes back behind the operator's
/// watermark counts again only when it has caught up: until then it neither holds time back nor moves it, and its events may
/// be late. When the last active input goes idle while its watermark is the current one, time moves to the furthest input:
/// nobody is left who could object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    inputs: Vec<Input>,
    current: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Input {
    watermark: Millis,
    idle: bool,
    aligned: bool,
}

impl Merged {
    /// As many active inputs without a watermark.
    #[must_use]
    pub fn new(inputs: usize) -> Self {
        Self { inputs: vec![Input { watermark: MIN, idle: false, aligned: true }; inputs], current: MIN }
    }

    /// Another input, active and without a watermark; its number. It holds time back from now on.
    pub fn add_input(&mut self) -> usize {
        self.inputs.push(Input { watermark: MIN, idle: false, aligned: true });
        self.inputs.len() - 1
    }

    /// The watermark of `input`, or [`MIN`].
    #[must_use]
    pub fn watermark(&self, input: usize) -> Millis {
        self.inputs[input].watermark
    }

    /// Whether `input` stands aside.
    #[must_use]
    pub fn is_idle(&self, input: usize) -> bool {
        self.inputs[input].idle
    }

    /// Whether all inputs stand aside.
    #[must_use]
    pub fn all_idle(&self) -> bool {
        self.inputs.iter().all(|input| input.idle)
    }

    /// The watermark of the merged stream.
    #[must_use]
    pub fn current(&self) -> Millis {
        self.current
    }

    /// The watermark of `input` moved. Returns the merged watermark if it moved too. Ignored from an idle input.
    pub fn on_watermark(&mut self, input: usize, watermark: Millis) -> Option<Millis> {
        let current = self.current;
        let input = &mut self.inputs[input];
        if input.idle || watermark <= input.watermark {
            return None;
        }
        input.watermark = watermark;
        input.aligned |= watermark >= current;
        self.advance(self.least_aligned())
    }

    /// `input` has nothing to say for now.
    pub fn on_idle(&mut self, input: usize) -> Option<Millis> {
        let leaving = &mut self.inputs[input];
        if leaving.idle {
            return None;
        }
        leaving.idle = true;
        leaving.aligned = false;
        if leaving.watermark != self.current {
            return None;
        }
        if self.inputs.iter().all(|input| input.idle) {
            self.advance(self.inputs.iter().map(|input| input.watermark).max())
        } else {
            self.advance(self.least_aligned())
        }
    }

    /// `input` speaks again.
    pub fn on_active(&mut self, input: usize) {
        let current = self.current;
        let input = &mut self.inputs[input];
        if input.idle {
            input.idle = false;
            input.aligned = input.watermark >= current;
        }
    }

    fn least_aligned(&self) -> Option<Millis> {
        self.inputs.iter().filter(|input| input.aligned).map(|input| input.watermark).min()
    }

    fn advance(&mut self, candidate: Option<Millis>) -> Option<Millis> {
        let candidate = candidate.filter(|candidate| *candidate > self.current)?;
        self.current = candidate;
        Some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_input_sets_the_pace() {
        let mut inputs = Merged::new(2);
        assert_eq!(inputs.on_watermark(0, 50), None);
        assert_eq!(inputs.on_watermark(1, 20), Some(20));
        assert_eq!(inputs.on_watermark(1, 70), Some(50));
        assert_eq!(inputs.current(), 50);
    }

    #[test]
    fn time_jumps_when_the_slowest_input_goes_idle() {
        let mut inputs = Merged::new(3);
        inputs.on_watermark(0, 50);
        inputs.on_watermark(1, 40);
        assert_eq!(inputs.on_idle(2), Some(40));
    }

    #[test]
    fn an_input_that_comes_back_behind_counts_when_it_has_caught_up() {
        let mut inputs = Merged::new(2);
        inputs.on_watermark(0, 20);
        inputs.on_watermark(1, 100);
        assert_eq!(inputs.on_idle(0), Some(100));
        inputs.on_active(0);
        assert_eq!(inputs.on_watermark(1, 150), Some(150), "not held back by the one behind");
        assert_eq!(inputs.on_watermark(0, 149), None);
        assert_eq!(inputs.on_watermark(0, 160), None, "caught up, the other one is now the least");
        assert_eq!(inputs.on_watermark(1, 200), Some(160));
    }

    #[test]
    fn when_everybody_is_idle_time_moves_to_the_furthest() {
        let mut inputs = Merged::new(2);
        inputs.on_watermark(0, 10);
        inputs.on_watermark(1, 30);
        assert_eq!(inputs.on_idle(1), None, "not the one that held time back");
        assert_eq!(inputs.on_idle(0), Some(30));
    }

    #[test]
    fn the_last_one_to_go_idle_moves_nothing_if_it_was_ahead() {
        let mut inputs = Merged::new(2);
        inputs.on_watermark(0, 10);
        inputs.on_watermark(1, 30);
        assert_eq!(inputs.on_idle(0), Some(30));
        assert_eq!(inputs.on_idle(1), None, "the furthest is the current watermark");
    }
}
