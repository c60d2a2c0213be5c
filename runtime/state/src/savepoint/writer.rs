//! Writing a savepoint: under another name until it is whole and synced.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use statefun_ports::snapshot_store::Manifest;
use statefun_protocol::storage::GROUP_SYSTEM;

use super::about::About;
use super::contents::Contents;
use super::manifest::{FILE, SavepointManifest};
use super::part::PartFile;
use super::{FORMAT, PartEntry, SavepointError};

/// A part that is longer ends with its key group.
const PART_BYTES: u64 = 64 << 20;

/// Writes a savepoint. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct SavepointWriter {
    target: PathBuf,
    temporary: PathBuf,
    part: Option<PartFile>,
    parts: Vec<PartEntry>,
    contents: Contents,
    last_key: Vec<u8>,
    last_group: u16,
    rows: u64,
    is_finished: bool,
}

impl SavepointWriter {
    /// Begins a savepoint at `target`, where nothing may be.
    ///
    /// # Errors
    /// When something is there, or the directory cannot be made.
    pub fn create(target: &Path) -> Result<Self, SavepointError> {
        if target.symlink_metadata().is_ok() {
            return Err(SavepointError::Exists { path: target.to_path_buf() });
        }
        let not_named = || SavepointError::NotASavepoint {
            path: target.to_path_buf(),
            why: "a savepoint's path ends with a name".to_owned(),
        };
        let name = target.file_name().ok_or_else(not_named)?.to_string_lossy().into_owned();
        let temporary = target.with_file_name(format!(".{name}.unfinished-{}", std::process::id()));
        // What a process of the same number left behind when it was killed.
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir_all(&temporary).map_err(SavepointError::io("make the directory", &temporary))?;
        Ok(Self {
            target: target.to_path_buf(),
            temporary,
            part: None,
            parts: Vec::new(),
            contents: Contents::default(),
            last_key: Vec::new(),
            last_group: 0,
            rows: 0,
            is_finished: false,
        })
    }

    /// A folder that whoever makes the rows may use meanwhile, and has to remove before the end.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.temporary.join("scratch")
    }

    /// Adds a row; rows come in the order of their keys, each once.
    ///
    /// # Errors
    /// When it is no row, out of order, or cannot be written.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), SavepointError> {
        if self.rows > 0 && self.last_key.as_slice() >= key {
            return Err(SavepointError::Row(format!("row {} comes after a greater one", key.escape_ascii())));
        }
        let about = About::row(key, value).map_err(|error| SavepointError::Row(error.to_string()))?;
        self.contents.add(&about);
        let group = group_of(key);
        if group != self.last_group
            && (group == GROUP_SYSTEM || self.part.as_ref().is_some_and(|part| part.len() >= PART_BYTES))
        {
            self.end_part()?;
        }
        let part = match &mut self.part {
            Some(part) => part,
            None => {
                let path = self.temporary.join(format!("part-{:05}", self.parts.len()));
                self.part.insert(PartFile::create(path)?)
            }
        };
        part.push(group, key, value)?;
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.last_group = group;
        self.rows += 1;
        Ok(())
    }

    fn end_part(&mut self) -> Result<(), SavepointError> {
        if let Some(part) = self.part.take() {
            self.parts.push(part.finish()?);
        }
        Ok(())
    }

    /// Ends the savepoint: everything is synced before it gets its name.
    ///
    /// # Errors
    /// When something cannot be written, or something came to be at the target meanwhile.
    pub fn finish(mut self, manifest: &Manifest) -> Result<SavepointManifest, SavepointError> {
        self.end_part()?;
        let (functions, ingresses, egresses) = std::mem::take(&mut self.contents).into_parts();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let manifest = SavepointManifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            created_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            epoch: manifest.epoch.0,
            generation: manifest.generation.0,
            lineage: format!("{:032x}", manifest.lineage.0),
            key_groups: manifest.key_groups,
            rows: self.rows,
            functions,
            ingresses,
            egresses,
            parts: std::mem::take(&mut self.parts),
        };
        let path = self.temporary.join(FILE);
        fs::write(&path, manifest.encode()).map_err(SavepointError::io("write", &path))?;
        for synced in [path.as_path(), self.temporary.as_path()] {
            sync(synced)?;
        }
        if self.target.symlink_metadata().is_ok() {
            return Err(SavepointError::Exists { path: self.target.clone() });
        }
        fs::rename(&self.temporary, &self.target).map_err(SavepointError::io("give its name to", &self.target))?;
        self.is_finished = true;
        // A directory whose name is not on disk is lost with everything in it; so may be those above it, made just now.
        let absolute = self.target.canonicalize().map_err(SavepointError::io("find", &self.target))?;
        for parent in absolute.ancestors().skip(1).take(2) {
            sync(parent)?;
        }
        Ok(manifest)
    }
}

impl Drop for SavepointWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            self.part = None;
            if let Err(error) = fs::remove_dir_all(&self.temporary) {
                tracing::warn!(%error, "an unfinished savepoint stays behind at {}", self.temporary.display());
            }
        }
    }
}

fn sync(path: &Path) -> Result<(), SavepointError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(SavepointError::io("sync", path))
}

/// The key group of an encoded key; rows of the system have the greatest.
pub(crate) fn group_of(key: &[u8]) -> u16 {
    key.first_chunk().copied().map_or(GROUP_SYSTEM, u16::from_be_bytes)
}
