//! The rows of one key group, from its base and what changed since.

use bytes::Bytes;
use statefun::Epoch;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::StoreError;
use statefun_protocol::storage::block::EncodedBlock;
use statefun_protocol::storage::{Blob, Block, BlockWriter, GROUP_SYSTEM, Row, merge};

use crate::codec::{self, Names};
use crate::error::damaged;

/// How many bytes of rows make a block of the base full. Below the power of two that the protocol would fill, because a
/// page of redb is a power of two: a block a little larger than 64 KiB would take 128.
pub(crate) const BLOCK_BYTES_MAX: usize = 60 * 1024;

/// What surrounds a row in a block, at most, unless it is huge: two lengths and its share of the index.
const ROW_OVERHEAD: usize = 8;

/// The base of a key group and the blobs that changed it since, oldest first.
#[derive(Debug, Default)]
pub(crate) struct GroupRows {
    pub(crate) group: u16,
    /// The epoch up to which deltas are folded into the base.
    pub(crate) folded: Epoch,
    pub(crate) blocks: Vec<Bytes>,
    pub(crate) blobs: Vec<(Epoch, Bytes)>,
}

impl GroupRows {
    /// Calls `each` for every row as it is now, in key order.
    ///
    /// # Errors
    /// When a block or a blob is damaged; some rows may have been seen by then.
    pub(crate) fn each<'a>(
        &'a self,
        each: &mut dyn FnMut(Row<'a>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut base = Vec::with_capacity(self.blocks.len());
        for (number, bytes) in self.blocks.iter().enumerate() {
            let block = Block::open(bytes).map_err(|error| {
                damaged(self.folded, format_args!("block {number} of {}: {error}", name_of(self.group)))
            })?;
            base.push(block);
        }
        let mut deltas = Vec::with_capacity(self.blobs.len());
        for (epoch, bytes) in &self.blobs {
            let section = Blob::open(bytes).and_then(|blob| blob.section(self.group));
            if let Some(section) = section.map_err(|error| damaged(*epoch, error))? {
                deltas.push(section.sorted());
            }
        }
        let base = base.iter().flat_map(Block::rows);
        if deltas.is_empty() {
            return base.filter(|row| row.value.is_some()).try_for_each(each);
        }
        let deltas = deltas.into_iter().map(|rows| rows.into_iter().map(Row::into_pair));
        let mut rows = merge(base.map(Row::into_pair), deltas);
        rows.try_for_each(|(key, value)| each(Row { key, value: Some(value) }))
    }

    /// The same, decoded.
    ///
    /// # Errors
    /// When something is damaged.
    pub(crate) fn decode(&self, names: &mut Names, each: &mut dyn FnMut(RowKey, RowValue)) -> Result<(), StoreError> {
        let newest = self.blobs.last().map_or(self.folded, |(epoch, _)| *epoch);
        self.each(&mut |row| {
            let value = row.value.unwrap_or_default();
            let (key, value) = codec::decode(row.key, value, names).map_err(|error| damaged(newest, error))?;
            each(key, value);
            Ok(())
        })
    }

    /// The base with all blobs folded into it.
    ///
    /// # Errors
    /// When something is damaged; then nothing may be folded.
    pub(crate) fn fold(&self) -> Result<Vec<EncodedBlock>, StoreError> {
        let mut blocks = Vec::new();
        let (mut writer, mut bytes) = (BlockWriter::new(), 0);
        self.each(&mut |row| {
            let len = row_len(&row);
            if !writer.is_empty() && bytes + len > BLOCK_BYTES_MAX {
                blocks.push(writer.finish());
                bytes = 0;
            }
            writer.push(row);
            bytes += len;
            Ok(())
        })?;
        if !writer.is_empty() {
            blocks.push(writer.finish());
        }
        Ok(blocks)
    }
}

/// What a row takes in a block, about.
pub(crate) fn row_len(row: &Row<'_>) -> usize {
    row.key.len() + row.value.map_or(0, <[u8]>::len) + ROW_OVERHEAD
}

fn name_of(group: u16) -> String {
    if group == GROUP_SYSTEM { "the system's rows".to_owned() } else { format!("key group {group}") }
}
