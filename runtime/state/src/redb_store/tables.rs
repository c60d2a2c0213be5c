//! What lies where in the redb file.
//!
//! ```text
//!   meta     name                         "format" u32, "generation" u64, "lineage" u128, "summary", "manifest"
//!   epochs   epoch                        its blobs: pieces, bytes, rows, key groups of each
//!   deltas   (epoch, blob, piece)         blobs, cut in pieces that fit a page
//!   groups   key group                    up to which epoch it is folded, its blocks, bytes, rows
//!   base     (key group, block)           blocks of rows in key order
//! ```
//!
//! Numbers: least significant byte first. Rows of `epochs` and `groups` and the manifest end with a crc32 of what stands
//! before it, since a wrong number there would silently drop rows; blobs and blocks bring their own checksums. redb does
//! not verify its pages when it reads them, so whole rows could vanish: the summary says how many rows of `epochs` and
//! `groups` there are and what they add up to, and changes with them in the same transaction.
//!
//! A blob counts for a key group when its epoch is newer than what the group is folded up to, which is the greater of
//! the group's own row and `floor`. Blobs of epochs up to `floor` count for nobody and are deleted at leisure.

use redb::TableDefinition;
use statefun::{Epoch, Generation, Lineage};
use statefun_ports::snapshot_store::Manifest;

/// Version of all of the above.
pub(super) const FORMAT: u32 = 1;

pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const EPOCHS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("epochs");
pub(super) const DELTAS: TableDefinition<'static, (u64, u32, u32), &[u8]> = TableDefinition::new("deltas");
pub(super) const GROUPS: TableDefinition<'static, u16, &[u8]> = TableDefinition::new("groups");
pub(super) const BASE: TableDefinition<'static, (u16, u32), &[u8]> = TableDefinition::new("base");

pub(super) const META_FORMAT: &str = "format";
pub(super) const META_GENERATION: &str = "generation";
pub(super) const META_LINEAGE: &str = "lineage";
pub(super) const META_SUMMARY: &str = "summary";
pub(super) const META_MANIFEST: &str = "manifest";

/// What the rows of `epochs` and `groups` add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Blobs of epochs up to this one count for nobody.
    pub(super) floor: Epoch,
    rows: u64,
    sum: u64,
}

impl Summary {
    /// Of no rows.
    pub(super) fn empty(floor: Epoch) -> Self {
        Self { floor, rows: 0, sum: 0 }
    }

    pub(super) fn with_floor(self, floor: Epoch) -> Self {
        Self { floor, ..self }
    }

    pub(super) fn add_epoch(&mut self, epoch: u64, blobs: &[BlobEntry]) {
        self.add(weight(b"epoch", epoch, &encode_epoch(blobs)));
    }

    pub(super) fn remove_epoch(&mut self, epoch: u64, blobs: &[BlobEntry]) {
        self.remove(weight(b"epoch", epoch, &encode_epoch(blobs)));
    }

    pub(super) fn add_group(&mut self, group: u16, entry: &GroupEntry) {
        self.add(weight(b"group", u64::from(group), &encode_group(entry)));
    }

    pub(super) fn remove_group(&mut self, group: u16, entry: &GroupEntry) {
        self.remove(weight(b"group", u64::from(group), &encode_group(entry)));
    }

    fn add(&mut self, weight: u64) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(weight);
    }

    fn remove(&mut self, weight: u64) {
        self.rows -= 1;
        self.sum = self.sum.wrapping_sub(weight);
    }
}

fn weight(table: &[u8], key: u64, row: &[u8]) -> u64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(table);
    crc.update(&key.to_le_bytes());
    crc.update(row);
    u64::from(crc.finalize())
}

pub(super) fn encode_summary(summary: &Summary) -> Vec<u8> {
    seal([summary.floor.0, summary.rows, summary.sum].iter().flat_map(|number| number.to_le_bytes()).collect())
}

pub(super) fn decode_summary(bytes: &[u8]) -> Option<Summary> {
    let mut rest = unseal(bytes)?;
    let floor = Epoch(u64::from_le_bytes(take(&mut rest)?));
    let rows = u64::from_le_bytes(take(&mut rest)?);
    let sum = u64::from_le_bytes(take(&mut rest)?);
    rest.is_empty().then_some(Summary { floor, rows, sum })
}

/// A blob of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlobEntry {
    pub(super) pieces: u32,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// Ascending, at least one.
    pub(super) groups: Vec<u16>,
}

/// The base of a key group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupEntry {
    pub(super) folded: Epoch,
    pub(super) blocks: u32,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

pub(super) fn encode_epoch(blobs: &[BlobEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&(blobs.len() as u32).to_le_bytes());
    for blob in blobs {
        out.extend_from_slice(&blob.pieces.to_le_bytes());
        out.extend_from_slice(&blob.bytes.to_le_bytes());
        out.extend_from_slice(&blob.rows.to_le_bytes());
        out.extend_from_slice(&(blob.groups.len() as u32).to_le_bytes());
        blob.groups.iter().for_each(|group| out.extend_from_slice(&group.to_le_bytes()));
    }
    seal(out)
}

pub(super) fn decode_epoch(bytes: &[u8]) -> Option<Vec<BlobEntry>> {
    let mut rest = unseal(bytes)?;
    let count = u32::from_le_bytes(take(&mut rest)?);
    let mut blobs = Vec::new();
    for _ in 0..count {
        let pieces = u32::from_le_bytes(take(&mut rest)?);
        let bytes = u64::from_le_bytes(take(&mut rest)?);
        let rows = u64::from_le_bytes(take(&mut rest)?);
        let groups = u32::from_le_bytes(take(&mut rest)?);
        let groups = (0..groups).map(|_| take(&mut rest).map(u16::from_le_bytes)).collect::<Option<_>>()?;
        blobs.push(BlobEntry { pieces, bytes, rows, groups });
    }
    rest.is_empty().then_some(blobs)
}

pub(super) fn encode_group(entry: &GroupEntry) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&entry.folded.0.to_le_bytes());
    out.extend_from_slice(&entry.blocks.to_le_bytes());
    out.extend_from_slice(&entry.bytes.to_le_bytes());
    out.extend_from_slice(&entry.rows.to_le_bytes());
    seal(out)
}

pub(super) fn decode_group(bytes: &[u8]) -> Option<GroupEntry> {
    let mut rest = unseal(bytes)?;
    let entry = GroupEntry {
        folded: Epoch(u64::from_le_bytes(take(&mut rest)?)),
        blocks: u32::from_le_bytes(take(&mut rest)?),
        bytes: u64::from_le_bytes(take(&mut rest)?),
        rows: u64::from_le_bytes(take(&mut rest)?),
    };
    rest.is_empty().then_some(entry)
}

pub(crate) fn encode_manifest(manifest: &Manifest) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&manifest.epoch.0.to_le_bytes());
    out.extend_from_slice(&manifest.generation.0.to_le_bytes());
    out.extend_from_slice(&manifest.lineage.0.to_le_bytes());
    out.extend_from_slice(&manifest.key_groups.to_le_bytes());
    seal(out)
}

pub(crate) fn decode_manifest(bytes: &[u8]) -> Option<Manifest> {
    let mut rest = unseal(bytes)?;
    let manifest = Manifest {
        epoch: Epoch(u64::from_le_bytes(take(&mut rest)?)),
        generation: Generation(u64::from_le_bytes(take(&mut rest)?)),
        lineage: Lineage(u128::from_le_bytes(take(&mut rest)?)),
        key_groups: u16::from_le_bytes(take(&mut rest)?),
    };
    rest.is_empty().then_some(manifest)
}

fn seal(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
    out
}

fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (content, crc) = bytes.split_last_chunk()?;
    (crc32fast::hash(content) == u32::from_le_bytes(*crc)).then_some(content)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_and_every_damaged_byte_is_noticed() {
        let blobs = vec![
            BlobEntry { pieces: 2, bytes: 300_000, rows: 7, groups: vec![0, 5, 0xffff] },
            BlobEntry { pieces: 1, bytes: 3, rows: 1, groups: vec![9] },
        ];
        let group = GroupEntry { folded: Epoch(9), blocks: 3, bytes: 200_000, rows: 5_000 };
        let manifest =
            Manifest { epoch: Epoch(3), generation: Generation(2), lineage: Lineage(1 << 100), key_groups: 128 };
        assert_eq!(decode_epoch(&encode_epoch(&blobs)), Some(blobs.clone()));
        assert_eq!(decode_group(&encode_group(&group)), Some(group));
        let mut summary = Summary { floor: Epoch(4), ..Summary::default() };
        summary.add_epoch(3, &blobs);
        summary.add_group(5, &group);
        assert_eq!(decode_summary(&encode_summary(&summary)), Some(summary));
        summary.remove_epoch(3, &blobs);
        summary.remove_group(5, &group);
        assert_eq!(summary, Summary { floor: Epoch(4), ..Summary::default() });
        assert_eq!(decode_manifest(&encode_manifest(&manifest)), Some(manifest));
        let encoded = encode_epoch(&blobs);
        for index in 0..encoded.len() {
            let mut bytes = encoded.clone();
            bytes[index] ^= 1;
            assert_eq!(decode_epoch(&bytes), None, "byte {index}");
        }
    }
}
