//! Looking at a data directory without running on it, and giving up what cannot be read.

use std::path::Path;

use redb::{Database, ReadableDatabase};
use statefun::{Epoch, Generation, Lineage};
use statefun_ports::snapshot_store::{Manifest, StoreError};
use statefun_protocol::storage::GROUP_SYSTEM;

use super::load::{BlobCache, GroupReader};
use super::lock::DirectoryLock;
use super::open::{FILE, loudly, read_claim};
use super::tables::{self, DELTAS, EPOCHS, META, META_LINEAGE, META_MANIFEST, META_SUMMARY, Summary};
use super::{Failure, OpenOptions, RedbStore, failed};
use crate::codec::{self, Names};
use crate::error::{damaged, io};

/// What reading everything brought to light.
#[derive(Debug, Default)]
pub struct Examination {
    /// How many rows there are.
    pub rows: u64,
    /// Everything that cannot be read.
    pub damage: Vec<StoreError>,
    /// If something cannot be read: the newest epoch that can be, if the store still knows one.
    pub readable: Option<Epoch>,
}

impl RedbStore {
    /// Opens a data directory that is not in use to look at it: no generation is claimed, nothing is made.
    ///
    /// # Errors
    /// When there is none, another process uses it, or it cannot be read.
    pub fn look(directory: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        if !path.is_file() {
            return Err(io(format!("look at {}", directory.display()), format_args!("it holds no {FILE}")));
        }
        let lock = DirectoryLock::take(directory)?;
        let (cache_bytes, opened) = (options.cache_bytes, path.clone());
        let open = move || Database::builder().set_cache_size(cache_bytes).open(&opened);
        let attempt = format!("open {}", path.display());
        let (generation, lineage) = loudly(|| {
            let database = open().map_err(|error| failed(&attempt)(error.into()))?;
            read_claim(&database, &path).map_err(|failure| failure.into_store_error(&attempt))
        })?;
        let mut store = Self {
            open: Box::new(open),
            database: None,
            index: super::Index::default(),
            round: None,
            options,
            generation: Generation(generation),
            lineage: Lineage(lineage),
            _lock: Some(lock),
        };
        store.ensure_open()?;
        Ok(store)
    }

    /// The epochs that this store could go back to, ascending, the newest one included.
    #[must_use]
    pub fn restorable(&self) -> Vec<Epoch> {
        let Some(manifest) = self.index.manifest else { return Vec::new() };
        let folded = self.index.groups.values().map(|entry| entry.folded).max().unwrap_or_default();
        let folded = folded.max(self.index.floor());
        let newer = self.index.epochs.range(folded.0 + 1..).map(|(&epoch, _)| Epoch(epoch));
        let mut epochs: Vec<_> = (folded > Epoch(0)).then_some(folded).into_iter().chain(newer).collect();
        if epochs.last().is_none_or(|&last| last < manifest.epoch) {
            epochs.push(manifest.epoch);
        }
        epochs
    }

    /// Reads everything.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn examine(&mut self) -> Result<Examination, StoreError> {
        self.ensure_open()?;
        let mut found = Examination::default();
        let Some(manifest) = self.index.manifest else { return Ok(found) };
        (found.rows, found.damage) = self.read_all(manifest.epoch, usize::MAX)?;
        if !found.damage.is_empty() {
            // What is damaged for one epoch is for all that come after it.
            let epochs = self.restorable();
            let readable = partition_point(&epochs, |&epoch| Ok(self.read_all(epoch, 1)?.1.is_empty()))?;
            found.readable = readable.checked_sub(1).map(|last| epochs[last]);
        }
        Ok(found)
    }

    /// Reads all that is there at `target`; stops after `damage_max` places that cannot be read.
    fn read_all(&self, target: Epoch, damage_max: usize) -> Result<(u64, Vec<StoreError>), StoreError> {
        let failed = |failure: Failure| failure.into_store_error("examine the state");
        let key_groups = self.index.manifest.map_or(0, |manifest| manifest.key_groups);
        let cache = BlobCache::new(self.options.blob_cache_bytes);
        let mut reader = loudly(|| {
            let transaction = self.database()?.begin_read().map_err(|error| failed(error.into()))?;
            GroupReader::new(&transaction, cache).map_err(failed)
        })?;
        let (mut rows, mut damage, mut names) = (0, Vec::new(), Names::default());
        for group in (0..key_groups).chain([GROUP_SYSTEM]) {
            let read = loudly(|| {
                let found = reader.read(&self.index, group, target).map_err(failed)?;
                let mut count = 0;
                found.each(&mut |row| {
                    count += 1;
                    let decoded = codec::decode(row.key, row.value.unwrap_or_default(), &mut names);
                    decoded.map(drop).map_err(|error| damaged(target, format_args!("key group {group}: {error}")))
                })?;
                Ok(count)
            });
            match read {
                Ok(count) => rows += count,
                Err(error) => damage.push(error),
            }
            if damage.len() >= damage_max {
                break;
            }
        }
        Ok((rows, damage))
    }

    /// Gives up every epoch after `to`, which begins a history of its own. Only what cannot be read is given up: `false`
    /// when nothing is damaged, and then everything is kept.
    ///
    /// # Errors
    /// When the store does not know the epoch or cannot read it.
    pub fn give_up_after(&mut self, to: Epoch, lineage: Lineage) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "give epochs up";
        let found = self.examine()?;
        let Some(manifest) = self.index.manifest.filter(|_| !found.damage.is_empty()) else { return Ok(false) };
        let epochs = self.restorable();
        if found.readable.is_none_or(|readable| to > readable) || !epochs.contains(&to) {
            let readable = epochs.iter().filter(|&&epoch| found.readable.is_some_and(|readable| epoch <= readable));
            let readable: Vec<_> = readable.map(|epoch| epoch.0.to_string()).collect();
            let readable = if readable.is_empty() { "none".to_owned() } else { readable.join(", ") };
            return Err(io(ATTEMPT, format_args!("{to} cannot be gone back to; those that can: {readable}")));
        }
        let mut summary = self.index.summary;
        let given_up: Vec<u64> = self.index.epochs.range(to.0 + 1..).map(|(&epoch, _)| epoch).collect();
        for epoch in &given_up {
            summary.remove_epoch(*epoch, &self.index.epochs[epoch]);
        }
        let manifest = Manifest { epoch: to, generation: self.generation, lineage, ..manifest };
        let written = loudly(|| {
            let written = write(self.database()?, &given_up, &manifest, &summary);
            written.map_err(|failure| failure.into_store_error(ATTEMPT))
        });
        // Whatever became of it, the file says.
        self.close();
        self.ensure_open()?;
        written?;
        self.lineage = lineage;
        Ok(true)
    }
}

fn write(database: &Database, given_up: &[u64], manifest: &Manifest, summary: &Summary) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut epochs = transaction.open_table(EPOCHS)?;
        let mut deltas = transaction.open_table(DELTAS)?;
        for &epoch in given_up {
            epochs.remove(epoch)?;
            deltas.retain_in((epoch, 0, 0)..=(epoch, u32::MAX, u32::MAX), |_, _| false)?;
        }
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_SUMMARY, tables::encode_summary(summary).as_slice())?;
        meta.insert(META_MANIFEST, tables::encode_manifest(manifest).as_slice())?;
        meta.insert(META_LINEAGE, manifest.lineage.0.to_le_bytes().as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// How many of `all` hold, when those that do come first.
fn partition_point<T>(all: &[T], holds: impl Fn(&T) -> Result<bool, StoreError>) -> Result<usize, StoreError> {
    let (mut low, mut high) = (0, all.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(&all[middle])? { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}
