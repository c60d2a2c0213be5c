//! What can be chosen about a store.

use statefun::Lineage;

/// How a [`RedbStore`](super::RedbStore) is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The lineage of the state if the directory is new, drawn by the caller; an existing directory keeps its own.
    pub lineage: Lineage,
    /// How much redb may cache, in bytes. State lives in memory anyway, so this serves loading and folding only.
    pub cache_bytes: usize,
    /// Deltas smaller than this are never folded, in bytes; greater ones when they outgrow the base.
    pub delta_bytes_min: u64,
    /// More epochs than this are folded whatever their size, because each costs recovery a little.
    pub delta_epochs_max: usize,
    /// How many of the newest epochs that hold anything the store can go back to, the newest one included; at least 1.
    /// Older ones are folded away.
    pub epochs_retained: usize,
    /// How many bytes of blobs folding and loading keep in memory for the next key groups.
    pub blob_cache_bytes: usize,
}

impl OpenOptions {
    /// Defaults that work, and the lineage that a new directory gets.
    #[must_use]
    pub fn new(lineage: Lineage) -> Self {
        Self {
            lineage,
            cache_bytes: 64 << 20,
            delta_bytes_min: 32 << 20,
            delta_epochs_max: 8192,
            epochs_retained: 4,
            blob_cache_bytes: 256 << 20,
        }
    }
}
