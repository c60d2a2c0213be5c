//! Reading key groups.

use std::collections::BTreeMap;

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadTransaction, ReadableDatabase};
use statefun::Epoch;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::StoreError;

use super::index::{BlobId, Index};
use super::open::loudly;
use super::tables::{BASE, BlobEntry, DELTAS};
use super::{Failure, RedbStore};
use crate::codec::Names;
use crate::error::damaged;
use crate::group_rows::GroupRows;

impl RedbStore {
    pub(super) fn load_groups(
        &mut self,
        groups: Vec<u16>,
        each: &mut dyn FnMut(RowKey, RowValue),
    ) -> Result<(), StoreError> {
        let cache_bytes = self.options.blob_cache_bytes;
        self.ensure_open()?;
        let database = self.database()?;
        let failed = |failure: Failure| failure.into_store_error("load the state");
        let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
        let mut reader = loudly(|| GroupReader::new(&transaction, BlobCache::new(cache_bytes)).map_err(failed))?;
        let mut names = Names::default();
        for group in groups {
            let rows = loudly(|| reader.read(&self.index, group, self.index.newest()).map_err(failed))?;
            rows.decode(&mut names, each)?;
        }
        Ok(())
    }
}

/// Reads the bases and blobs of key groups, ascending.
pub(super) struct GroupReader {
    base: ReadOnlyTable<(u16, u32), &'static [u8]>,
    deltas: ReadOnlyTable<(u64, u32, u32), &'static [u8]>,
    cache: BlobCache,
}

impl GroupReader {
    pub(super) fn new(transaction: &ReadTransaction, cache: BlobCache) -> Result<Self, Failure> {
        Ok(Self { base: transaction.open_table(BASE)?, deltas: transaction.open_table(DELTAS)?, cache })
    }

    /// What `group` consists of up to `target`.
    pub(super) fn read(&mut self, index: &Index, group: u16, target: Epoch) -> Result<GroupRows, Failure> {
        self.cache.pass(group);
        let entry = index.groups.get(&group).copied().unwrap_or_default();
        let mut rows = GroupRows { group, folded: index.folded(group), ..GroupRows::default() };
        for number in 0..entry.blocks {
            let block = self.base.get((group, number))?;
            let missing = || damaged(rows.folded, format_args!("block {number} of key group {group} is missing"));
            rows.blocks.push(Bytes::copy_from_slice(block.ok_or_else(missing)?.value()));
        }
        for (id, entry) in index.blobs_of(group, target) {
            let bytes = match self.cache.get(id) {
                Some(bytes) => bytes,
                None => self.cache.keep(id, entry, self.read_blob(id, entry)?),
            };
            rows.blobs.push((Epoch(id.0), bytes));
        }
        Ok(rows)
    }

    fn read_blob(&self, (epoch, number): BlobId, entry: &BlobEntry) -> Result<Bytes, Failure> {
        let mut bytes = Vec::with_capacity(usize::try_from(entry.bytes).unwrap_or_default());
        for piece in 0..entry.pieces {
            let found = self.deltas.get((epoch, number, piece))?;
            let missing = || damaged(Epoch(epoch), format_args!("piece {piece} of blob {number} is missing"));
            bytes.extend_from_slice(found.ok_or_else(missing)?.value());
        }
        Ok(bytes.into())
    }

    /// Gives the cache back, for the next groups in another transaction.
    pub(super) fn into_cache(self) -> BlobCache {
        self.cache
    }
}

/// Keeps blobs of several key groups until the last of them was read, so that small epochs are not read once per group.
#[derive(Debug, Default)]
pub(super) struct BlobCache {
    bytes_max: usize,
    bytes: usize,
    /// With the last group that each is needed for.
    blobs: BTreeMap<BlobId, (u16, Bytes)>,
}

impl BlobCache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    fn get(&self, id: BlobId) -> Option<Bytes> {
        self.blobs.get(&id).map(|(_, bytes)| bytes.clone())
    }

    fn keep(&mut self, id: BlobId, entry: &BlobEntry, bytes: Bytes) -> Bytes {
        if entry.groups.len() > 1
            && self.bytes + bytes.len() <= self.bytes_max
            && let Some(&last) = entry.groups.last()
        {
            self.bytes += bytes.len();
            self.blobs.insert(id, (last, bytes.clone()));
        }
        bytes
    }

    /// Drops what no group from `group` on needs.
    fn pass(&mut self, group: u16) {
        self.blobs.retain(|_, (last, bytes)| {
            let is_needed = *last >= group;
            if !is_needed {
                self.bytes -= bytes.len();
            }
            is_needed
        });
    }
}
