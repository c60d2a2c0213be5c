//! A disk that forgets what was not synced.
//!
//! Writes go to what readers see and are only promised to the platter by a sync. When the power goes, any subset of the
//! writes since the last sync is on the platter, torn at sectors. A sync that fails is worse than a crash, as on Linux:
//! the writes before it stay visible, but no later sync brings them to the platter.

use std::io::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    platter: Vec<u8>,
    visible: Vec<u8>,
    pending: Vec<Change>,
    /// Handles of older boots are dead.
    boot: u64,
    /// After so many changes one fails, or all do from then on.
    fault: Option<(u64, Fault)>,
    syncs: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Once,
    PowerOff,
}

#[derive(Clone, Debug)]
enum Change {
    Len(u64),
    Write(u64, Vec<u8>),
}

/// An open file on the disk.
#[derive(Debug)]
struct Handle {
    disk: Disk,
    boot: u64,
}

impl Disk {
    pub(crate) fn open(&self) -> impl StorageBackend + use<> {
        Handle { disk: self.clone(), boot: self.state().boot }
    }

    pub(crate) fn fail_after(&self, changes: u64, fault: Fault) {
        self.state().fault = Some((changes, fault));
    }

    pub(crate) fn heal(&self) {
        self.state().fault = None;
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// The power goes and comes back.
    pub(crate) fn crash(&self, seed: u64) {
        let mut state = self.state();
        let mut random = Random(seed);
        for change in std::mem::take(&mut state.pending) {
            match change {
                Change::Len(len) => {
                    if random.flip() {
                        state.platter.resize(len as usize, 0)
                    }
                }
                Change::Write(offset, data) => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if random.flip() {
                            put(&mut state.platter, offset as usize + number * SECTOR, sector);
                        }
                    }
                }
            }
        }
        state.visible = state.platter.clone();
        state.boot += 1;
        state.fault = None;
    }

    /// Flips a bit in every place where `pattern` stands; returns how many there were.
    pub(crate) fn damage(&self, pattern: &[u8]) -> usize {
        let mut state = self.state();
        let found: Vec<usize> = (0..state.visible.len().saturating_sub(pattern.len()))
            .filter(|&at| &state.visible[at..at + pattern.len()] == pattern)
            .collect();
        for &at in &found {
            state.visible[at] ^= 1;
        }
        found.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.state().visible.len()
    }

    /// Whether anything near a byte was ever written; the rest of the file is zeros, and there is a lot of it.
    pub(crate) fn is_used(&self, byte: usize) -> bool {
        let state = self.state();
        let near = byte.saturating_sub(16)..(byte + 16).min(state.visible.len());
        state.visible[near].iter().any(|&byte| byte != 0)
    }

    /// Turns one bit.
    pub(crate) fn flip(&self, byte: usize, bit: u8) {
        self.state().visible[byte] ^= 1 << bit;
    }

    /// Another disk with the same bytes.
    pub(crate) fn copy(&self) -> Self {
        let bytes = self.state().visible.clone();
        Self(Arc::new(Mutex::new(State { platter: bytes.clone(), visible: bytes, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
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
    /// The disk, for one more change.
    fn change(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.read_only()?;
        match &mut state.fault {
            Some((0, Fault::PowerOff)) => return Err(Error::other("the power is off")),
            Some((0, Fault::Once)) => {
                state.fault = None;
                return Err(Error::other("the disk failed once"));
            }
            Some((changes, _)) => *changes -= 1,
            None => {}
        }
        Ok(state)
    }

    fn read_only(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.boot == self.boot { Ok(state) } else { Err(Error::other("opened before the crash")) }
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64> {
        Ok(self.read_only()?.visible.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.read_only()?;
        let bytes = state.visible.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| Error::other("read behind the end"))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.change()?;
        state.visible.resize(len as usize, 0);
        state.pending.push(Change::Len(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        match self.change() {
            Ok(mut state) => {
                state.syncs += 1;
                for change in std::mem::take(&mut state.pending) {
                    match change {
                        Change::Len(len) => state.platter.resize(len as usize, 0),
                        Change::Write(offset, data) => put(&mut state.platter, offset as usize, &data),
                    }
                }
                Ok(())
            }
            Err(error) => {
                if let Ok(mut state) = self.read_only()
                    && !matches!(state.fault, Some((_, Fault::PowerOff)))
                {
                    state.pending.clear();
                }
                Err(error)
            }
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut state = self.change()?;
        put(&mut state.visible, offset as usize, data);
        state.pending.push(Change::Write(offset, data.to_vec()));
        Ok(())
    }
}

struct Random(u64);

impl Random {
    fn flip(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 63 == 1
    }
}
