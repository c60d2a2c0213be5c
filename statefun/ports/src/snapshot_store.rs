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

    /// Does a bounded piece of housekeeping (folding deltas into the base); `true` when there is more to do.
    ///
    /// # Errors
    /// When it failed; nothing is lost, it is tried again later.
    fn tidy(&mut self) -> Result<bool, StoreError>;
}
