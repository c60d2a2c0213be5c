//! Small epochs, durable with one sync.
//!
//! ```text
//!   commit ── small ──▶ a record in the journal, synced ──▶ the epoch exists
//!          ── large, or the journal is full ──▶ all records and this one in one transaction of redb
//!   open   ── records newer than what redb holds ──▶ one transaction of redb
//! ```
//!
//! A transaction of redb takes two syncs and a walk through its trees. A caller who waits alone pays that for every
//! message; a record costs one sync of a few blocks that lie ready. Why so: `docs/adr/0005-a-journal-ahead-of-redb.md`.
//!
//! # Invariants
//! * What is in the journal and not in redb is in memory, too, and the journal is written anew only after redb holds it.
//! * Epochs ascend and each record names the one before, so that a record that is missing is noticed.
//! * After a failed write or sync the journal is not used until redb holds everything and the file was made anew.

mod record;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;
use statefun::{Epoch, Generation, Lineage};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::{FrozenEpoch, Manifest, SnapshotStore, StoreError};

use crate::error::{damaged, io};
use crate::redb_store::{OpenOptions, RedbStore, StoreStats};
use crate::savepoint::{Savepoint, SavepointError};
use record::{Record, SLOT};

const FILE: &str = "journal";

/// The size of the journal in bytes. It is written once when it is made, so that later writes change no metadata.
const JOURNAL_BYTES: usize = 4 << 20;

/// Epochs larger than this go to redb directly, in bytes: copying them twice would cost more than a sync.
const EPOCH_BYTES_MAX: usize = 128 << 10;

/// So many epochs in the journal go to redb. More would make that transaction a pause, fewer would make it frequent.
const EPOCHS_MAX: usize = 512;

/// Opens the journal's file empty (`true`) or as it is.
type Opener = Box<dyn Fn(bool) -> std::io::Result<Box<dyn StorageBackend>> + Send>;

/// A [`RedbStore`] behind a journal.
pub struct JournaledStore {
    inner: RedbStore,
    open: Opener,
    /// `None` until it is made anew.
    journal: Option<Box<dyn StorageBackend>>,
    /// Where the next record goes.
    end: usize,
    /// Epochs that are in the journal and not in redb.
    pending: Vec<Record>,
    buffer: Vec<u8>,
}

impl JournaledStore {
    /// Opens a data directory, created if absent, and claims the next generation.
    ///
    /// # Errors
    /// When another process uses it, a newer program wrote it, it is damaged, or it cannot be read or written.
    pub fn open(directory: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let inner = RedbStore::open(directory, options)?;
        let path = directory.join(FILE);
        let directory = directory.to_path_buf();
        let open: Opener = Box::new(move |anew| {
            let is_new = !path.exists();
            let file = File::options().read(true).write(true).create(true).truncate(anew).open(&path)?;
            if is_new {
                // A file whose name is not on disk is lost with everything in it.
                File::open(&directory)?.sync_all()?;
            }
            let backend = FileBackend::new(file).map_err(std::io::Error::other)?;
            Ok(Box::new(backend) as Box<dyn StorageBackend>)
        });
        Self::open_with(inner, open)
    }

    /// The same over a store and a journal that are given.
    fn open_with(mut inner: RedbStore, open: Opener) -> Result<Self, StoreError> {
        let journal = open(false).map_err(failed("open the journal"))?;
        let bytes = read(&*journal).map_err(failed("read the journal"))?;
        let records = newer(&bytes, inner.manifest()?, inner.lineage())?;
        if !records.is_empty() {
            tracing::debug!(count = records.len(), "epochs of the journal go to the store");
            inner.commit_epochs(&batch(&records))?;
        }
        // One of full size is written over: redb holds all that is in it.
        let journal = (bytes.len() == JOURNAL_BYTES).then_some(journal);
        Ok(Self { inner, open, journal, end: 0, pending: Vec::new(), buffer: Vec::new() })
    }

    /// Which incarnation this is: one more each time the directory is opened.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.inner.generation()
    }

    /// The history that the state belongs to.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.inner.lineage()
    }

    /// How much redb holds.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.inner.stats()
    }

    /// Makes the rows of a savepoint this store's first epoch; see [`RedbStore::install`].
    ///
    /// # Errors
    /// When the store holds an epoch already, or the savepoint cannot be read.
    pub fn install(&mut self, savepoint: &Savepoint, keeps: &dyn Fn(&str) -> bool) -> Result<(), SavepointError> {
        self.settle(None)?;
        self.inner.install(savepoint, keeps)
    }

    /// Gives up every epoch after `to` if something is damaged; see [`RedbStore::give_up_after`]. Records of the journal
    /// belong to the old history then, and are ignored.
    ///
    /// # Errors
    /// When the store does not know the epoch or cannot read it.
    pub fn give_up_after(&mut self, to: Epoch, lineage: Lineage) -> Result<bool, StoreError> {
        self.settle(None)?;
        self.inner.give_up_after(to, lineage)
    }

    fn newest(&mut self) -> Result<Option<Manifest>, StoreError> {
        match self.pending.last() {
            Some(record) => Ok(Some(record.manifest)),
            None => self.inner.manifest(),
        }
    }

    /// Brings what is in the journal to redb, together with `last` if there is one.
    fn settle(&mut self, last: Option<&Record>) -> Result<(), StoreError> {
        let mut epochs = batch(&self.pending);
        epochs.extend(last.map(|record| (record.manifest, record.parts.as_slice())));
        if !epochs.is_empty() {
            self.inner.commit_epochs(&epochs)?;
            self.pending.clear();
            self.end = 0;
        }
        Ok(())
    }

    /// Makes a record durable; `false` when there is no room for it, or no journal.
    fn append(&mut self, record: &Record) -> Result<bool, StoreError> {
        self.buffer.clear();
        record.encode(&mut self.buffer);
        if self.pending.len() >= EPOCHS_MAX || self.end + self.buffer.len() > JOURNAL_BYTES {
            return Ok(false);
        }
        let attempt = || format!("write {} to the journal", record.manifest.epoch);
        if self.journal.is_none() {
            self.journal = Some(made_anew(&self.open).map_err(failed("make the journal"))?);
        }
        let Some(journal) = &self.journal else { return Ok(false) };
        let written = journal.write(self.end as u64, &self.buffer).and_then(|()| journal.sync_data());
        if let Err(error) = written {
            // What it holds now is not known. Not before redb holds everything is it made anew.
            self.journal = None;
            return Err(io(attempt(), error));
        }
        self.end += self.buffer.len();
        Ok(true)
    }
}

impl SnapshotStore for JournaledStore {
    fn manifest(&mut self) -> Result<Option<Manifest>, StoreError> {
        self.newest()
    }

    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError> {
        let newest = self.newest()?;
        if let Some(newest) = newest.filter(|newest| newest.epoch >= manifest.epoch) {
            return Err(io(format!("commit {}", manifest.epoch), format_args!("{} exists already", newest.epoch)));
        }
        let previous = newest.map_or_else(Epoch::default, |newest| newest.epoch);
        let record = Record { previous, manifest, parts: parts.to_vec() };
        let is_small = parts.iter().map(EncodedPart::len).sum::<usize>() <= EPOCH_BYTES_MAX;
        // Without a journal, pending epochs lie in one that is not to be overwritten.
        if is_small && (self.journal.is_some() || self.pending.is_empty()) {
            match self.append(&record) {
                Ok(true) => {
                    self.pending.push(record);
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the epoch goes to the store instead"),
            }
        }
        self.settle(Some(&record))
    }

    fn load(&mut self, groups: Range<u16>, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        self.settle(None)?;
        self.inner.load(groups, each)
    }

    fn load_system(&mut self, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        self.settle(None)?;
        self.inner.load_system(each)
    }

    fn freeze(&mut self) -> Result<Option<Box<dyn FrozenEpoch>>, StoreError> {
        self.settle(None)?;
        self.inner.freeze()
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.inner.tidy()
    }
}

impl Drop for JournaledStore {
    fn drop(&mut self) {
        // The next start would do it.
        if let Err(error) = self.settle(None) {
            tracing::warn!(%error, "the journal could not be emptied, the next start does it");
        }
    }
}

impl std::fmt::Debug for JournaledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournaledStore")
            .field("inner", &self.inner)
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

fn failed(attempt: &'static str) -> impl Fn(std::io::Error) -> StoreError {
    move |error| io(attempt, error)
}

fn batch(records: &[Record]) -> Vec<(Manifest, &[EncodedPart])> {
    records.iter().map(|record| (record.manifest, record.parts.as_slice())).collect()
}

fn read(journal: &dyn StorageBackend) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(journal.len()?).unwrap_or(usize::MAX).min(JOURNAL_BYTES)];
    journal.read(0, &mut bytes)?;
    Ok(bytes)
}

/// An empty journal of full size, on disk.
fn made_anew(open: &Opener) -> std::io::Result<Box<dyn StorageBackend>> {
    let journal = open(true)?;
    journal.set_len(JOURNAL_BYTES as u64)?;
    for offset in (0..JOURNAL_BYTES).step_by(256 << 10) {
        journal.write(offset as u64, &[0; 256 << 10])?;
    }
    journal.sync_data()?;
    Ok(journal)
}

/// The records of a history that are newer than what redb holds, in order.
fn newer(bytes: &[u8], held: Option<Manifest>, lineage: Lineage) -> Result<Vec<Record>, StoreError> {
    let mut records: Vec<Record> = Vec::new();
    let mut newest = held.map_or_else(Epoch::default, |manifest| manifest.epoch);
    let mut at = 0;
    while at < bytes.len() {
        let Some((record, slots)) = Record::decode(&bytes[at..]) else {
            at += SLOT;
            continue;
        };
        at += slots * SLOT;
        // Older ones are left from before the journal was begun again.
        if record.manifest.epoch <= newest || record.manifest.lineage != lineage {
            continue;
        }
        if record.previous != newest {
            return Err(damaged(
                record.manifest.epoch,
                format_args!("the journal has a gap: {} is followed by {}", newest, record.manifest.epoch),
            ));
        }
        newest = record.manifest.epoch;
        records.push(record);
    }
    Ok(records)
}
