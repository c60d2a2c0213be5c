//! Plays a script against an operator in lock step, with the watermark rules of its inputs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use statefun_flow::time::{Generator, Merged, Millis, Sides};

use super::case::Case;
use super::script::{Event, Line, Status};

/// An operator under test, all keys included.
pub trait Operator: Sized {
    /// Builds the operator that the case describes.
    ///
    /// # Errors
    /// If the description is refused.
    fn build(case: &Case) -> Result<Self, BuildError>;

    /// An event, judged by the operator's watermark as it is before this event.
    fn on_event(&mut self, input: usize, event: &Event, watermark: Millis, out: &mut Output);

    /// The operator's watermark moved to `watermark`; everything due fires now.
    fn on_watermark(&mut self, watermark: Millis, out: &mut Output);

    /// Everything that must survive a crash.
    fn snapshot(&self) -> Vec<u8>;

    /// The operator of `case` with the state of a snapshot.
    ///
    /// # Errors
    /// If the description or the snapshot is refused.
    fn restore(case: &Case, snapshot: &[u8]) -> Result<Self, BuildError>;
}

/// Why an operator was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

impl BuildError {
    /// From anything that can be shown.
    pub fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Collects output lines and stamps them with the line that caused them.
#[derive(Debug, Default)]
pub struct Output {
    at: usize,
    lines: Vec<Value>,
}

impl Output {
    /// Adds an output line (an object with `out`, `ts`, ... but without `at`).
    pub fn push(&mut self, mut line: Value) {
        line["at"] = self.at.into();
        self.lines.push(line);
    }
}

/// Runs the case. With `crash_every`, state, timers and watermarks go through their serialized form after that many lines,
/// again and again, and nothing else survives.
///
/// # Errors
/// If the operator is refused.
pub fn play<O: Operator>(case: &Case, crash_every: Option<usize>) -> Result<Vec<Value>, BuildError> {
    let mut operator = O::build(case)?;
    let mut inputs = Inputs::new(case);
    let mut out = Output::default();
    for (at, line) in case.script.iter().enumerate() {
        out.at = at;
        if let Line::Event(event) = line {
            operator.on_event(event.input, event, inputs.combined.current(), &mut out);
        }
        if let Some(watermark) = inputs.apply(line) {
            operator.on_watermark(watermark, &mut out);
        }
        if crash_every.is_some_and(|lines| (at + 1).is_multiple_of(lines)) {
            let (state, inputs_state) = (operator.snapshot(), serde_json::to_vec(&inputs).map_err(BuildError::new)?);
            drop((operator, inputs));
            operator = O::restore(case, &state)?;
            inputs = serde_json::from_slice(&inputs_state).map_err(BuildError::new)?;
        }
    }
    out.at = case.script.len();
    inputs.end(|watermark| operator.on_watermark(watermark, &mut out));
    Ok(out.lines)
}

/// The inputs of an operator and what they agree on.
#[derive(Serialize, Deserialize)]
struct Inputs {
    generators: Vec<Generator>,
    combined: Combined,
}

/// Merged for everything that works on one stream; window joins and co-groups do so too, only interval joins keep sides.
#[derive(Serialize, Deserialize)]
enum Combined {
    Merged(Merged),
    Sides(Sides),
}

impl Inputs {
    fn new(case: &Case) -> Self {
        let combined = match case.kind.as_str() {
            "interval_join" => Combined::Sides(Sides::new(case.inputs)),
            _ => Combined::Merged(Merged::new(case.inputs)),
        };
        Self { generators: vec![Generator::new(case.watermark); case.inputs], combined }
    }

    fn apply(&mut self, line: &Line) -> Option<Millis> {
        match line {
            Line::Event(event) => {
                let watermark = self.generators[event.input].on_event(event.ts)?;
                self.combined.on_watermark(event.input, watermark)
            }
            Line::Watermark { input, wm } => {
                let watermark = self.generators[*input].on_statement(*wm)?;
                self.combined.on_watermark(*input, watermark)
            }
            Line::Status { input, status: Status::Idle } => self.combined.on_idle(*input),
            Line::Status { input, status: Status::Active } => self.combined.on_active(*input),
        }
    }

    fn end(&mut self, mut moved: impl FnMut(Millis)) {
        for input in 0..self.generators.len() {
            self.combined.on_active(input).into_iter().for_each(&mut moved);
        }
        for (input, generator) in self.generators.iter_mut().enumerate() {
            let watermark = generator.on_end().and_then(|watermark| self.combined.on_watermark(input, watermark));
            watermark.into_iter().for_each(&mut moved);
        }
    }
}

impl Combined {
    fn current(&self) -> Millis {
        match self {
            Self::Merged(inputs) => inputs.current(),
            Self::Sides(sides) => sides.current(),
        }
    }

    fn on_watermark(&mut self, input: usize, watermark: Millis) -> Option<Millis> {
        match self {
            Self::Merged(inputs) => inputs.on_watermark(input, watermark),
            Self::Sides(sides) => sides.on_watermark(input, watermark),
        }
    }

    fn on_idle(&mut self, input: usize) -> Option<Millis> {
        match self {
            Self::Merged(inputs) => inputs.on_idle(input),
            Self::Sides(sides) => sides.on_idle(input),
        }
    }

    fn on_active(&mut self, input: usize) -> Option<Millis> {
        match self {
            Self::Merged(inputs) => {
                inputs.on_active(input);
                None
            }
            Self::Sides(sides) => sides.on_active(input),
        }
    }
}
