//! An epoch that stays readable while newer ones are committed and folded.
//!
//! redb keeps the pages that a read transaction sees until it ends, so this costs space on disk for what changes
//! meanwhile and nothing else. When the file is closed, after a failure or at the end, reading fails from then on.

use redb::ReadableDatabase;
use statefun_ports::snapshot_store::{EachRow, FrozenEpoch, Manifest, StoreError};
use statefun_protocol::storage::GROUP_SYSTEM;

use super::index::Index;
use super::load::{BlobCache, GroupReader};
use super::open::loudly;
use super::{Failure, RedbStore};

const ATTEMPT: &str = "read an epoch";

struct Frozen {
    manifest: Manifest,
    index: Index,
    reader: GroupReader,
}

impl RedbStore {
    pub(super) fn freeze_newest(&mut self) -> Result<Option<Box<dyn FrozenEpoch>>, StoreError> {
        self.ensure_open()?;
        let Some(manifest) = self.index.manifest else { return Ok(None) };
        let cache = BlobCache::new(self.options.blob_cache_bytes);
        let reader = loudly(|| {
            let failed = |failure: Failure| failure.into_store_error(ATTEMPT);
            let transaction = self.database()?.begin_read().map_err(|error| failed(error.into()))?;
            GroupReader::new(&transaction, cache).map_err(failed)
        })?;
        Ok(Some(Box::new(Frozen { manifest, index: self.index.clone(), reader })))
    }
}

impl FrozenEpoch for Frozen {
    fn manifest(&self) -> Manifest {
        self.manifest
    }

    fn rows(&mut self, group: Option<u16>, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        let group = group.unwrap_or(GROUP_SYSTEM);
        let rows = loudly(|| {
            let rows = self.reader.read(&self.index, group, self.manifest.epoch);
            rows.map_err(|failure| failure.into_store_error(ATTEMPT))
        })?;
        rows.each(&mut |row| each(row.key, row.value.unwrap_or_default()))
    }
}
