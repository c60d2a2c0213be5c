//! Scenarios: given a shard, when something happens, then it does this.

mod calls;
mod cut;
mod delayed;
mod delivery;
mod fixture;
mod idempotency;
mod restore;
mod state;
