//! The durable store on a simulated disk.

use statefun::{Epoch, KeyGroups, Lineage, ShardId};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::Change;
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};
use statefun_state::{OpenOptions, RedbStore};

use super::disk::{Disk, Fault};
use super::{Backend, Crash};
use crate::rng::Rng;

/// Writes and syncs of a small commit, about.
const CHANGES: u64 = 30;
/// What redb may cache, in bytes: little, so that it reads from the disk.
const CACHE_BYTES: usize = 64 << 10;

/// A disk that forgets and tears, under the real store.
#[derive(Debug)]
pub struct OnDisk {
    disk: Disk,
    store: RedbStore,
    rng: Rng,
    fails_next: bool,
}

fn open(disk: &Disk) -> RedbStore {
    let options = OpenOptions {
        cache_bytes: CACHE_BYTES,
        delta_bytes_min: 4_000,
        delta_epochs_max: 8,
        blob_cache_bytes: 4_000,
        ..OpenOptions::new(Lineage(1))
    };
    let disk = disk.clone();
    RedbStore::open_on(move || disk.open(), options).expect("a disk that was mended can be opened")
}

impl OnDisk {
    /// An empty disk whose faults are drawn from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let disk = Disk::default();
        Self { store: open(&disk), disk, rng: Rng::new(seed, 5), fails_next: false }
    }
}

impl Backend for OnDisk {
    type State = statefun_state::MemoryState;
    type Store = RedbStore;

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
        self.fails_next = true;
    }

    fn is_disk(&self) -> bool {
        true
    }

    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart], is_full: bool) -> bool {
        if is_full {
            self.disk.fail_after(self.rng.below(3), Fault::Always);
        } else if std::mem::take(&mut self.fails_next) {
            self.disk.fail_after(self.rng.below(CHANGES), Fault::Once);
        }
        let durable = self.store.commit(manifest, parts).is_ok();
        // A failure that was due and has not come belongs to housekeeping.
        while durable && self.store.tidy().is_ok_and(|is_more| is_more && self.rng.chance(700_000)) {}
        self.disk.mend();
        durable
    }

    fn crash(&mut self, commit: Option<(Manifest, &[EncodedPart])>) -> Crash {
        let crash = match commit {
            Some((manifest, parts)) => {
                self.disk.fail_after(self.rng.below(2 * CHANGES), Fault::Always);
                let _ = self.store.commit(manifest, parts);
                Crash::InCommit
            }
            None if self.rng.chance(500_000) => {
                self.disk.fail_after(self.rng.below(CHANGES), Fault::Always);
                let _ = self.store.tidy();
                Crash::InHousekeeping
            }
            None => Crash::AtRest,
        };
        if self.rng.chance(300_000) {
            self.disk.kill();
        } else {
            self.disk.lose_power(&mut self.rng);
        }
        // The old one is dropped behind the new one: its handle is dead by then.
        self.store = open(&self.disk);
        crash
    }
}
