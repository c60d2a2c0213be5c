//! A snapshot store without a disk, for tests and simulation.
//!
//! It keeps the very bytes that a durable store would keep, so encoding, merging and folding are the real ones; only
//! durability is make-believe. Faults happen on request.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use statefun::Epoch;
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::{EachRow, FrozenEpoch, Manifest, SnapshotStore, StoreError};
use statefun_protocol::storage::{Blob, GROUP_SYSTEM};

use crate::codec::Names;
use crate::error::{damaged, io};
use crate::group_rows::GroupRows;

/// How many epochs lie unfolded before housekeeping folds all but the newest [`EPOCHS_KEPT`] of them.
const EPOCHS_MAX: usize = 16;

/// How many epochs [`MemoryStore::forget_since`] can always take back.
pub const EPOCHS_KEPT: usize = 8;

/// Keeps epochs in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    epochs: Vec<(Manifest, Vec<Bytes>)>,
    base: BTreeMap<u16, Vec<Bytes>>,
    /// The newest epoch that is folded into the base.
    folded: Option<Manifest>,
    failures: u32,
}

impl MemoryStore {
    /// A store without epochs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next commit fails and leaves nothing behind; called twice, the next two do.
    pub fn fail_next_commit(&mut self) {
        self.failures += 1;
    }

    /// Loses `epoch` and everything newer, as a disk does that had not synced it. Returns the manifest that is left.
    ///
    /// # Panics
    /// When it is folded into the base already; the newest [`EPOCHS_KEPT`] never are.
    pub fn forget_since(&mut self, epoch: Epoch) -> Option<Manifest> {
        assert!(self.folded.is_none_or(|folded| folded.epoch < epoch), "{epoch} is folded and cannot be forgotten");
        self.epochs.retain(|(manifest, _)| manifest.epoch < epoch);
        self.newest()
    }

    /// Turns one bit of the newest epoch's bytes, for tests of what happens then. `false` when there are none.
    pub fn damage(&mut self, bit: usize) -> bool {
        let Some(blob) = self.epochs.last_mut().and_then(|(_, blobs)| blobs.first_mut()) else { return false };
        let mut bytes = blob.to_vec();
        let index = (bit / 8) % bytes.len();
        bytes[index] ^= 1 << (bit % 8);
        *blob = bytes.into();
        true
    }

    fn newest(&self) -> Option<Manifest> {
        self.epochs.last().map(|(manifest, _)| *manifest).or(self.folded)
    }

    fn group(&self, group: u16, epochs: &[(Manifest, Vec<Bytes>)]) -> GroupRows {
        let blobs = epochs.iter().flat_map(|(manifest, blobs)| blobs.iter().map(|blob| (manifest.epoch, blob.clone())));
        GroupRows {
            group,
            folded: self.folded.map_or_else(Epoch::default, |manifest| manifest.epoch),
            blocks: self.base.get(&group).cloned().unwrap_or_default(),
            blobs: blobs.collect(),
        }
    }
}

impl SnapshotStore for MemoryStore {
    fn manifest(&mut self) -> Result<Option<Manifest>, StoreError> {
        Ok(self.newest())
    }

    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError> {
        if let Some(newest) = self.newest().filter(|newest| newest.epoch >= manifest.epoch) {
            return Err(io(format!("commit {}", manifest.epoch), format_args!("{} exists already", newest.epoch)));
        }
        if self.failures > 0 {
            self.failures -= 1;
            return Err(io(format!("commit {}", manifest.epoch), "the disk was told to fail"));
        }
        let blobs = parts.iter().filter(|part| !part.chunks.is_empty()).map(|part| part.chunks.concat().into());
        self.epochs.push((manifest, blobs.collect()));
        Ok(())
    }

    fn load(&mut self, groups: Range<u16>, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        let mut names = Names::default();
        groups.into_iter().try_for_each(|group| self.group(group, &self.epochs).decode(&mut names, each))
    }

    fn load_system(&mut self, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        self.group(GROUP_SYSTEM, &self.epochs).decode(&mut Names::default(), each)
    }

    fn freeze(&mut self) -> Result<Option<Box<dyn FrozenEpoch>>, StoreError> {
        let frozen = self.newest().map(|manifest| Frozen { manifest, store: self.clone() });
        Ok(frozen.map(|frozen| Box::new(frozen) as Box<dyn FrozenEpoch>))
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        if self.epochs.len() <= EPOCHS_MAX {
            return Ok(false);
        }
        let count = self.epochs.len() - EPOCHS_KEPT;
        let old = &self.epochs[..count];
        let mut base = self.base.clone();
        for (manifest, blobs) in old {
            for blob in blobs {
                let blob = Blob::open(blob).map_err(|error| damaged(manifest.epoch, error))?;
                base.extend(
                    blob.groups().filter(|group| !self.base.contains_key(group)).map(|group| (group, Vec::new())),
                );
            }
        }
        for (&group, blocks) in &mut base {
            *blocks = self.group(group, old).fold()?.into_iter().map(|block| block.bytes).collect();
        }
        self.folded = old.last().map(|(manifest, _)| *manifest);
        self.base = base;
        self.epochs.drain(..count);
        Ok(false)
    }
}

/// A copy, whose bytes are shared.
struct Frozen {
    manifest: Manifest,
    store: MemoryStore,
}

impl FrozenEpoch for Frozen {
    fn manifest(&self) -> Manifest {
        self.manifest
    }

    fn rows(&mut self, group: Option<u16>, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        let rows = self.store.group(group.unwrap_or(GROUP_SYSTEM), &self.store.epochs);
        rows.each(&mut |row| each(row.key, row.value.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
