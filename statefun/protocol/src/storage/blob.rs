//! What one participant changed in one epoch.
//!
//! ```text
//!   ┌────────────────────────────────────────────────────────────────────────────────────┐
//!   │ "SFDL" │ version u8 │ row version u8 │ header bytes u32 (all up to the sections)   │ header
//!   │ generation u64 │ epoch u64 │ participant: varint length, UTF-8 │ sections u32      │
//!   │ per section: group u16 │ offset u64 │ bytes u64 │ rows u64 │ crc32 u32             │ index
//!   │ crc32 u32 of everything above                                                      │
//!   ├────────────────────────────────────────────────────────────────────────────────────┤
//!   │ rows of the first group, one after the other (frame.rs), in the order written      │ section
//!   ├────────────────────────────────────────────────────────────────────────────────────┤
//!   │ rows of the second group …                                                         │ section
//!   └────────────────────────────────────────────────────────────────────────────────────┘
//!   numbers: least significant byte first; offsets: from the first section; groups: ascending, that of the system last
//! ```
//!
//! A section per key group, so that a shard can load its groups and nothing else when groups are dealt anew, and a
//! checksum per section, so that damage is told apart to the group. A row's group is read from its key: the two cannot
//! disagree. The same key may be written more than once; the last one counts.
//!
//! The header is written last but stands first, which is why a finished blob is a list of chunks: sections are handed
//! out as they are, without copying them behind the header.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::frame::{self, Frames, Row};
use super::{ROW_VERSION, RowKey};
use crate::varint;

const MAGIC: &[u8; 4] = b"SFDL";
const VERSION: u8 = 1;
const PREFIX_LEN: usize = 10;
const INDEX_ENTRY_LEN: usize = 2 + 8 + 8 + 8 + 4;
const CRC_LEN: usize = 4;

/// Whose changes, and of which epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId {
    /// Who changed something.
    pub participant: String,
    /// The incarnation of the system that wrote it.
    pub generation: u64,
    /// The epoch that the changes belong to.
    pub epoch: u64,
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delta of {} in epoch {} (generation {})", self.participant, self.epoch, self.generation)
    }
}

/// Why a blob cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// It does not begin like one.
    #[error("{len} bytes are no delta: they do not begin like one")]
    NotABlob {
        /// How long it is.
        len: usize,
    },
    /// A newer program wrote it.
    #[error("a delta has format {found}, this program reads up to {known}: use a newer program")]
    NewerFormat {
        /// Its version: of the layout, or of the rows in it.
        found: u8,
        /// The newest known.
        known: u8,
    },
    /// The header or the index is damaged, so it is not even sure whose delta it is.
    #[error("the header of a delta of {len} bytes is damaged: {what}")]
    Header {
        /// How long the blob is.
        len: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A section is damaged; others may be readable.
    #[error("{blob} is damaged in the section of key group {group}: {what}")]
    Section {
        /// Whose delta.
        blob: BlobId,
        /// The section's key group.
        group: u16,
        /// What is wrong.
        what: &'static str,
    },
}

/// Collects the changes of one participant in one epoch.
#[derive(Debug)]
pub struct BlobWriter {
    id: BlobId,
    sections: SectionBuffers,
    scratch: Vec<u8>,
}

#[derive(Debug, Default)]
struct SectionBuffer {
    bytes: Vec<u8>,
    rows: u64,
    /// Of the first `summed` bytes. Computed as rows come: at the end nobody may have the time for megabytes at once.
    checksum: crc32fast::Hasher,
    summed: usize,
}

/// How many bytes of a section may be without checksum.
const UNSUMMED_MAX: usize = 8 << 10;

impl SectionBuffer {
    fn append(&mut self, row: Row<'_>) {
        frame::put(&mut self.bytes, row);
        self.rows += 1;
        if self.bytes.len() - self.summed >= UNSUMMED_MAX {
            self.checksum.update(&self.bytes[self.summed..]);
            self.summed = self.bytes.len();
        }
    }

    fn checksum(&self) -> u32 {
        let mut checksum = self.checksum.clone();
        checksum.update(&self.bytes[self.summed..]);
        checksum.finalize()
    }
}

/// Sections by key group. Rows come in any order and are many, so the groups that there usually are have their place.
#[derive(Debug, Default)]
struct SectionBuffers {
    /// Of groups below [`NEAR_GROUPS`]; those without rows are not written.
    near: Vec<SectionBuffer>,
    far: BTreeMap<u16, SectionBuffer>,
}

const NEAR_GROUPS: u16 = 1024;

impl SectionBuffers {
    #[inline]
    fn of(&mut self, group: u16) -> &mut SectionBuffer {
        if group >= NEAR_GROUPS {
            return self.far.entry(group).or_default();
        }
        if usize::from(group) >= self.near.len() {
            self.near.resize_with(usize::from(group) + 1, SectionBuffer::default);
        }
        &mut self.near[usize::from(group)]
    }

    /// Those with rows, groups ascending.
    fn iter(&self) -> impl Iterator<Item = (u16, &SectionBuffer)> {
        let near = (0..).zip(&self.near).filter(|(_, section)| section.rows > 0);
        near.chain(self.far.iter().map(|(group, section)| (*group, section)))
    }

    fn into_iter(self) -> impl Iterator<Item = SectionBuffer> {
        self.near.into_iter().filter(|section| section.rows > 0).chain(self.far.into_values())
    }
}

impl BlobWriter {
    /// Begins a blob without rows.
    #[must_use]
    pub fn new(id: BlobId) -> Self {
        Self { id, sections: SectionBuffers::default(), scratch: Vec::new() }
    }

    /// Adds a row, or a tombstone when `value` is `None`. Rows come in any order.
    ///
    /// # Panics
    /// When `key` is too short to hold a key group; keys come from [`RowKey`].
    pub fn append(&mut self, key: &[u8], value: Option<&[u8]>) {
        let group = key.first_chunk().copied().map(u16::from_be_bytes).expect("a row key begins with its key group");
        self.sections.of(group).append(Row { key, value });
    }

    /// The same for a key that is not encoded yet.
    pub fn append_key(&mut self, key: &RowKey<'_>, value: Option<&[u8]>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        key.encode(&mut scratch);
        self.append(&scratch, value);
        self.scratch = scratch;
    }

    /// How many rows were added.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.sections.iter().map(|(_, section)| section.rows).sum()
    }

    /// How many bytes the rows take so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sections.iter().map(|(_, section)| section.bytes.len() as u64).sum()
    }

    /// Computes the checksums and hands out the blob in chunks: the header, then each section.
    ///
    /// # Panics
    /// When the participant's name does not fit a header (4 GiB).
    #[must_use]
    pub fn finish(self) -> Vec<Bytes> {
        let participant = self.id.participant.as_bytes();
        let fixed_len = PREFIX_LEN + 8 + 8 + varint::len(participant.len() as u64) + participant.len() + 4;
        let sections_count = self.sections.iter().count();
        let header_len = fixed_len + sections_count * INDEX_ENTRY_LEN + CRC_LEN;

        let mut header = Vec::with_capacity(header_len);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&[VERSION, ROW_VERSION]);
        header.extend_from_slice(&u32::try_from(header_len).expect("names are short").to_le_bytes());
        header.extend_from_slice(&self.id.generation.to_le_bytes());
        header.extend_from_slice(&self.id.epoch.to_le_bytes());
        varint::put_slice(&mut header, participant);
        header.extend_from_slice(&(sections_count as u32).to_le_bytes());
        let mut offset = 0u64;
        for (group, section) in self.sections.iter() {
            let len = section.bytes.len() as u64;
            header.extend_from_slice(&group.to_le_bytes());
            header.extend_from_slice(&offset.to_le_bytes());
            header.extend_from_slice(&len.to_le_bytes());
            header.extend_from_slice(&section.rows.to_le_bytes());
            header.extend_from_slice(&section.checksum().to_le_bytes());
            offset += len;
        }
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        debug_assert_eq!(header.len(), header_len);

        let sections = self.sections.into_iter().map(|section| section.bytes.into());
        std::iter::once(header.into()).chain(sections).collect()
    }
}

/// A blob whose header was read and verified. Sections are verified when they are asked for.
#[derive(Clone, Debug)]
pub struct Blob<'a> {
    id: BlobId,
    index: Vec<IndexEntry>,
    body: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    group: u16,
    offset: u64,
    len: u64,
    rows: u64,
    crc: u32,
}

/// The verified rows of one key group.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    group: u16,
    rows: u64,
    bytes: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Reads and verifies the header of a whole blob.
    ///
    /// # Errors
    /// When `bytes` is no blob, a newer one, or its header is damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, BlobError> {
        let (&prefix, _) = bytes.split_first_chunk::<PREFIX_LEN>().ok_or(BlobError::NotABlob { len: bytes.len() })?;
        let [m0, m1, m2, m3, version, row_version, header_len @ ..] = prefix;
        if [m0, m1, m2, m3] != *MAGIC {
            return Err(BlobError::NotABlob { len: bytes.len() });
        }
        for (found, known) in [(version, VERSION), (row_version, ROW_VERSION)] {
            if found > known {
                return Err(BlobError::NewerFormat { found, known });
            }
        }
        let damaged = |what| BlobError::Header { len: bytes.len(), what };
        let (header, body) =
            bytes.split_at_checked(u32::from_le_bytes(header_len) as usize).ok_or_else(|| damaged("it is cut off"))?;
        let (header, crc) = header.split_last_chunk::<CRC_LEN>().ok_or_else(|| damaged("it is too short"))?;
        if crc32fast::hash(header) != u32::from_le_bytes(*crc) {
            return Err(damaged("its checksum does not match"));
        }
        let fields = header.get(PREFIX_LEN..).ok_or_else(|| damaged("it is too short"))?;
        let (id, index) = read_header(fields).ok_or_else(|| damaged("its fields do not fit"))?;
        if !index.is_sorted_by(|a, b| a.group < b.group) {
            return Err(damaged("its sections are out of order"));
        }
        Ok(Self { id, index, body })
    }

    /// Whose changes, and of which epoch.
    #[must_use]
    pub fn id(&self) -> &BlobId {
        &self.id
    }

    /// Which key groups changed, ascending.
    pub fn groups(&self) -> impl Iterator<Item = u16> + '_ {
        self.index.iter().map(|entry| entry.group)
    }

    /// How many rows there are, by the index.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.index.iter().fold(0, |sum, entry| sum.saturating_add(entry.rows))
    }

    /// The rows of a key group, verified; `None` if none changed.
    ///
    /// # Errors
    /// When the section is damaged.
    pub fn section(&self, group: u16) -> Result<Option<Section<'a>>, BlobError> {
        match self.index.binary_search_by_key(&group, |entry| entry.group) {
            Ok(position) => self.verified(&self.index[position]).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// All sections, groups ascending, each verified when it is reached.
    pub fn sections(&self) -> impl Iterator<Item = Result<Section<'a>, BlobError>> + '_ {
        self.index.iter().map(|entry| self.verified(entry))
    }

    fn verified(&self, entry: &IndexEntry) -> Result<Section<'a>, BlobError> {
        let &IndexEntry { group, rows, .. } = entry;
        let damaged = |what| BlobError::Section { blob: self.id.clone(), group, what };
        let bytes = entry.slice(self.body).ok_or_else(|| damaged("it is cut off"))?;
        if crc32fast::hash(bytes) != entry.crc {
            return Err(damaged("its checksum does not match"));
        }
        // Checked once here, so that iterating cannot fail.
        let (mut rest, mut count) = (bytes, 0u64);
        while !rest.is_empty() {
            let row = frame::take(&mut rest).ok_or_else(|| damaged("it does not hold rows"))?;
            if !row.key.starts_with(&group.to_be_bytes()) {
                return Err(damaged("it holds rows of another key group"));
            }
            count += 1;
        }
        if count != rows {
            return Err(damaged("it does not hold the number of rows it should"));
        }
        Ok(Section { group, rows, bytes })
    }
}

impl IndexEntry {
    fn slice<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        let end = self.offset.checked_add(self.len)?;
        body.get(usize::try_from(self.offset).ok()?..usize::try_from(end).ok()?)
    }
}

fn read_header(mut fields: &[u8]) -> Option<(BlobId, Vec<IndexEntry>)> {
    let generation = u64::from_le_bytes(take(&mut fields)?);
    let epoch = u64::from_le_bytes(take(&mut fields)?);
    let participant = std::str::from_utf8(varint::take_slice(&mut fields)?).ok()?.to_owned();
    let sections = u32::from_le_bytes(take(&mut fields)?) as usize;
    if fields.len() != sections.checked_mul(INDEX_ENTRY_LEN)? {
        return None;
    }
    let mut index = Vec::with_capacity(sections);
    while !fields.is_empty() {
        index.push(IndexEntry {
            group: u16::from_le_bytes(take(&mut fields)?),
            offset: u64::from_le_bytes(take(&mut fields)?),
            len: u64::from_le_bytes(take(&mut fields)?),
            rows: u64::from_le_bytes(take(&mut fields)?),
            crc: u32::from_le_bytes(take(&mut fields)?),
        });
    }
    Some((BlobId { participant, generation, epoch }, index))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

impl<'a> Section<'a> {
    /// The key group that the rows belong to.
    #[must_use]
    pub fn group(&self) -> u16 {
        self.group
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows in the order in which they were written.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        Frames(self.bytes)
    }

    /// The rows in key order, each key once: what was written last.
    #[must_use]
    pub fn sorted(&self) -> Vec<Row<'a>> {
        let mut rows: Vec<_> = self.rows().collect();
        rows.reverse();
        // Stable, so of equal keys the last one written now stands first and is the one that stays.
        rows.sort_by(|a, b| a.key.cmp(b.key));
        rows.dedup_by(|later, earlier| later.key == earlier.key);
        rows
    }
}

#[cfg(test)]
mod tests;
