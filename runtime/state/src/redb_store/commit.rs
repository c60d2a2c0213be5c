//! Making an epoch exist.

use bytes::Bytes;
use redb::{Database, ReadableTable, Table};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::snapshot_store::{Manifest, StoreError};

use super::open::loudly;
use super::split::{self, SubBlob};
use super::tables::{self, BlobEntry, DELTAS, EPOCHS, META, META_MANIFEST, META_SUMMARY, Summary};
use super::{Failure, RedbStore};
use crate::error::{damaged, io};

/// A piece and what redb adds to it fill a page of a power of two.
pub(super) const PIECE_BYTES_MAX: usize = (256 << 10) - 256;

impl RedbStore {
    pub(super) fn commit_epoch(&mut self, manifest: Manifest, parts: &[EncodedPart]) -> Result<(), StoreError> {
        let attempt = format!("commit {}", manifest.epoch);
        self.ensure_open()?;
        if let Some(newest) = self.index.manifest.filter(|newest| newest.epoch >= manifest.epoch) {
            return Err(io(attempt, format_args!("{} exists already", newest.epoch)));
        }
        let mut blobs = Vec::new();
        for part in parts {
            let what = |error| damaged(manifest.epoch, format_args!("part of {}: {error}", part.participant));
            blobs.extend(split::split(part, PIECE_BYTES_MAX).map_err(what)?);
        }
        let entries: Vec<BlobEntry> = blobs.iter().map(entry).collect();
        let mut summary = self.index.summary;
        if !entries.is_empty() {
            summary.add_epoch(manifest.epoch.0, &entries);
        }
        let database = self.database()?;
        let written = loudly(|| {
            let written = write(database, &manifest, &blobs, &entries, &summary);
            written.map_err(|failure| failure.into_store_error(&attempt))
        });
        if let Err(error) = written {
            self.take_back(&manifest);
            return Err(error);
        }
        self.index.manifest = Some(manifest);
        self.index.summary = summary;
        if !entries.is_empty() {
            self.index.epochs.insert(manifest.epoch.0, entries);
        }
        Ok(())
    }

    /// Makes sure that an epoch whose commit failed does not exist: a sync that failed may have written it all the same,
    /// but its promise was not kept. If that cannot be done now, the store stays closed and it is found out when it is
    /// opened next.
    fn take_back(&mut self, manifest: &Manifest) {
        let (before, summary) = (self.index.manifest, self.index.summary);
        self.close();
        if self.ensure_open().is_err() || self.index.manifest == before {
            return;
        }
        let Some(database) = &self.database else { return };
        let removed = loudly(|| {
            let removed = remove(database, manifest, before.as_ref(), &summary);
            removed.map_err(|failure| failure.into_store_error("take an epoch back"))
        });
        if let Err(error) = removed {
            tracing::warn!(epoch = %manifest.epoch, %error, "an epoch whose commit failed could not be removed");
            self.close();
            return;
        }
        self.index.manifest = before;
        self.index.summary = summary;
        self.index.epochs.remove(&manifest.epoch.0);
    }
}

fn entry(blob: &SubBlob) -> BlobEntry {
    BlobEntry {
        pieces: u32::try_from(blob.len().div_ceil(PIECE_BYTES_MAX)).expect("a part fits memory"),
        bytes: blob.len() as u64,
        rows: blob.rows,
        groups: blob.groups.clone(),
    }
}

fn write(
    database: &Database,
    manifest: &Manifest,
    blobs: &[SubBlob],
    entries: &[BlobEntry],
    summary: &Summary,
) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    // Recovery must not walk the whole file; the measurements are in the decision record.
    transaction.set_quick_repair(true);
    {
        let epoch = manifest.epoch.0;
        let mut deltas = transaction.open_table(DELTAS)?;
        for (number, blob) in (0..).zip(blobs) {
            put_pieces(&mut deltas, epoch, number, &blob.chunks)?;
        }
        if !entries.is_empty() {
            transaction.open_table(EPOCHS)?.insert(epoch, tables::encode_epoch(entries).as_slice())?;
        }
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_MANIFEST, tables::encode_manifest(manifest).as_slice())?;
        meta.insert(META_SUMMARY, tables::encode_summary(summary).as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// Copies chunks straight into pages, cut anew into pieces.
fn put_pieces(
    deltas: &mut Table<'_, (u64, u32, u32), &'static [u8]>,
    epoch: u64,
    number: u32,
    chunks: &[Bytes],
) -> Result<(), Failure> {
    let mut left: usize = chunks.iter().map(Bytes::len).sum();
    let mut chunks = chunks.iter();
    let mut rest: &[u8] = &[];
    for piece in 0.. {
        if left == 0 {
            break;
        }
        let len = left.min(PIECE_BYTES_MAX);
        let mut place = deltas.insert_reserve((epoch, number, piece), len)?;
        let mut place = place.as_mut();
        while !place.is_empty() {
            if rest.is_empty() {
                rest = chunks.next().expect("the chunks are as long as their sum");
                continue;
            }
            let count = rest.len().min(place.len());
            let (filled, unfilled) = place.split_at_mut(count);
            filled.copy_from_slice(&rest[..count]);
            (place, rest) = (unfilled, &rest[count..]);
        }
        left -= len;
    }
    Ok(())
}

fn remove(
    database: &Database,
    manifest: &Manifest,
    before: Option<&Manifest>,
    summary: &Summary,
) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let epoch = manifest.epoch.0;
        transaction.open_table(EPOCHS)?.remove(epoch)?;
        let mut deltas = transaction.open_table(DELTAS)?;
        deltas.retain_in((epoch, 0, 0)..=(epoch, u32::MAX, u32::MAX), |_, _| false)?;
        debug_assert!(deltas.range((epoch, 0, 0)..=(epoch, u32::MAX, u32::MAX))?.next().is_none());
        let mut meta = transaction.open_table(META)?;
        meta.insert(META_SUMMARY, tables::encode_summary(summary).as_slice())?;
        match before {
            Some(before) => drop(meta.insert(META_MANIFEST, tables::encode_manifest(before).as_slice())?),
            None => drop(meta.remove(META_MANIFEST)?),
        }
    }
    transaction.commit()?;
    Ok(())
}
