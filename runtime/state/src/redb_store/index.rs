//! What the file holds, in memory: which blobs and blocks there are, not their bytes.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadTransaction, ReadableTable, TableError};
use statefun::Epoch;
use statefun_ports::snapshot_store::{Manifest, StoreError};

use super::tables::{self, BlobEntry, EPOCHS, GROUPS, GroupEntry, META, META_MANIFEST, META_SUMMARY, Summary};
use super::{Failure, failed};
use crate::error::damaged;

/// A mirror of the tables `epochs`, `groups` and `meta`.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) manifest: Option<Manifest>,
    pub(super) summary: Summary,
    pub(super) epochs: BTreeMap<u64, Vec<BlobEntry>>,
    pub(super) groups: BTreeMap<u16, GroupEntry>,
}

/// A blob's place: epoch and number.
pub(super) type BlobId = (u64, u32);

impl Index {
    pub(super) fn read(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        let attempt = failed("read the index of the state");
        let meta = match transaction.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Self::default()),
            Err(error) => return Err(attempt(error.into())),
        };
        let mut index = Self::default();
        if let Some(row) = meta.get(META_MANIFEST).map_err(|error| attempt(error.into()))? {
            let manifest = tables::decode_manifest(row.value());
            index.manifest = Some(manifest.ok_or_else(|| damaged(Epoch::default(), "the manifest cannot be read"))?);
        }
        let newest = index.newest();
        let summary = meta.get(META_SUMMARY).map_err(|error| attempt(error.into()))?;
        let summary = summary.and_then(|row| tables::decode_summary(row.value()));
        index.summary = summary.ok_or_else(|| damaged(newest, "the summary of the index cannot be read"))?;
        let mut read = || -> Result<(), Failure> {
            for row in transaction.open_table(EPOCHS)?.iter()? {
                let (epoch, blobs) = row?;
                let epoch = epoch.value();
                let blobs = tables::decode_epoch(blobs.value());
                let blobs = blobs.ok_or_else(|| damaged(Epoch(epoch), "its list of blobs cannot be read"))?;
                index.epochs.insert(epoch, blobs);
            }
            for row in transaction.open_table(GROUPS)?.iter()? {
                let (group, entry) = row?;
                let group = group.value();
                let entry = tables::decode_group(entry.value());
                let what = || damaged(newest, format_args!("the base of key group {group} cannot be found"));
                index.groups.insert(group, entry.ok_or_else(what)?);
            }
            Ok(())
        };
        read().map_err(|failure| failure.into_store_error("read the index of the state"))?;
        let mut found = Summary::empty(index.summary.floor);
        index.epochs.iter().for_each(|(&epoch, blobs)| found.add_epoch(epoch, blobs));
        index.groups.iter().for_each(|(&group, entry)| found.add_group(group, entry));
        if found != index.summary || (index.manifest.is_none() && found != Summary::default()) {
            return Err(damaged(newest, "rows of the index are missing"));
        }
        Ok(index)
    }

    /// Blobs of epochs up to this one count for nobody.
    pub(super) fn floor(&self) -> Epoch {
        self.summary.floor
    }

    pub(super) fn newest(&self) -> Epoch {
        self.manifest.map_or_else(Epoch::default, |manifest| manifest.epoch)
    }

    /// The epoch up to which deltas are folded into the base of `group`.
    pub(super) fn folded(&self, group: u16) -> Epoch {
        let own = self.groups.get(&group).map(|entry| entry.folded).unwrap_or_default();
        own.max(self.floor())
    }

    /// The blobs that count for `group` up to `target`, oldest first.
    pub(super) fn blobs_of(&self, group: u16, target: Epoch) -> impl Iterator<Item = (BlobId, &BlobEntry)> {
        let live = self.epochs.range(self.folded(group).0 + 1..).take_while(move |&(&epoch, _)| epoch <= target.0);
        live.flat_map(|(&epoch, blobs)| (0..).zip(blobs).map(move |(number, blob)| ((epoch, number), blob)))
            .filter(move |(_, blob)| blob.groups.binary_search(&group).is_ok())
    }

    /// The key groups that have something to fold up to `target`.
    pub(super) fn changed_up_to(&self, target: Epoch) -> BTreeSet<u16> {
        let live = self.epochs.range(self.floor().0 + 1..).take_while(|&(&epoch, _)| epoch <= target.0);
        live.flat_map(|(&epoch, blobs)| blobs.iter().flat_map(|blob| &blob.groups).map(move |&group| (epoch, group)))
            .filter(|&(epoch, group)| epoch > self.folded(group).0)
            .map(|(_, group)| group)
            .collect()
    }

    /// The epochs above the floor and up to `target`, with their blobs.
    pub(super) fn unfolded(&self, target: Epoch) -> impl Iterator<Item = (&u64, &Vec<BlobEntry>)> {
        self.epochs.range(self.floor().0 + 1..).take_while(move |&(&epoch, _)| epoch <= target.0)
    }

    /// The `n`th newest epoch above the floor; `None` when there are fewer.
    pub(super) fn nth_newest(&self, n: usize) -> Option<Epoch> {
        let mut epochs = self.epochs.range(self.floor().0 + 1..).rev();
        epochs.nth(n.max(1) - 1).map(|(&epoch, _)| Epoch(epoch))
    }

    pub(super) fn delta_bytes(&self) -> u64 {
        let live = self.epochs.range(self.floor().0 + 1..);
        live.flat_map(|(_, blobs)| blobs).map(|blob| blob.bytes).sum()
    }

    pub(super) fn base_bytes(&self) -> u64 {
        self.groups.values().map(|group| group.bytes).sum()
    }
}
