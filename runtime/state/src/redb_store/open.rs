//! Opening a data directory, at start and again after a failure.

use std::fs::{self, File};
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend};
use statefun::{Epoch, Generation, Lineage};
use statefun_ports::snapshot_store::StoreError;

use super::index::Index;
use super::lock::DirectoryLock;
use super::tables::{
    self, BASE, DELTAS, EPOCHS, FORMAT, GROUPS, META, META_FORMAT, META_GENERATION, META_LINEAGE, META_SUMMARY, Summary,
};
use super::{Failure, OpenOptions, Opener, RedbStore, failed};
use crate::error::{damaged, io};
pub(super) use crate::guarded::loudly;

pub(super) const FILE: &str = "state.redb";

impl RedbStore {
    /// Opens a data directory, created if absent, and claims the next generation.
    ///
    /// # Errors
    /// When another process uses it, a newer program wrote it, or it cannot be read or written.
    pub fn open(directory: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let prepare = |cause| io(format!("open data directory {}", directory.display()), cause);
        fs::create_dir_all(directory).map_err(prepare)?;
        let lock = DirectoryLock::take(directory)?;
        let (path, cache_bytes) = (directory.join(FILE), options.cache_bytes);
        let is_new = !path.exists();
        let opened = path.clone();
        let open = move || Database::builder().set_cache_size(cache_bytes).create(&opened);
        let mut store = Self::open_with(Box::new(open), &path, options)?;
        store._lock = Some(lock);
        if is_new {
            // A file whose name is not on disk is lost with everything in it.
            let parent = directory.canonicalize().ok().and_then(|path| path.parent().map(Path::to_path_buf));
            for directory in [Some(directory.to_path_buf()), parent].into_iter().flatten() {
                File::open(directory).and_then(|directory| directory.sync_all()).map_err(prepare)?;
            }
        }
        Ok(store)
    }

    /// The same for a file that `open` opens, each time anew: a simulated disk does worse things than files let one try.
    ///
    /// # Errors
    /// When it cannot be read or written, or a newer program wrote it.
    pub fn open_on<B: StorageBackend>(
        open: impl Fn() -> B + Send + 'static,
        options: OpenOptions,
    ) -> Result<Self, StoreError> {
        let cache_bytes = options.cache_bytes;
        let open = move || Database::builder().set_cache_size(cache_bytes).create_with_backend(open());
        Self::open_with(Box::new(open), Path::new(FILE), options)
    }

    /// The same for a file that `open` opens; `path` is its name in errors.
    pub(super) fn open_with(open: Opener, path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let attempt = format!("open {}", path.display());
        let database = loudly(|| open().map_err(|error| failed(&attempt)(error.into())))?;
        let read = loudly(|| {
            let claimed = claim(&database, path, options.lineage);
            let claimed = claimed.map_err(|failure| failure.into_store_error(&attempt))?;
            Ok((claimed, read_index(&database)?))
        });
        let ((generation, lineage), index) = match read {
            Ok(read) => read,
            Err(error) => {
                close(database);
                return Err(error);
            }
        };
        tracing::debug!(%generation, manifest = ?index.manifest, "opened {}", path.display());
        Ok(Self { open, database: Some(database), index, round: None, options, generation, lineage, _lock: None })
    }

    /// The file, opened anew if the last attempt to write to it failed.
    ///
    /// # Errors
    /// When it cannot be opened or read; it is tried again next time.
    pub(super) fn ensure_open(&mut self) -> Result<(), StoreError> {
        if self.database.is_none() {
            let database = loudly(|| (self.open)().map_err(|error| failed("open the state anew")(error.into())))?;
            match loudly(|| read_index(&database)) {
                Ok(index) => self.index = index,
                Err(error) => {
                    close(database);
                    return Err(error);
                }
            }
            self.round = None;
            self.database = Some(database);
        }
        Ok(())
    }

    /// Closes the file; what is committed is in it already.
    pub(super) fn close(&mut self) {
        if let Some(database) = self.database.take() {
            close(database);
        }
    }

    /// The open file.
    ///
    /// # Errors
    /// When it is closed: only after a failure, and [`Self::ensure_open`] was not called.
    pub(super) fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or_else(|| io("use the state", "it is closed after a failure"))
    }
}

fn close(database: Database) {
    // redb writes down what it knows of free pages, and panics when that is damaged.
    let closed = loudly(|| {
        drop(database);
        Ok(())
    });
    if let Err(error) = closed {
        tracing::warn!(%error, "the state was not closed cleanly");
    }
}

pub(super) fn read_index(database: &Database) -> Result<Index, StoreError> {
    let transaction = database.begin_read().map_err(|error| failed("read the index of the state")(error.into()))?;
    Index::read(&transaction)
}

/// Checks the format and counts the generation.
fn claim(database: &Database, path: &Path, lineage: Lineage) -> Result<(Generation, Lineage), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let is_new = transaction.list_tables()?.next().is_none();
    let claimed = {
        let mut meta = transaction.open_table(META)?;
        let number = |name| number(&meta, name);
        let format = number(META_FORMAT)?;
        check_format(format, path)?;
        if format.is_none() && !is_new {
            return Err(damaged(Epoch::default(), "the row that says the format is missing").into());
        }
        let generation = number(META_GENERATION)?.unwrap_or_default();
        let generation = u64::try_from(generation).ok().and_then(|generation| generation.checked_add(1));
        let generation = generation.ok_or_else(|| damaged(Epoch::default(), "the generation cannot be read"))?;
        let lineage = number(META_LINEAGE)?.unwrap_or(lineage.0);
        meta.insert(META_FORMAT, FORMAT.to_le_bytes().as_slice())?;
        if is_new {
            meta.insert(META_SUMMARY, tables::encode_summary(&Summary::default()).as_slice())?;
        }
        meta.insert(META_GENERATION, generation.to_le_bytes().as_slice())?;
        meta.insert(META_LINEAGE, lineage.to_le_bytes().as_slice())?;
        (Generation(generation), Lineage(lineage))
    };
    // All tables exist from the first generation on, so that readers need not ask.
    transaction.open_table(EPOCHS)?;
    transaction.open_table(DELTAS)?;
    transaction.open_table(GROUPS)?;
    transaction.open_table(BASE)?;
    transaction.commit()?;
    Ok(claimed)
}

/// Reads generation and lineage without claiming anything.
pub(super) fn read_claim(database: &Database, path: &Path) -> Result<(u64, u128), Failure> {
    let meta = database.begin_read()?.open_table(META)?;
    check_format(number(&meta, META_FORMAT)?, path)?;
    let generation = number(&meta, META_GENERATION)?.unwrap_or_default();
    Ok((u64::try_from(generation).unwrap_or(u64::MAX), number(&meta, META_LINEAGE)?.unwrap_or_default()))
}

fn number(meta: &impl ReadableTable<&'static str, &'static [u8]>, name: &'static str) -> Result<Option<u128>, Failure> {
    let row = meta.get(name)?;
    Ok(row.map(|row| row.value().iter().rev().fold(0u128, |value, &byte| value << 8 | u128::from(byte))))
}

fn check_format(format: Option<u128>, path: &Path) -> Result<(), Failure> {
    let Some(found) = format.filter(|&found| found > u128::from(FORMAT)) else { return Ok(()) };
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let path = path.display().to_string();
    Err(StoreError::NewerFormat { path, found, known: FORMAT }.into())
}
