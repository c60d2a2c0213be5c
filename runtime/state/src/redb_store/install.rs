//! Beginning with the rows of a savepoint.

use redb::{Database, Table};
use statefun::Epoch;
use statefun_ports::snapshot_store::{Manifest, StoreError};
use statefun_protocol::storage::{BlockWriter, Row};

use super::tables::{self, BASE, GROUPS, GroupEntry, META, META_MANIFEST, META_SUMMARY, Summary};
use super::{Failure, RedbStore};
use crate::error::io;
use crate::group_rows::{BLOCK_BYTES_MAX, row_len};
use crate::savepoint::{About, Savepoint, SavepointError, group_of};

impl RedbStore {
    /// Makes the rows of a savepoint this store's first epoch, in one transaction: a crash leaves all of it or nothing.
    /// Rows of function types that `keeps` does not want are left out.
    ///
    /// # Errors
    /// When the store holds an epoch already, or the savepoint cannot be read.
    pub fn install(&mut self, savepoint: &Savepoint, keeps: &dyn Fn(&str) -> bool) -> Result<(), SavepointError> {
        self.ensure_open()?;
        if let Some(manifest) = self.index.manifest {
            let cause = format_args!("the data directory holds state already, up to {}", manifest.epoch);
            return Err(io("begin with a savepoint", cause).into());
        }
        let found = savepoint.manifest();
        // The number is kept, so that whatever is numbered after an epoch ascends in the new history, too.
        let manifest = Manifest {
            epoch: Epoch(found.epoch.max(1)),
            generation: self.generation,
            lineage: self.lineage,
            key_groups: found.key_groups,
        };
        let database = self.database()?;
        let installed = install(database, savepoint, &manifest, keeps);
        // Whatever became of it, the file says.
        self.close();
        self.ensure_open()?;
        installed
    }
}

fn failed(failure: impl Into<Failure>) -> SavepointError {
    failure.into().into_store_error("begin with a savepoint").into()
}

fn install(
    database: &Database,
    savepoint: &Savepoint,
    manifest: &Manifest,
    keeps: &dyn Fn(&str) -> bool,
) -> Result<(), SavepointError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_quick_repair(true);
    {
        let base = transaction.open_table(BASE).map_err(failed)?;
        let mut groups = transaction.open_table(GROUPS).map_err(failed)?;
        let mut meta = transaction.open_table(META).map_err(failed)?;
        let mut writer = BaseWriter::new(base, manifest.epoch);
        savepoint.rows(&mut |key, value| {
            let about = About::row(key, value).map_err(|error| SavepointError::Row(error.to_string()))?;
            if about.function().is_some_and(|function| !keeps(function)) {
                return Ok(());
            }
            writer.push(key, value).map_err(failed)
        })?;
        let mut summary = Summary::empty(manifest.epoch);
        for (group, entry) in writer.finish().map_err(failed)? {
            summary.add_group(group, &entry);
            groups.insert(group, tables::encode_group(&entry).as_slice()).map_err(failed)?;
        }
        meta.insert(META_SUMMARY, tables::encode_summary(&summary).as_slice()).map_err(failed)?;
        meta.insert(META_MANIFEST, tables::encode_manifest(manifest).as_slice()).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Writes blocks of the base, group by group.
struct BaseWriter<'t> {
    base: Table<'t, (u16, u32), &'static [u8]>,
    folded: Epoch,
    block: BlockWriter,
    block_bytes: usize,
    group: u16,
    entry: GroupEntry,
    entries: Vec<(u16, GroupEntry)>,
}

impl<'t> BaseWriter<'t> {
    fn new(base: Table<'t, (u16, u32), &'static [u8]>, folded: Epoch) -> Self {
        let entry = GroupEntry { folded, ..GroupEntry::default() };
        Self { base, folded, block: BlockWriter::new(), block_bytes: 0, group: 0, entry, entries: Vec::new() }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let group = group_of(key);
        if group != self.group {
            self.end_group()?;
            self.group = group;
        }
        let row = Row { key, value: Some(value) };
        if !self.block.is_empty() && self.block_bytes + row_len(&row) > BLOCK_BYTES_MAX {
            self.end_block()?;
        }
        self.block_bytes += row_len(&row);
        self.block.push(row);
        Ok(())
    }

    fn end_block(&mut self) -> Result<(), Failure> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = self.block.finish();
        self.base.insert((self.group, self.entry.blocks), &*block.bytes)?;
        self.entry.blocks += 1;
        self.entry.bytes += block.bytes.len() as u64;
        self.entry.rows += block.rows;
        self.block_bytes = 0;
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), Failure> {
        self.end_block()?;
        let entry = std::mem::replace(&mut self.entry, GroupEntry { folded: self.folded, ..GroupEntry::default() });
        if entry.blocks > 0 {
            self.entries.push((self.group, entry));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<(u16, GroupEntry)>, StoreError> {
        self.end_group().map_err(|failure| failure.into_store_error("begin with a savepoint"))?;
        Ok(self.entries)
    }
}
