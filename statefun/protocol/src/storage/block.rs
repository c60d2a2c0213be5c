//! Rows of the base, in key order.
//!
//! ```text
//!   ┌────────┬────────────┬────────────────┬──────────┬───────────────┐
//!   │ "SFBK" │ version u8 │ row version u8 │ rows u64 │ row bytes u64 │  header
//!   ├────────┴────────────┴────────────────┴──────────┴───────────────┤
//!   │ rows one after the other (frame.rs), keys strictly ascending    │
//!   ├─────────────────────────────────────────────────────────────────┤
//!   │ offset u64 of every 16th row, from the first row: 0, …          │  index
//!   ├─────────────────────────────────────────────────────────────────┤
//!   │ crc32 u32 of everything above                                   │
//!   └─────────────────────────────────────────────────────────────────┘
//!   numbers: least significant byte first
//! ```
//!
//! About 64 KiB, so that one missing value costs one small read, and a checksum and an index entry are paid once for
//! hundreds of rows. Keys are whole: cutting common prefixes would save bytes that compression saves as well, and would
//! cost every reader a copy. A row is found by halving the index and walking at most sixteen rows.

use bytes::Bytes;

use super::ROW_VERSION;
use super::frame::{self, Frames, Row};

/// How many bytes of rows make a block full.
pub const BLOCK_BYTES: usize = 64 * 1024;

const MAGIC: &[u8; 4] = b"SFBK";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 22;
const OFFSET_LEN: usize = 8;
const CRC_LEN: usize = 4;
const INDEX_EVERY: u64 = 16;

/// Why a block cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// It does not begin like one.
    #[error("{len} bytes are no block: they do not begin like one")]
    NotABlock {
        /// How long it is.
        len: usize,
    },
    /// A newer program wrote it.
    #[error("a block has format {found}, this program reads up to {known}: use a newer program")]
    NewerFormat {
        /// Its version: of the layout, or of the rows in it.
        found: u8,
        /// The newest known.
        known: u8,
    },
    /// It is damaged.
    #[error("a block of {len} bytes is damaged: {what}")]
    Damaged {
        /// How long it is.
        len: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// Collects rows in key order.
#[derive(Debug)]
pub struct BlockWriter {
    rows: Vec<u8>,
    count: u64,
    offsets: Vec<u64>,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
}

/// A finished block and what an index of blocks needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBlock {
    /// Its first key.
    pub first_key: Vec<u8>,
    /// Its last key.
    pub last_key: Vec<u8>,
    /// How many rows it holds.
    pub rows: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Default for BlockWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockWriter {
    /// Begins a block without rows.
    #[must_use]
    pub fn new() -> Self {
        Self { rows: Vec::new(), count: 0, offsets: Vec::new(), first_key: Vec::new(), last_key: Vec::new() }
    }

    /// Adds a row. Tombstones are allowed, for blocks of folded deltas; a base has none.
    ///
    /// # Panics
    /// When the key is not greater than that of the row before: a block out of order would lose rows silently.
    pub fn push(&mut self, row: Row<'_>) {
        assert!(
            self.count == 0 || self.last_key.as_slice() < row.key,
            "row {} comes after row {}",
            row.key.escape_ascii(),
            self.last_key.escape_ascii()
        );
        if self.count == 0 {
            self.first_key.extend_from_slice(row.key);
        }
        if self.count.is_multiple_of(INDEX_EVERY) {
            self.offsets.push(self.rows.len() as u64);
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(row.key);
        frame::put(&mut self.rows, row);
        self.count += 1;
    }

    /// Whether the rows so far fill a block.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows.len() >= BLOCK_BYTES
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the block; the writer is empty again.
    #[must_use]
    pub fn finish(&mut self) -> EncodedBlock {
        let Self { rows, count, offsets, first_key, last_key } = std::mem::take(self);
        let mut out = Vec::with_capacity(HEADER_LEN + rows.len() + offsets.len() * OFFSET_LEN + CRC_LEN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, ROW_VERSION]);
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&(rows.len() as u64).to_le_bytes());
        out.extend_from_slice(&rows);
        offsets.iter().for_each(|offset| out.extend_from_slice(&offset.to_le_bytes()));
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        EncodedBlock { first_key, last_key, rows: count, bytes: out.into() }
    }
}

/// Cuts rows in key order into blocks.
///
/// # Panics
/// The iterator panics when keys do not ascend; see [`BlockWriter::push`].
pub fn blocks<'a>(rows: impl IntoIterator<Item = Row<'a>>) -> impl Iterator<Item = EncodedBlock> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let mut writer = BlockWriter::new();
        while !writer.is_full() {
            let Some(row) = rows.next() else { break };
            writer.push(row);
        }
        if writer.is_empty() { None } else { Some(writer.finish()) }
    })
}

/// A verified block.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    count: u64,
    rows: &'a [u8],
    offsets: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads and verifies a whole block: checksum, framing, order and index.
    ///
    /// # Errors
    /// When `bytes` is no block, a newer one, or damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let len = bytes.len();
        let (header, _) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(BlockError::NotABlock { len })?;
        let &[m0, m1, m2, m3, version, row_version, ref numbers @ ..] = header;
        if [m0, m1, m2, m3] != *MAGIC {
            return Err(BlockError::NotABlock { len });
        }
        for (found, known) in [(version, VERSION), (row_version, ROW_VERSION)] {
            if found > known {
                return Err(BlockError::NewerFormat { found, known });
            }
        }
        let damaged = |what| BlockError::Damaged { len, what };
        let (content, crc) = bytes.split_last_chunk::<CRC_LEN>().ok_or_else(|| damaged("it is cut off"))?;
        if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
            return Err(damaged("its checksum does not match"));
        }
        let count = number(&numbers[..8]).ok_or_else(|| damaged("its header does not fit"))?;
        let rows_len = number(&numbers[8..]).ok_or_else(|| damaged("its header does not fit"))?;
        let (rows, offsets) = content
            .get(HEADER_LEN..)
            .and_then(|rest| rest.split_at_checked(usize::try_from(rows_len).ok()?))
            .ok_or_else(|| damaged("its rows are cut off"))?;
        let block = Self { count, rows, offsets };
        block.check().map_err(damaged)?;
        Ok(block)
    }

    /// What readers rely on after the checksum has been verified, checked so that a writer's bug is found here too.
    fn check(&self) -> Result<(), &'static str> {
        let (mut rest, mut count, mut last_key) = (self.rows, 0u64, None);
        let mut offsets = self.offsets.chunks(OFFSET_LEN);
        while !rest.is_empty() {
            let offset = (self.rows.len() - rest.len()) as u64;
            if count.is_multiple_of(INDEX_EVERY) && offsets.next().and_then(number) != Some(offset) {
                return Err("its index does not point at its rows");
            }
            let row = frame::take(&mut rest).ok_or("it does not hold rows")?;
            if last_key.is_some_and(|last_key| last_key >= row.key) {
                return Err("its rows are out of order");
            }
            last_key = Some(row.key);
            count += 1;
        }
        if count != self.count {
            return Err("it does not hold the number of rows it should");
        }
        if offsets.next().is_some() { Err("its index is too long") } else { Ok(()) }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first key.
    #[must_use]
    pub fn first_key(&self) -> Option<&'a [u8]> {
        self.rows().next().map(|row| row.key)
    }

    /// All rows in key order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        Frames(self.rows)
    }

    /// The rows from `key` on, in key order.
    pub fn rows_from<'k>(&self, key: &'k [u8]) -> impl Iterator<Item = Row<'a>> + use<'a, 'k> {
        // The last indexed row that is not greater than `key`; the rows wanted begin there or within the next sixteen.
        let (mut low, mut high) = (0, self.offsets.len() / OFFSET_LEN);
        while low < high {
            let middle = low + (high - low) / 2;
            let indexed = Frames(self.indexed_rows(middle)).next();
            if indexed.is_some_and(|row| row.key <= key) { low = middle + 1 } else { high = middle }
        }
        Frames(self.indexed_rows(low.saturating_sub(1))).skip_while(move |row| row.key < key)
    }

    /// The row with `key`, if there is one.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Row<'a>> {
        self.rows_from(key).next().filter(|row| row.key == key)
    }

    fn indexed_rows(&self, position: usize) -> &'a [u8] {
        let offset = self.offsets.chunks(OFFSET_LEN).nth(position).and_then(number).unwrap_or_default();
        self.rows.get(offset as usize..).unwrap_or_default()
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
