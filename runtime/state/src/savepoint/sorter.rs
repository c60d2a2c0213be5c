//! Sorting rows that come in any order, in bounded memory.
//!
//! Rows are collected until they fill the memory they may take, sorted, and written to a file of the same layout as a
//! part, a *run*; in the end all runs are merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::{Path, PathBuf};

use statefun_protocol::storage::Block;

use super::part::{PartFile, PartReader};
use super::{EachRow, PartEntry, SavepointError, group_of};

/// Where a row comes from, in the caller's own numbers.
pub type Origin = u64;

const ORIGIN_LEN: usize = size_of::<Origin>();

/// What a row takes in memory besides its bytes, about.
const ROW_OVERHEAD: usize = 64;

/// Sorts rows.
#[derive(Debug)]
pub struct RowSorter {
    folder: PathBuf,
    bytes_max: usize,
    bytes: usize,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    runs: Vec<PartEntry>,
}

/// Two rows with the same key, by where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twice(pub Origin, pub Origin);

/// Why rows cannot be sorted.
#[derive(Debug, thiserror::Error)]
pub enum SortError {
    /// Two rows have the same key.
    #[error("two rows have the same key")]
    Twice(Twice),
    /// Something cannot be written or read.
    #[error(transparent)]
    Savepoint(#[from] SavepointError),
}

impl RowSorter {
    /// Sorts in about `bytes_max` of memory; what does not fit goes to `folder`, which is made and removed in the end.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path, bytes_max: usize) -> Result<Self, SavepointError> {
        std::fs::create_dir_all(folder).map_err(SavepointError::io("make the directory", folder))?;
        Ok(Self { folder: folder.to_path_buf(), bytes_max, bytes: 0, rows: Vec::new(), runs: Vec::new() })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a run cannot be written, or holds a key twice.
    pub fn push(&mut self, key: Vec<u8>, value: &[u8], origin: Origin) -> Result<(), SortError> {
        self.bytes += key.len() + value.len() + ROW_OVERHEAD;
        self.rows.push((key, [&origin.to_be_bytes(), value].concat()));
        if self.bytes > self.bytes_max { self.end_run() } else { Ok(()) }
    }

    fn end_run(&mut self) -> Result<(), SortError> {
        self.bytes = 0;
        self.rows.sort_unstable();
        if let Some(pair) = self.rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(SortError::Twice(Twice(origin(&pair[0].1), origin(&pair[1].1))));
        }
        let mut run = PartFile::create(self.folder.join(format!("run-{:05}", self.runs.len())))?;
        for (key, value) in self.rows.drain(..) {
            run.push(group_of(&key), &key, &value)?;
        }
        self.runs.push(run.finish()?);
        Ok(())
    }

    /// Calls `each` with every row in the order of keys.
    ///
    /// # Errors
    /// When a key stands twice, a run cannot be read, and what `each` returns.
    pub fn finish(mut self, each: &mut EachRow<'_>) -> Result<(), SortError> {
        self.end_run()?;
        let runs = std::mem::take(&mut self.runs);
        let mut heads = BinaryHeap::new();
        let mut open = Vec::new();
        for (index, entry) in runs.iter().enumerate() {
            let mut run = Run { reader: PartReader::open(&self.folder, entry)?, rows: Vec::new().into_iter() };
            if let Some((key, value)) = run.next()? {
                heads.push(Reverse((key, index, value)));
            }
            open.push(run);
        }
        let mut last: Option<(Vec<u8>, Origin)> = None;
        while let Some(mut first) = heads.peek_mut() {
            let index = first.0.1;
            let Reverse((key, _, value)) = match open[index].next()? {
                Some((key, value)) => std::mem::replace(&mut *first, Reverse((key, index, value))),
                None => PeekMut::pop(first),
            };
            if let Some((_, before)) = last.as_ref().filter(|(last, _)| *last == key) {
                return Err(SortError::Twice(Twice(*before, origin(&value))));
            }
            each(&key, &value[ORIGIN_LEN..])?;
            last = Some((key, origin(&value)));
        }
        Ok(())
    }
}

impl Drop for RowSorter {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "a folder for sorting stays behind at {}", self.folder.display());
        }
    }
}

fn origin(value: &[u8]) -> Origin {
    value.first_chunk().copied().map_or(0, Origin::from_be_bytes)
}

type OwnedRow = (Vec<u8>, Vec<u8>);

/// A run that is read back.
struct Run<'a> {
    reader: PartReader<'a>,
    rows: std::vec::IntoIter<OwnedRow>,
}

impl Run<'_> {
    fn next(&mut self) -> Result<Option<OwnedRow>, SavepointError> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let mut bytes = Vec::new();
            if !self.reader.next_block(&mut bytes)? {
                return Ok(None);
            }
            let block = Block::open(&bytes).map_err(|error| SavepointError::Row(error.to_string()))?;
            let rows: Vec<_> =
                block.rows().map(|row| (row.key.to_vec(), row.value.unwrap_or_default().to_vec())).collect();
            self.rows = rows.into_iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    #[test]
    fn rows_come_out_in_order_whatever_fits_memory() {
        for bytes_max in [100, 3_000, 1 << 20] {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = RowSorter::new(&folder.path().join("sorting"), bytes_max).unwrap();
            for number in 0..500u64 {
                let key_number = number.wrapping_mul(7919) % 500;
                sorter.push(key(key_number), &key_number.to_le_bytes(), number).unwrap();
            }
            let mut seen = Vec::new();
            sorter
                .finish(&mut |key, value| {
                    seen.push((key.to_vec(), value.to_vec()));
                    Ok(())
                })
                .unwrap();
            let expected: Vec<_> = (0..500u64).map(|number| (key(number), number.to_le_bytes().to_vec())).collect();
            assert_eq!(seen, expected);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing stays behind");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_told_with_both_its_origins() {
        for bytes_max in [100, 1 << 20] {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = RowSorter::new(&folder.path().join("sorting"), bytes_max).unwrap();
            for (origin, number) in [5u64, 1, 9, 4, 1, 7].into_iter().enumerate() {
                sorter.push(key(number), b"value", origin as u64).unwrap();
            }
            let refused = sorter.finish(&mut |_, _| Ok(()));
            assert!(matches!(refused, Err(SortError::Twice(Twice(1, 4)))), "{refused:?}");
        }
    }
}
