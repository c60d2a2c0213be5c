//! Epochs in one redb file.
//!
//! ```text
//!   commit ── one transaction: blobs, their index, the manifest ──▶ the epoch exists
//!   tidy   ── one transaction per key group: base + deltas ──▶ new base, "folded up to"
//!          ── when all groups are folded: the floor rises, blobs below it are deleted
//!   load   ── per key group: base + blobs newer than what is folded
//! ```
//!
//! Every step is one transaction and correct by itself, so a crash between any two loses nothing and needs no repair:
//! a group that was folded ignores the blobs that were folded into it, whether they are still there or not.
//!
//! # Invariants
//! * An epoch exists exactly if its manifest row does, which its blobs share a transaction with.
//! * After a failed write or sync the file is opened anew: what a failed sync left in caches is not trusted.

mod commit;
mod examine;
mod frozen;
mod index;
mod install;
mod load;
mod lock;
mod open;
mod options;
mod split;
mod tables;
mod tidy;

use std::ops::Range;

use redb::Database;
use statefun::{Generation, Lineage};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::{FrozenEpoch, Manifest, SnapshotStore, StoreError};
use statefun_protocol::storage::GROUP_SYSTEM;

use crate::error::{damaged, io};
pub use examine::Examination;
use index::Index;
use lock::DirectoryLock;
pub use options::OpenOptions;
pub(crate) use tables::{decode_manifest, encode_manifest};
use tidy::Round;

/// Opens the file: once at first, and again after every failure.
type Opener = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send>;

/// A snapshot store in a data directory.
pub struct RedbStore {
    open: Opener,
    /// `None` after a failure, until it is opened anew.
    database: Option<Database>,
    index: Index,
    round: Option<Round>,
    options: OpenOptions,
    generation: Generation,
    lineage: Lineage,
    // Released last: fields are dropped in order.
    _lock: Option<DirectoryLock>,
}

/// How much a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Epochs whose deltas are not folded into the base.
    pub epochs: u64,
    /// The size of those deltas.
    pub delta_bytes: u64,
    /// The size of the base.
    pub base_bytes: u64,
    /// How many rows the base holds.
    pub base_rows: u64,
}

impl RedbStore {
    /// Which incarnation this is: one more each time the directory is opened.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The history that the state belongs to.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// How much there is.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            epochs: self.index.epochs.range(self.index.floor().0 + 1..).count() as u64,
            delta_bytes: self.index.delta_bytes(),
            base_bytes: self.index.base_bytes(),
            base_rows: self.index.groups.values().map(|group| group.rows).sum(),
        }
    }
}

impl SnapshotStore for RedbStore {
    fn manifest(&mut self) -> Result<Option<Manifest>, StoreError> {
        self.ensure_open()?;
        Ok(self.index.manifest)
    }

    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError> {
        self.commit_epochs(&[(manifest, parts)])
    }

    fn load(&mut self, groups: Range<u16>, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        self.load_groups(groups.collect(), each)
    }

    fn load_system(&mut self, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        self.load_groups(vec![GROUP_SYSTEM], each)
    }

    fn freeze(&mut self) -> Result<Option<Box<dyn FrozenEpoch>>, StoreError> {
        self.freeze_newest()
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.tidy_step()
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore")
            .field("generation", &self.generation)
            .field("manifest", &self.index.manifest)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// What can go wrong inside a transaction.
#[derive(Debug)]
enum Failure {
    Redb(redb::Error),
    Store(StoreError),
}

impl Failure {
    fn into_store_error(self, attempt: &str) -> StoreError {
        match self {
            Self::Redb(error) => failed(attempt)(error),
            Self::Store(error) => error,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

macro_rules! failures {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Self {
                Self::Redb(error.into())
            }
        }
    )*};
}

failures!(TransactionError, TableError, StorageError, CommitError, DatabaseError, SetDurabilityError);

/// Turns an error of redb into one of the port.
fn failed(attempt: &str) -> impl Fn(redb::Error) -> StoreError {
    move |error| match error {
        redb::Error::Corrupted(what) => damaged(statefun::Epoch::default(), format_args!("the file: {what}")),
        error => io(attempt, error),
    }
}

#[cfg(test)]
pub(crate) mod tests;
