//! Consistent snapshots, which are group commits as well.

mod coordinator;

#[cfg(test)]
mod tests;

pub use coordinator::{Command, CommitPermit, Coordinator, Options, Stats};
