//! A file of rows.
//!
//! ```text
//!   ┌────────┬────────────┬─────────┐
//!   │ "SFSP" │ version u8 │ 0 0 0   │
//!   ├────────┴─┬──────────┴─────────┤
//!   │ len u32  │ block (block.rs)   │  as often as it takes; keys ascend across blocks, too
//!   └──────────┴────────────────────┘
//!   numbers: least significant byte first
//! ```
//!
//! Each block verifies itself, so a file is read front to back in the memory of one block; its length and checksum as a
//! whole stand in the manifest.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use statefun_protocol::storage::{Block, BlockWriter, Row};

use super::SavepointError;
use super::manifest::PartEntry;

const MAGIC: &[u8; 4] = b"SFSP";
const VERSION: u8 = 1;

/// Writes a file of rows in key order.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    out: BufWriter<File>,
    crc: crc32fast::Hasher,
    block: BlockWriter,
    bytes: u64,
    rows: u64,
    groups: Option<(u16, u16)>,
}

impl PartFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, SavepointError> {
        let file = File::create_new(&path).map_err(SavepointError::io("create", &path))?;
        let mut part = Self {
            path,
            out: BufWriter::with_capacity(1 << 20, file),
            crc: crc32fast::Hasher::new(),
            block: BlockWriter::new(),
            bytes: 0,
            rows: 0,
            groups: None,
        };
        part.write(&[MAGIC.as_slice(), &[VERSION, 0, 0, 0]].concat())?;
        Ok(part)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SavepointError> {
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(SavepointError::io("write", &self.path))
    }

    /// Adds a row of a key group.
    pub(super) fn push(&mut self, group: u16, key: &[u8], value: &[u8]) -> Result<(), SavepointError> {
        self.block.push(Row { key, value: Some(value) });
        self.rows += 1;
        self.groups = Some((self.groups.map_or(group, |(first, _)| first), group));
        if self.block.is_full() { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), SavepointError> {
        let block = self.block.finish();
        let len = u32::try_from(block.bytes.len()).map_err(|_| SavepointError::Row("a row of 4 GiB".to_owned()))?;
        self.write(&len.to_le_bytes())?;
        self.write(&block.bytes)
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// Syncs and closes the file.
    pub(super) fn finish(mut self) -> Result<PartEntry, SavepointError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.out.flush().map_err(SavepointError::io("write", &self.path))?;
        self.out.get_ref().sync_all().map_err(SavepointError::io("sync", &self.path))?;
        let file = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (first_group, last_group) = self.groups.unwrap_or_default();
        let crc32 = format!("{:08x}", self.crc.finalize());
        Ok(PartEntry { file, bytes: self.bytes, rows: self.rows, crc32, first_group, last_group })
    }
}

/// Reads a file of rows front to back and holds it against what the manifest says.
#[derive(Debug)]
pub(super) struct PartReader<'a> {
    path: PathBuf,
    entry: &'a PartEntry,
    input: BufReader<File>,
    crc: crc32fast::Hasher,
    read: u64,
    rows: u64,
}

impl<'a> PartReader<'a> {
    pub(super) fn open(directory: &Path, entry: &'a PartEntry) -> Result<Self, SavepointError> {
        let path = directory.join(&entry.file);
        let is_plain = Path::new(&entry.file).components().count() == 1 && !entry.file.starts_with('.');
        let file = File::open(&path).ok().filter(|_| is_plain);
        let file = file.ok_or_else(|| SavepointError::damaged(&path, "it is missing or cannot be read"))?;
        let len = file.metadata().map_err(SavepointError::io("read", &path))?.len();
        if len != entry.bytes {
            let what = format!("it has {len} bytes, the manifest says {}", entry.bytes);
            return Err(SavepointError::damaged(&path, what));
        }
        let input = BufReader::with_capacity(1 << 20, file);
        let mut reader = Self { path, entry, input, crc: crc32fast::Hasher::new(), read: 0, rows: 0 };
        let mut head = [0; 8];
        reader.take(&mut head)?;
        if !head.starts_with(MAGIC) {
            return Err(reader.damaged("it does not begin like a part of a savepoint"));
        }
        match head[MAGIC.len()] {
            VERSION => Ok(reader),
            found if found > VERSION => Err(SavepointError::NewerFormat {
                path: reader.path,
                found: u32::from(found),
                known: u32::from(VERSION),
            }),
            _ => Err(reader.damaged("its version is none")),
        }
    }

    fn damaged(&self, what: impl std::fmt::Display) -> SavepointError {
        SavepointError::damaged(&self.path, what)
    }

    fn take(&mut self, out: &mut [u8]) -> Result<(), SavepointError> {
        if self.read + out.len() as u64 > self.entry.bytes {
            return Err(self.damaged("a block is cut off"));
        }
        self.input.read_exact(out).map_err(SavepointError::io("read", &self.path))?;
        self.crc.update(out);
        self.read += out.len() as u64;
        Ok(())
    }

    /// The bytes of the next block, verified; `None` at the end, when the whole file is.
    pub(super) fn next_block(&mut self, block: &mut Vec<u8>) -> Result<bool, SavepointError> {
        if self.read == self.entry.bytes {
            let crc = format!("{:08x}", self.crc.clone().finalize());
            if crc != self.entry.crc32 || self.rows != self.entry.rows {
                return Err(self.damaged("it is not the file that the manifest describes"));
            }
            return Ok(false);
        }
        let mut len = [0; 4];
        self.take(&mut len)?;
        let len = u32::from_le_bytes(len);
        if u64::from(len) > self.entry.bytes - self.read {
            return Err(self.damaged("a block is cut off"));
        }
        block.resize(len as usize, 0);
        self.take(block)?;
        self.rows += Block::open(block).map_err(|error| self.damaged(error))?.len();
        Ok(true)
    }
}
