//! From a frozen epoch to a savepoint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use statefun_ports::snapshot_store::{FrozenEpoch, StoreError};

use super::about::About;
use super::{SavepointError, SavepointManifest, SavepointWriter};
use crate::error::damaged;

/// The greatest sequence number that an epoch holds for each egress that it holds records for.
///
/// # Errors
/// When the epoch cannot be read.
pub fn outboxes(epoch: &mut dyn FrozenEpoch) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut outboxes = BTreeMap::new();
    let newest = epoch.manifest().epoch;
    epoch.rows(None, &mut |key, value| {
        if let About::Outbox { egress, seq } = About::row(key, value).map_err(|error| damaged(newest, error))? {
            let greatest = outboxes.entry(egress.into_owned()).or_insert(seq);
            *greatest = seq.max(*greatest);
        }
        Ok(())
    })?;
    Ok(outboxes)
}

/// A savepoint that is being made from a frozen epoch.
pub struct Saving {
    epoch: Box<dyn FrozenEpoch>,
    writer: SavepointWriter,
}

impl Saving {
    /// Writes the rows of all key groups to a savepoint at `target`.
    ///
    /// # Errors
    /// When the epoch cannot be read or the savepoint cannot be written; nothing is left behind then.
    pub fn begin(mut epoch: Box<dyn FrozenEpoch>, target: &Path) -> Result<Self, SavepointError> {
        let mut writer = SavepointWriter::create(target)?;
        for group in 0..epoch.manifest().key_groups {
            copy(&mut *epoch, Some(group), &mut writer, &|_| true)?;
        }
        Ok(Self { epoch, writer })
    }

    /// Writes the rows that belong to no key group and ends the savepoint. Of egresses, it holds the records that
    /// `unpublished` names, and all of those in `kept`, which keep their records for good.
    ///
    /// # Errors
    /// When the epoch cannot be read or the savepoint cannot be written; nothing is left behind then.
    pub fn finish(
        mut self,
        unpublished: &BTreeMap<String, BTreeSet<u64>>,
        kept: &BTreeSet<String>,
    ) -> Result<SavepointManifest, SavepointError> {
        copy(&mut *self.epoch, None, &mut self.writer, &|about| match about {
            About::Outbox { egress, seq } => {
                kept.contains(&**egress) || unpublished.get(&**egress).is_some_and(|seqs| seqs.contains(seq))
            }
            _ => true,
        })?;
        self.writer.finish(&self.epoch.manifest())
    }
}

fn copy(
    epoch: &mut dyn FrozenEpoch,
    group: Option<u16>,
    writer: &mut SavepointWriter,
    is_wanted: &dyn Fn(&About<'_>) -> bool,
) -> Result<(), SavepointError> {
    let newest = epoch.manifest().epoch;
    let mut failed = None;
    let copied = epoch.rows(group, &mut |key, value| {
        let about = About::row(key, value).map_err(|error| damaged(newest, error))?;
        if !is_wanted(&about) {
            return Ok(());
        }
        writer.push(key, value).map_err(|error| {
            let told = damaged(newest, &error);
            failed = Some(error);
            told
        })
    });
    match (failed, copied) {
        (Some(error), _) => Err(error),
        (None, copied) => copied.map_err(SavepointError::from),
    }
}
