//! Where values live and epochs become durable: either the platform's own implementation in memory, whose rows go
//! through their real encoding, the same on a simulated disk, or a reference of sorted maps that is too simple to be
//! wrong.

use statefun::{Epoch, KeyGroups, ShardId};
use statefun_ports::keyed_state::{EncodedPart, KeyedState};
use statefun_ports::rows::Change;
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};

pub mod disk;
mod on_disk;
pub mod reference;

pub use on_disk::OnDisk;

/// Makes states and keeps epochs.
pub trait Backend {
    /// A shard's values.
    type State: KeyedState;
    /// Where epochs become durable.
    type Store: SnapshotStore;

    /// An empty state for a shard.
    fn state(&self, groups: KeyGroups, shard: ShardId) -> Self::State;

    /// The part of a source or sink.
    fn encode(&self, participant: &str, epoch: Epoch, rows: &[Change]) -> EncodedPart;

    /// The store, which outlives crashes.
    fn store(&mut self) -> &mut Self::Store;

    /// The next commit fails and leaves nothing behind.
    fn fail_next_commit(&mut self);

    /// Whether there is a disk that can do worse than that.
    fn is_disk(&self) -> bool {
        false
    }

    /// Makes an epoch durable, and tidies up if it is. `is_full`: there is no space left.
    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart], is_full: bool) -> bool {
        let durable = !is_full && self.store().commit(manifest, parts).is_ok();
        if durable {
            self.store().tidy().expect("memory can be tidied");
        }
        durable
    }

    /// Everything crashes, perhaps in the middle of a commit. What is left is in the store afterwards.
    fn crash(&mut self, commit: Option<(Manifest, &[EncodedPart])>) -> Crash {
        match commit {
            Some((manifest, parts)) => {
                self.commit(manifest, parts, false);
                Crash::InCommit
            }
            None => Crash::AtRest,
        }
    }
}

/// In what a crash came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// A commit.
    InCommit,
    /// Folding deltas into the base.
    InHousekeeping,
    /// Neither.
    AtRest,
}

/// The platform's own state and store.
#[derive(Debug, Default)]
pub struct Real {
    store: statefun_state::MemoryStore,
}

impl Backend for Real {
    type State = statefun_state::MemoryState;
    type Store = statefun_state::MemoryStore;

    fn state(&self, groups: KeyGroups, shard: ShardId) -> Self::State {
        statefun_state::MemoryState::new(groups, shard)
    }

    fn encode(&self, participant: &str, epoch: Epoch, rows: &[Change]) -> EncodedPart {
        statefun_state::encode_rows(participant, epoch, rows)
    }

    fn store(&mut self) -> &mut Self::Store {
        &mut self.store
    }

    fn fail_next_commit(&mut self) {
        self.store.fail_next_commit();
    }
}

/// Sorted maps.
#[derive(Default)]
pub struct Reference {
    rows: reference::PartRows,
    store: reference::MapStore,
}

impl Reference {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let rows = reference::PartRows::default();
        Self { store: reference::MapStore::new(reference::PartRows::clone(&rows)), rows }
    }
}

impl Backend for Reference {
    type State = reference::MapState;
    type Store = reference::MapStore;

    fn state(&self, groups: KeyGroups, shard: ShardId) -> Self::State {
        reference::MapState::new(groups, shard, reference::PartRows::clone(&self.rows))
    }

    fn encode(&self, participant: &str, epoch: Epoch, rows: &[Change]) -> EncodedPart {
        reference::encode(&self.rows, participant, epoch, rows.to_vec())
    }

    fn store(&mut self) -> &mut Self::Store {
        &mut self.store
    }

    fn fail_next_commit(&mut self) {
        self.store.fail_next_commit();
    }
}
