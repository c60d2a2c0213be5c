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
    /// Makes epochs exist, ascending ones, all of them or none.
    pub(crate) fn commit_epochs(&mut self, epochs: &[(Manifest, &[EncodedPart])]) -> Result<(), StoreError> {
        let Some((manifest, _)) = epochs.last() else { return Ok(()) };
        let manifest = *manifest;
        let attempt = format!("commit {}", manifest.epoch);
        self.ensure_open()?;
        let mut newest = self.index.manifest.map(|newest| newest.epoch);
        let mut summary = self.index.summary;
        let mut pending = Vec::with_capacity(epochs.len());
        for (manifest, parts) in epochs {
            if let Some(newest) = newest.filter(|newest| *newest >= manifest.epoch) {
                return Err(io(attempt, format_args!("{newest} exists already")));
            }
            newest = Some(manifest.epoch);
            let mut blobs = Vec::new();
            for part in *parts {
                let what = |error| damaged(manifest.epoch, format_args!("part of {}: {error}", part.participant));
                blobs.extend(split::split(part, PIECE_BYTES_MAX).map_err(what)?);
            }
            let entries: Vec<BlobEntry> = blobs.iter().map(entry).collect();
            if !entries.is_empty() {
                summary.add_epoch(manifest.epoch.0, &entries);
            }
            pending.push(Pending { epoch: manifest.epoch.0, blobs, entries });
        }
        let database = self.database()?;
        let written = loudly(|| {
            let written = write(database, &manifest, &pending, &summary);
            written.map_err(|failure| failure.into_store_error(&attempt))
        });
        if let Err(error) = written {
            self.take_back(&manifest, &pending);
            return Err(error);
        }
        self.index.manifest = Some(manifest);
        self.index.summary = summary;
        for Pending { epoch, entries, .. } in pending {
            if !entries.is_empty() {
                self.index.epochs.insert(epoch, entries);
            }
        }
        Ok(())
    }

    /// Makes sure that epochs whose commit failed do not exist: a sync that failed may have written it all the same,
    /// but its promise was not kept. If that cannot be done now, the store stays closed and it is found out when it is
    /// opened next.
    fn take_back(&mut self, manifest: &Manifest, epochs: &[Pending]) {
        let (before, summary) = (self.index.manifest, self.index.summary);
        self.close();
        if self.ensure_open().is_err() || self.index.manifest == before {
            return;
        }
        let Some(database) = &self.database else { return };
        let removed = loudly(|| {
            let removed = remove(database, epochs, before.as_ref(), &summary);
            removed.map_err(|failure| failure.into_store_error("take an epoch back"))
        });
        if let Err(error) = removed {
            tracing::warn!(epoch = %manifest.epoch, %error, "an epoch whose commit failed could not be removed");
            self.close();
            return;
        }
        self.index.manifest = before;
        self.index.summary = summary;
        for Pending { epoch, .. } in epochs {
            self.index.epochs.remove(epoch);
        }
    }
}

/// An epoch that is being written.
struct Pending {
    epoch: u64,
    blobs: Vec<SubBlob>,
    entries: Vec<BlobEntry>,
}

fn entry(blob: &SubBlob) -> BlobEntry {
    BlobEntry {
        pieces: u32::try_from(blob.len().div_ceil(PIECE_BYTES_MAX)).expect("a part fits memory"),
        bytes: blob.len() as u64,
        rows: blob.rows,
        groups: blob.groups.clone(),
    }
}

fn write(database: &Database, manifest: &Manifest, epochs: &[Pending], summary: &Summary) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    // Recovery must not walk the whole file; the measurements are in the decision record.
    transaction.set_quick_repair(true);
    {
        let mut deltas = transaction.open_table(DELTAS)?;
        let mut rows = transaction.open_table(EPOCHS)?;
        for Pending { epoch, blobs, entries } in epochs {
            for (number, blob) in (0..).zip(blobs) {
                put_pieces(&mut deltas, *epoch, number, &blob.chunks)?;
            }
            if !entries.is_empty() {
                rows.insert(epoch, tables::encode_epoch(entries).as_slice())?;
            }
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
    epochs: &[Pending],
    before: Option<&Manifest>,
    summary: &Summary,
) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut rows = transaction.open_table(EPOCHS)?;
        let mut deltas = transaction.open_table(DELTAS)?;
        for &Pending { epoch, .. } in epochs {
            rows.remove(epoch)?;
            deltas.retain_in((epoch, 0, 0)..=(epoch, u32::MAX, u32::MAX), |_, _| false)?;
            debug_assert!(deltas.range((epoch, 0, 0)..=(epoch, u32::MAX, u32::MAX))?.next().is_none());
        }
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
