//! Event time inside a flow: where watermarks come from and how several inputs share one.
//!
//! The arithmetic is the nouns' own, [`statefun::watermark`], so that the engine's sources and shards use the same one.

pub use statefun::watermark::{Generator, IdleDetector, MAX, MIN, Merged, Millis, Sides, Strategy};

/// Milliseconds on the clock of the node that runs the operator; always passed in, never read. A type of its own, so that it
/// cannot be mistaken for event time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ProcessingTime(pub Millis);
