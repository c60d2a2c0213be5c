//! `statefun savepoint import`: a savepoint from files of lines, to begin with state that came from elsewhere.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use statefun::{Epoch, Generation, Lineage, ProcessingTime};
use statefun_ports::snapshot_store::Manifest;
use statefun_state::savepoint::{Origin, RowSorter, SavepointManifest, SavepointWriter, SortError, Twice};

use super::read::{Head, Line, LineReader};
use crate::Failure;

/// The number of key groups when neither flag nor file says it.
const KEY_GROUPS: u16 = statefun::key_group::KEY_GROUPS_DEFAULT;

/// How much of the rows is sorted at a time.
const SORT_BYTES: usize = 256 << 20;

/// The bits of an origin that number lines; the others number files.
const LINE_BITS: u32 = 44;

/// Reads files, sorts their rows, writes a savepoint.
pub(crate) fn import(files: &[PathBuf], to: &Path, key_groups: Option<u16>) -> Result<(), Failure> {
    let head = first_head(files)?;
    let key_groups = key_groups.or_else(|| head.map(|head| head.key_groups)).unwrap_or(KEY_GROUPS);
    if !(1..=32768).contains(&key_groups) {
        return Err(Failure::usage("--key-groups: a number from 1 to 32768 is expected"));
    }
    // First, so that a target that is taken is told before hours of reading.
    let mut writer = SavepointWriter::create(to).map_err(Failure::usage)?;
    let mut sorter = RowSorter::new(&writer.scratch(), SORT_BYTES).map_err(Failure::running)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = ProcessingTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let mut reader = LineReader::new(key_groups, now);
    for (index, file) in files.iter().enumerate() {
        read(file, index, &mut reader, &mut sorter).map_err(|error| told(error, files))?;
    }
    sorter.finish(&mut |key, value| writer.push(key, value)).map_err(|error| told(error.into(), files))?;
    let manifest = Manifest {
        epoch: Epoch(head.map_or(1, |head| head.epoch)),
        generation: Generation(0),
        lineage: Lineage(uuid::Uuid::now_v7().as_u128()),
        key_groups,
    };
    let SavepointManifest { rows, .. } = writer.finish(&manifest).map_err(Failure::running)?;
    println!("{} holds {rows} rows in {key_groups} key groups", to.display());
    Ok(())
}

/// Why files cannot become a savepoint.
enum ImportError {
    Line { origin: Origin, why: String },
    Sort(SortError),
    Read(String),
}

impl From<SortError> for ImportError {
    fn from(error: SortError) -> Self {
        Self::Sort(error)
    }
}

fn read(file: &Path, index: usize, reader: &mut LineReader, sorter: &mut RowSorter) -> Result<(), ImportError> {
    let unreadable = |error: std::io::Error| ImportError::Read(format!("cannot read {}: {error}", file.display()));
    let mut input = BufReader::with_capacity(1 << 20, File::open(file).map_err(unreadable)?);
    let (mut bytes, mut number) = (Vec::new(), 0u64);
    loop {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
            return Ok(());
        }
        number += 1;
        let origin = (index as u64) << LINE_BITS | number;
        let wrong = |why: String| ImportError::Line { origin, why };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        if text.trim().is_empty() {
            continue;
        }
        if let Line::Row { key, value } = reader.read(text).map_err(wrong)? {
            sorter.push(key, &value, origin)?;
        }
    }
}

/// What the first line of the first file says of where it comes from.
fn first_head(files: &[PathBuf]) -> Result<Option<Head>, Failure> {
    let Some(first) = files.first() else { return Ok(None) };
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", first.display()));
    let mut text = String::new();
    let input = File::open(first).map_err(unreadable)?;
    // Anything that is not a head is read, and complained about, in its turn.
    if BufReader::new(input).read_line(&mut text).is_err() {
        return Ok(None);
    }
    match LineReader::new(KEY_GROUPS, ProcessingTime(0)).read(&text) {
        Ok(Line::Head(head)) => Ok(Some(head)),
        Ok(Line::Row { .. }) | Err(_) => Ok(None),
    }
}

fn told(error: ImportError, files: &[PathBuf]) -> Failure {
    let place = |origin: Origin| {
        let (file, line) = (origin >> LINE_BITS, origin & ((1 << LINE_BITS) - 1));
        let file = usize::try_from(file).ok().and_then(|file| files.get(file));
        format!("{}:{line}", file.map(|file| file.display().to_string()).unwrap_or_default())
    };
    match error {
        ImportError::Line { origin, why } => Failure::usage(format!("{}: {why}", place(origin))),
        ImportError::Sort(SortError::Twice(Twice(one, other))) => {
            Failure::usage(format!("{}: it says the same thing as {} anew", place(other), place(one)))
        }
        ImportError::Sort(error) => Failure::running(error),
        ImportError::Read(why) => Failure::usage(why),
    }
}
