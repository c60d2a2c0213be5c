//! Reading a savepoint, verified as it is read.

use std::fs;
use std::path::{Path, PathBuf};

use statefun_protocol::storage::{Block, GROUP_SYSTEM};

use super::manifest::SavepointManifest;
use super::part::PartReader;
use super::writer::group_of;
use super::{EachRow, SavepointError};
use crate::codec::{self, Names};

/// A savepoint whose manifest was read and verified. Its rows are verified when they are read.
#[derive(Clone, Debug)]
pub struct Savepoint {
    path: PathBuf,
    manifest: SavepointManifest,
}

impl Savepoint {
    /// Opens a directory.
    ///
    /// # Errors
    /// When it is no savepoint, a newer one, or its manifest is damaged.
    pub fn open(path: &Path) -> Result<Self, SavepointError> {
        let manifest = SavepointManifest::read(path)?;
        Ok(Self { path: path.to_path_buf(), manifest })
    }

    /// The savepoints in a directory, by name. What cannot be read is left out, unfinished ones among it.
    #[must_use]
    pub fn list(directory: &Path) -> Vec<Self> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
        paths.sort();
        paths.iter().filter_map(|path| Self::open(path).ok()).collect()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &SavepointManifest {
        &self.manifest
    }

    /// Calls `each` with key and value of every row, in the order of keys.
    ///
    /// # Errors
    /// When something cannot be read or is damaged, and what `each` returns.
    pub fn rows(&self, each: &mut EachRow<'_>) -> Result<(), SavepointError> {
        let mut last_key = Vec::new();
        let mut rows = 0;
        for index in 0..self.manifest.parts.len() {
            rows += self.rows_of(index, &mut last_key, each)?;
        }
        if rows != self.manifest.rows {
            let what = format!("its parts hold {rows} rows and not {}", self.manifest.rows);
            return Err(SavepointError::damaged(&self.path, what));
        }
        Ok(())
    }

    /// The rows of a part, which follow `last_key`.
    fn rows_of(&self, index: usize, last_key: &mut Vec<u8>, each: &mut EachRow<'_>) -> Result<u64, SavepointError> {
        let entry = &self.manifest.parts[index];
        let file = self.path.join(&entry.file);
        let damaged = |what: &str| SavepointError::damaged(&file, what);
        let mut reader = PartReader::open(&self.path, entry)?;
        let (mut block, mut rows) = (Vec::new(), 0);
        while reader.next_block(&mut block)? {
            let block = Block::open(&block).map_err(|error| SavepointError::damaged(&file, error))?;
            for row in block.rows() {
                if !last_key.is_empty() && last_key.as_slice() >= row.key {
                    return Err(damaged("its rows are out of order"));
                }
                let group = group_of(row.key);
                if group != GROUP_SYSTEM && group >= self.manifest.key_groups {
                    return Err(damaged("it holds a key group that there is not"));
                }
                each(row.key, row.value.ok_or_else(|| damaged("it holds a tombstone"))?)?;
                last_key.clear();
                last_key.extend_from_slice(row.key);
                rows += 1;
            }
        }
        Ok(rows)
    }

    /// Reads everything. What is wrong, by file; nothing if all is well.
    #[must_use]
    pub fn verify(&self) -> Vec<SavepointError> {
        let mut names = Names::default();
        let mut found = Vec::new();
        for index in 0..self.manifest.parts.len() {
            let mut decode = |key: &[u8], value: &[u8]| {
                codec::decode(key, value, &mut names)
                    .map(drop)
                    .map_err(|error| SavepointError::damaged(&self.path.join(&self.manifest.parts[index].file), error))
            };
            if let Err(error) = self.rows_of(index, &mut Vec::new(), &mut decode) {
                found.push(error);
            }
        }
        found
    }
}
