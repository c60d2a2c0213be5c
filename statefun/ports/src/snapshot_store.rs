//! Where epochs become durable.

use std::ops::Range;

use statefun::{Epoch, Generation, Lineage};

use crate::keyed_state::EncodedPart;
use crate::rows::{RowKey, RowValue};

/// The newest manifest, as read at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The newest completed epoch.
    pub epoch: Epoch,
    /// The generation that wrote it.
    pub generation: Generation,
    /// The history it belongs to.
    pub lineage: Lineage,
    /// How many key groups the state is dealt in.
    pub key_groups: u16,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else runs on this data directory.
    #[error("data directory {path} is in use by {owner}")]
    InUse {
        /// The directory.
        path: String,
        /// Host and process.
        owner: String,
    },
    /// The format is newer than this program.
    #[error("{path} has format {found}, this program reads up to {known}: use a newer program")]
    NewerFormat {
        /// The file.
        path: String,
        /// Its format.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// A part does not match its checksum.
    #[error("snapshot {epoch} is damaged: {what}")]
    Damaged {
        /// The newest epoch that the damage touches.
        epoch: Epoch,
        /// Which part and how.
        what: String,
    },
    /// Reading or writing failed. Nothing was committed unless said otherwise.
    #[error("cannot {attempt}: {cause}")]
    Io {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        cause: String,
    },
}

/// Keeps what epochs hold.
pub trait SnapshotStore: Send {
    /// The newest manifest, or `None` when there never was an epoch.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    fn manifest(&mut self) -> Result<Option<Manifest>, StoreError>;

    /// Makes all parts of an epoch and its manifest durable, atomically: afterwards the epoch exists.
    ///
    /// # Errors
    /// When it is not durable; the store then holds what it held before.
    fn commit(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError>;

    /// Calls `each` for every row of a range of key groups, groups ascending, rows in key order within a group.
    ///
    /// # Errors
    /// When something cannot be read or is damaged.
    fn load(&mut self, groups: Range<u16>, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError>;

    /// The same for the rows that belong to no key group.
    ///
    /// # Errors
    /// When something cannot be read or is damaged.
    fn load_system(&mut self, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError>;

    /// The newest epoch as it is now, to be read at leisure while the store goes on. `None` when there never was one.
    ///
    /// # Errors
    /// When it cannot be read, or this store cannot do that, which is the default.
    fn freeze(&mut self) -> Result<Option<Box<dyn FrozenEpoch>>, StoreError> {
        let cause = "this store cannot be read while it goes on".to_owned();
        Err(StoreError::Io { attempt: "freeze an epoch".to_owned(), cause })
    }

    /// Does a bounded piece of housekeeping (folding deltas into the base); `true` when there is more to do.
    ///
    /// # Errors
    /// When it failed; nothing is lost, it is tried again later.
    fn tidy(&mut self) -> Result<bool, StoreError>;
}

/// What an epoch holds, as it is encoded: what a copy of it is made from.
pub trait FrozenEpoch: Send {
    /// Which epoch it is.
    fn manifest(&self) -> Manifest;

    /// Calls `each` with key and value of every row of a key group, or of the rows that belong to none, in key order.
    ///
    /// # Errors
    /// When something cannot be read or is damaged, and what `each` returns.
    fn rows(&mut self, group: Option<u16>, each: &mut EachRow<'_>) -> Result<(), StoreError>;
}

/// Takes a row, as key and value.
pub type EachRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;
