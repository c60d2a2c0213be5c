//! `statefun savepoint export`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use statefun::ProcessingTime;
use statefun_state::savepoint::{RowReader, Savepoint, SavepointError};

use super::read::LineReader;
use super::{FORMAT, write};
use crate::Failure;

/// How many lines a file of a folder holds.
const LINES_PER_FILE: u64 = 1_000_000;

/// Writes every row as a line: to a file, or to files in a folder that is there or whose path ends with a slash.
pub(crate) fn export(path: &Path, to: &Path) -> Result<(), Failure> {
    let savepoint = Savepoint::open(path).map_err(Failure::usage)?;
    let is_folder = to.is_dir() || to.to_string_lossy().ends_with('/');
    let mut lines = Lines { to: to.to_path_buf(), is_folder, file: None, files: Vec::new(), in_file: 0, count: 0 };
    if is_folder {
        fs::create_dir_all(to).map_err(|error| Failure::running(format!("cannot make {}: {error}", to.display())))?;
    }
    let written = write_all(&savepoint, &mut lines);
    if written.is_err() {
        // Half an export looks like a whole one.
        drop(lines.file.take());
        lines.files.iter().for_each(|file| drop(fs::remove_file(file)));
    }
    written?;
    println!("{} rows in {} file{}", lines.count, lines.files.len(), if lines.files.len() == 1 { "" } else { "s" });
    Ok(())
}

fn write_all(savepoint: &Savepoint, lines: &mut Lines) -> Result<(), Failure> {
    let manifest = savepoint.manifest();
    lines.begin()?;
    let head = json!({
        "kind": "savepoint", "format": FORMAT, "epoch": manifest.epoch, "key_groups": manifest.key_groups,
    });
    lines.put(&head)?;
    let mut reader = RowReader::default();
    let mut back = LineReader::new(manifest.key_groups, ProcessingTime(0));
    let mut failed = None;
    let read = savepoint.rows(&mut |key, value| {
        lines.row(&write::line(key, value, &mut reader, &mut back)).map_err(|failure| {
            failed = Some(failure);
            SavepointError::Row("the export cannot be written".to_owned())
        })
    });
    match (failed, read) {
        (Some(failure), _) => Err(failure),
        (None, read) => read.map_err(Failure::running),
    }?;
    lines.end()
}

struct Lines {
    to: PathBuf,
    is_folder: bool,
    file: Option<BufWriter<File>>,
    files: Vec<PathBuf>,
    in_file: u64,
    count: u64,
}

impl Lines {
    fn begin(&mut self) -> Result<(), Failure> {
        self.end()?;
        let path =
            if self.is_folder { self.to.join(format!("rows-{:05}.jsonl", self.files.len())) } else { self.to.clone() };
        let file = File::create_new(&path)
            .map_err(|error| Failure::usage(format!("cannot create {}: {error}", path.display())))?;
        self.file = Some(BufWriter::with_capacity(1 << 20, file));
        self.files.push(path);
        self.in_file = 0;
        Ok(())
    }

    fn row(&mut self, line: &Value) -> Result<(), Failure> {
        if self.is_folder && self.in_file >= LINES_PER_FILE {
            self.begin()?;
        }
        self.in_file += 1;
        self.count += 1;
        self.put(line)
    }

    fn put(&mut self, line: &Value) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let path = self.files.last().cloned().unwrap_or_default();
        writeln!(file, "{line}").map_err(|error| Failure::running(format!("cannot write {}: {error}", path.display())))
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let path = self.files.last().cloned().unwrap_or_default();
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .map_err(|error| Failure::running(format!("cannot write {}: {error}", path.display())))
    }
}
