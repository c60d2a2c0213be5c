//! Event time under faults: actor graphs with cycles that feed counting windows.
//!
//! Sources read partitions whose events are in order, or out of order within a bound. Every event takes a walk of its own
//! through plain and remote functions, in circles if it likes, with copies on the way, and ends in windows, whose results
//! are events of larger windows. Remote functions take up to five seconds. Everything crashes, and begins again with
//! another number of shards.
//!
//! # What is checked
//! * Every window holds exactly what a sequential count says, and fired once.
//! * No event is late, and no watermark that a function has seen ever goes back, crashes or not.
//! * After every step, looking into everything at once: no shard believes in a watermark that something counted and
//!   unfinished is not after.

mod app;
mod world;

pub use app::Event;
pub use world::{Plant, Stats, World};

/// Runs a seed.
///
/// # Errors
/// What was wrong.
pub fn run(seed: u64, plant: Option<Plant>) -> Result<Stats, String> {
    let outcome = std::panic::catch_unwind(|| World::new(seed, plant).run());
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("without a word")))
    })
}
