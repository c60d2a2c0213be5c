//! Folding deltas into the base, a key group at a time.

use std::collections::VecDeque;

use redb::{Database, ReadableDatabase};
use statefun::Epoch;
use statefun_ports::snapshot_store::StoreError;
use statefun_protocol::storage::block::EncodedBlock;

use super::load::{BlobCache, GroupReader};
use super::open::loudly;
use super::tables::{self, BASE, DELTAS, EPOCHS, GROUPS, GroupEntry, META, META_SUMMARY, Summary};
use super::{Failure, RedbStore};

/// How many pieces of folded blobs one step deletes, unless a single epoch has more.
const PIECES_PER_STEP: u32 = 512;

/// One pass over the key groups.
#[derive(Debug)]
pub(super) struct Round {
    /// Epochs up to this one are folded.
    target: Epoch,
    /// Groups that are left, ascending.
    groups: VecDeque<u16>,
    cache: BlobCache,
}

impl RedbStore {
    pub(super) fn tidy_step(&mut self) -> Result<bool, StoreError> {
        self.ensure_open()?;
        let step = loudly(|| self.step().map_err(|failure| failure.into_store_error("fold the state")));
        if step.is_err() {
            // Whether it was written or not, the file says.
            self.close();
        }
        step
    }

    fn step(&mut self) -> Result<bool, Failure> {
        if self.index.epochs.first_key_value().is_some_and(|(&epoch, _)| epoch <= self.index.floor().0) {
            self.delete_folded()?;
            return Ok(true);
        }
        if let Some(round) = self.round.take() {
            self.advance(round)?;
            return Ok(true);
        }
        let Some(target) = self.index.nth_newest(self.options.epochs_retained) else { return Ok(false) };
        if !self.is_due(target) {
            return Ok(false);
        }
        let groups = self.index.changed_up_to(target).into_iter().collect();
        self.round = Some(Round { target, groups, cache: BlobCache::new(self.options.blob_cache_bytes) });
        Ok(true)
    }

    /// Whether what can be folded up to `target` is worth it.
    fn is_due(&self, target: Epoch) -> bool {
        let epochs = self.index.unfolded(target).count();
        let bytes: u64 = self.index.unfolded(target).flat_map(|(_, blobs)| blobs).map(|blob| blob.bytes).sum();
        epochs > self.options.delta_epochs_max || bytes > self.options.delta_bytes_min.max(self.index.base_bytes())
    }

    /// Folds the next group, or ends the round.
    fn advance(&mut self, mut round: Round) -> Result<(), Failure> {
        let database = self.database()?;
        let Some(group) = round.groups.pop_front() else {
            let summary = self.index.summary.with_floor(round.target);
            raise_floor(database, &summary)?;
            self.index.summary = summary;
            return Ok(());
        };
        let mut reader = GroupReader::new(&database.begin_read()?, std::mem::take(&mut round.cache))?;
        let blocks = reader.read(&self.index, group, round.target)?.fold()?;
        round.cache = reader.into_cache();
        let before = self.index.groups.get(&group);
        let blocks_before = before.map_or(0, |entry| entry.blocks);
        let entry = GroupEntry {
            folded: round.target,
            blocks: u32::try_from(blocks.len()).expect("a group's base has fewer than 2^32 blocks"),
            bytes: blocks.iter().map(|block| block.bytes.len() as u64).sum(),
            rows: blocks.iter().map(|block| block.rows).sum(),
        };
        let mut summary = self.index.summary;
        if let Some(before) = before {
            summary.remove_group(group, before);
        }
        summary.add_group(group, &entry);
        write_base(database, group, &blocks, blocks_before, &entry, &summary)?;
        self.index.summary = summary;
        self.index.groups.insert(group, entry);
        self.round = Some(round);
        Ok(())
    }

    /// Deletes blobs that count for nobody, oldest first.
    fn delete_folded(&mut self) -> Result<(), Failure> {
        let database = self.database()?;
        let (mut pieces, mut epochs, mut summary) = (0, Vec::new(), self.index.summary);
        for (&epoch, blobs) in self.index.epochs.range(..=self.index.floor().0) {
            let more: u32 = blobs.iter().map(|blob| blob.pieces).sum();
            if !epochs.is_empty() && pieces + more > PIECES_PER_STEP {
                break;
            }
            pieces += more;
            epochs.push(epoch);
            summary.remove_epoch(epoch, blobs);
        }
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut deltas = transaction.open_table(DELTAS)?;
            let mut rows = transaction.open_table(EPOCHS)?;
            for &epoch in &epochs {
                rows.remove(epoch)?;
            }
            if let (Some(&first), Some(&last)) = (epochs.first(), epochs.last()) {
                deltas.retain_in((first, 0, 0)..=(last, u32::MAX, u32::MAX), |_, _| false)?;
            }
            transaction.open_table(META)?.insert(META_SUMMARY, tables::encode_summary(&summary).as_slice())?;
        }
        transaction.commit()?;
        self.index.summary = summary;
        for epoch in epochs {
            self.index.epochs.remove(&epoch);
        }
        Ok(())
    }
}

/// One transaction: the new base of a group and the row that says up to where deltas are in it.
fn write_base(
    database: &Database,
    group: u16,
    blocks: &[EncodedBlock],
    blocks_before: u32,
    entry: &GroupEntry,
    summary: &Summary,
) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut base = transaction.open_table(BASE)?;
        for (number, block) in (0..).zip(blocks) {
            base.insert((group, number), &*block.bytes)?;
        }
        for number in entry.blocks..blocks_before {
            base.remove((group, number))?;
        }
        transaction.open_table(GROUPS)?.insert(group, tables::encode_group(entry).as_slice())?;
        transaction.open_table(META)?.insert(META_SUMMARY, tables::encode_summary(summary).as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

fn raise_floor(database: &Database, summary: &Summary) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    transaction.open_table(META)?.insert(META_SUMMARY, tables::encode_summary(summary).as_slice())?;
    transaction.commit()?;
    Ok(())
}
