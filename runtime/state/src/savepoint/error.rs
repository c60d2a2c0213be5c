//! What can be wrong with a savepoint.

use std::path::{Path, PathBuf};

use statefun_ports::snapshot_store::StoreError;

/// Why a savepoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavepointError {
    /// Something is there already.
    #[error("{} exists already: name a path where nothing is", .path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// It has no manifest.
    #[error("{} is no savepoint: {why}", .path.display())]
    NotASavepoint {
        /// The path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A newer program wrote it.
    #[error("the savepoint {} has format {found}, this program reads up to {known}: use a newer program", .path.display())]
    NewerFormat {
        /// The path.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// A file is not what was written.
    #[error("the savepoint is damaged: {}: {what}; use a copy of it, or another savepoint", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Reading or writing failed.
    #[error("cannot {attempt} {}: {cause}", .path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// A row that is none.
    #[error("{0}")]
    Row(String),
    /// The state that is saved or restored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SavepointError {
    /// For `map_err`.
    pub(super) fn io(attempt: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io { attempt, path, cause }
    }

    pub(super) fn damaged(file: &Path, what: impl std::fmt::Display) -> Self {
        Self::Damaged { file: file.to_path_buf(), what: what.to_string() }
    }
}
