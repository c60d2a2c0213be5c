//! One process per data directory.
//!
//! The operating system releases the lock when its owner dies, however that happens, so a stale file never keeps anybody
//! out. What stands in the file only tells people who the owner is.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use statefun_ports::snapshot_store::StoreError;

use crate::error::io;

const FILE: &str = "lock";

/// Held while the data directory is in use.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says who holds it.
    ///
    /// # Errors
    /// When somebody else holds it, or the file cannot be used.
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let failed = |cause| io(format!("lock {}", path.display()), cause);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // The owner may be writing its name this very moment.
                let named = file.read_to_string(&mut owner).is_ok() && !owner.trim().is_empty();
                let owner = if named { owner.trim().to_owned() } else { "another process".to_owned() };
                return Err(StoreError::InUse { path: directory.display().to_string(), owner });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let owner = format!("process {} on host {} (boot {})\n", std::process::id(), host(), boot());
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(owner.as_bytes()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn host() -> String {
    first_line("/proc/sys/kernel/hostname").or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(unknown)
}

/// Tells a process of this boot from one with the same number before a restart of the machine.
fn boot() -> String {
    first_line("/proc/sys/kernel/random/boot_id").unwrap_or_else(unknown)
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned)
}

fn unknown() -> String {
    "unknown".to_owned()
}
