//! Opening a data directory, at start and again after a failure.

use std::fs::{self, File};
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable};
use statefun::{Generation, Lineage};
use statefun_ports::snapshot_store::StoreError;

use super::index::Index;
use super::lock::DirectoryLock;
use super::tables::{BASE, DELTAS, EPOCHS, FORMAT, GROUPS, META, META_FORMAT, META_GENERATION, META_LINEAGE};
use super::{Failure, OpenOptions, Opener, RedbStore, failed};
use crate::error::{damaged, io};

const FILE: &str = "state.redb";

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

    /// The same for a file that `open` opens; `path` is its name in errors.
    pub(super) fn open_with(open: Opener, path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let attempt = format!("open {}", path.display());
        let database = open().map_err(|error| failed(&attempt)(error.into()))?;
        let (generation, lineage) =
            claim(&database, path, options.lineage).map_err(|failure| failure.into_store_error(&attempt))?;
        let index = read_index(&database)?;
        tracing::debug!(%generation, manifest = ?index.manifest, "opened {}", path.display());
        Ok(Self { open, database: Some(database), index, round: None, options, generation, lineage, _lock: None })
    }

    /// The file, opened anew if the last attempt to write to it failed.
    ///
    /// # Errors
    /// When it cannot be opened or read; it is tried again next time.
    pub(super) fn ensure_open(&mut self) -> Result<(), StoreError> {
        if self.database.is_none() {
            let database = (self.open)().map_err(|error| failed("open the state anew")(error.into()))?;
            self.index = read_index(&database)?;
            self.round = None;
            self.database = Some(database);
        }
        Ok(())
    }

    /// The same, for what follows.
    ///
    /// # Errors
    /// When it is closed: only after a failure, and [`Self::ensure_open`] was not called.
    pub(super) fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or_else(|| io("use the state", "it is closed after a failure"))
    }
}

fn read_index(database: &Database) -> Result<Index, StoreError> {
    let transaction = database.begin_read().map_err(|error| failed("read the index of the state")(error.into()))?;
    Index::read(&transaction)
}

/// Checks the format and counts the generation.
fn claim(database: &Database, path: &Path, lineage: Lineage) -> Result<(Generation, Lineage), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let claimed = {
        let mut meta = transaction.open_table(META)?;
        let number = |name| -> Result<Option<u128>, Failure> {
            let row = meta.get(name)?;
            Ok(row.map(|row| row.value().iter().rev().fold(0u128, |value, &byte| value << 8 | u128::from(byte))))
        };
        let format = number(META_FORMAT)?;
        if let Some(found) = format.filter(|&found| found > u128::from(FORMAT)) {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            let path = path.display().to_string();
            return Err(StoreError::NewerFormat { path, found, known: FORMAT }.into());
        }
        let generation = number(META_GENERATION)?.unwrap_or_default();
        let generation = u64::try_from(generation).ok().and_then(|generation| generation.checked_add(1));
        let generation = generation.ok_or_else(|| damaged(Default::default(), "the generation cannot be read"))?;
        let lineage = number(META_LINEAGE)?.unwrap_or(lineage.0);
        meta.insert(META_FORMAT, FORMAT.to_le_bytes().as_slice())?;
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
