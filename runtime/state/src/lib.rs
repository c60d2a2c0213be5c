//! State in memory and on disk.
//!
//! ```text
//!   shard ──▶ MemoryState ──freeze, encode──▶ EncodedPart ──┐
//!   source, sink ──▶ encode_rows ───────────▶ EncodedPart ──┤
//!                                                           ▼
//!                               RedbStore (durable) or MemoryStore (tests, simulation)
//!                                 epochs ──fold──▶ base ──load──▶ rows of nouns
//! ```
//!
//! * [`MemoryState`]: the live values of one shard, decoded, without a lock; freezing is O(1).
//! * [`encode_rows`]: what sources and sinks changed, as their part of an epoch.
//! * [`JournaledStore`]: small epochs in a journal, then in:
//! * [`RedbStore`]: epochs in one redb file; an epoch is one transaction. Why so: `docs/adr/0001-state-in-redb.md`.
//! * [`savepoint`]: an epoch as a directory that stands by itself.
//! * [`MemoryStore`]: the same bytes without a disk, with faults on request.
//!
//! # Invariants
//! * What a shard hands out as a part is its state at the instant of the freeze, whatever was written since.
//! * A store holds exactly what its newest committed epoch says, at every instant, across crashes.

mod codec;
mod error;
mod group_rows;
mod guarded;
mod journal;
mod memory;
mod part;
mod redb_store;
pub mod savepoint;
#[cfg(test)]
mod testing;
mod volatile;

pub use guarded::takes_panics;
pub use journal::JournaledStore;
pub use memory::MemoryState;
pub use part::encode_rows;
pub use redb_store::{Examination, OpenOptions, RedbStore, StoreStats};
pub use volatile::{EPOCHS_KEPT, MemoryStore};
