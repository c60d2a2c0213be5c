//! A disk in memory that does what disks do.
//!
//! Writes are visible at once and only promised to the platter by a sync. When the power goes, any subset of the writes
//! since the last sync is on the platter, torn at sectors. A sync that fails is worse, as on Linux: what was written
//! before it stays visible, and no later sync brings it to the platter.

use std::io::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use crate::rng::Rng;

const SECTOR: usize = 512;

/// A file on a disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    platter: Vec<u8>,
    visible: Vec<u8>,
    pending: Vec<Change>,
    /// Who opened the file before a crash cannot use it any more.
    boot: u64,
    /// What goes wrong after so many changes.
    fault: Option<(u64, Fault)>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One write or sync fails.
    Once,
    /// All of them do from then on, until it is mended: full, or read-only.
    Always,
}

#[derive(Clone, Debug)]
enum Change {
    Len(usize),
    Write(usize, Vec<u8>),
}

#[derive(Debug)]
struct Handle {
    disk: Disk,
    boot: u64,
}

impl Disk {
    /// Opens the file.
    #[must_use]
    pub fn open(&self) -> impl StorageBackend + use<> {
        Handle { disk: self.clone(), boot: self.state().boot }
    }

    /// After so many writes and syncs something goes wrong.
    pub fn fail_after(&self, changes: u64, fault: Fault) {
        self.state().fault = Some((changes, fault));
    }

    /// Nothing goes wrong from now on.
    pub fn mend(&self) {
        self.state().fault = None;
    }

    /// The process is killed: what it wrote is there, and it writes no more.
    pub fn kill(&self) {
        let mut state = self.state();
        state.boot += 1;
        state.fault = None;
    }

    /// The power goes and comes back.
    pub fn lose_power(&self, rng: &mut Rng) {
        let mut state = self.state();
        for change in std::mem::take(&mut state.pending) {
            match change {
                Change::Len(len) if rng.chance(500_000) => state.platter.resize(len, 0),
                Change::Len(_) => {}
                Change::Write(offset, data) => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if rng.chance(500_000) {
                            put(&mut state.platter, offset + number * SECTOR, sector);
                        }
                    }
                }
            }
        }
        state.visible = state.platter.clone();
        state.boot += 1;
        state.fault = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

impl Handle {
    fn read_only(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.boot == self.boot { Ok(state) } else { Err(Error::other("opened before the crash")) }
    }

    /// The disk, for one more change.
    fn change(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.read_only()?;
        match &mut state.fault {
            Some((0, Fault::Always)) => return Err(Error::other("no space left")),
            Some((0, Fault::Once)) => {
                state.fault = None;
                return Err(Error::other("failed once"));
            }
            Some((changes, _)) => *changes -= 1,
            None => {}
        }
        Ok(state)
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64> {
        Ok(self.read_only()?.visible.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let (state, offset) = (self.read_only()?, offset as usize);
        let bytes = state.visible.get(offset..offset + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| Error::other("read behind the end"))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.change()?;
        state.visible.resize(len as usize, 0);
        state.pending.push(Change::Len(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        match self.change() {
            Ok(mut state) => {
                for change in std::mem::take(&mut state.pending) {
                    match change {
                        Change::Len(len) => state.platter.resize(len, 0),
                        Change::Write(offset, data) => put(&mut state.platter, offset, &data),
                    }
                }
                Ok(())
            }
            Err(error) => {
                if let Ok(mut state) = self.read_only() {
                    // Visible, and never again on its way to the platter.
                    state.pending.clear();
                }
                Err(error)
            }
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut state = self.change()?;
        put(&mut state.visible, offset as usize, data);
        state.pending.push(Change::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}
