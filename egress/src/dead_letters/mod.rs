//! Dead letters: what could not be delivered, kept for people to look at, mend and retry.
//!
//! The letters are owed by the snapshot until somebody removes them, so they outlive a crash; here is only the window
//! through which the admin API sees them.

mod sink;
mod store;

pub use sink::DeadLetterSink;
pub use store::{CAPACITY, DeadLetters, KeptLetter};
