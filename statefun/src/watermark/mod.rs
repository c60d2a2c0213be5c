//! Watermarks: how far event time has come.
//!
//! A watermark `W` says that no later event with a time `<= W` is expected. Each input makes its own with a
//! [`Generator`]; an operator with several inputs combines them: [`Merged`] when the inputs become one stream,
//! [`Sides`] when they stay two sides of a join. Both leave idle inputs out and never go back.
//!
//! ```
//! use statefun::watermark::{Generator, Merged, Strategy};
//!
//! let mut left = Generator::new(Strategy::Bounded { delay: 10 });
//! let mut inputs = Merged::new(2);
//! let candidate = left.on_event(100).expect("the first event moves the watermark");
//! assert_eq!(candidate, 89);
//! assert_eq!(inputs.on_watermark(0, candidate), None, "the other input has not spoken yet");
//! assert_eq!(inputs.on_idle(1), Some(89), "an idle input holds nobody back");
//! ```
//!
//! What a module says about the time of an ingress is a [`WatermarkStrategy`].

mod generator;
mod idle;
mod merged;
mod sides;
mod strategy;

#[cfg(test)]
mod laws;

pub use generator::{Generator, Strategy};
pub use idle::IdleDetector;
pub use merged::Merged;
pub use sides::Sides;
pub use strategy::{TimestampSource, WatermarkStrategy};

/// Milliseconds of event time: a moment (Unix) or a span between two. Never processing time.
pub type Millis = i64;

/// The watermark before any watermark.
pub const MIN: Millis = Millis::MIN;
/// The watermark of a stream that has ended.
pub const MAX: Millis = Millis::MAX;
