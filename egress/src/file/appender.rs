//! Appending that is durable or has not happened.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that only grows by whole, synced batches of lines.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    header: Option<String>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// What is known to be on the disk.
    synced: u64,
}

impl Appender {
    pub(super) fn new(path: &Path, header: Option<String>) -> Self {
        Self { path: path.to_owned(), header, open: None }
    }

    /// Appends `lines` and syncs them.
    ///
    /// # Errors
    /// When they are not on the disk. Whatever of them got there is cut off before the next attempt.
    pub(super) fn append(&mut self, lines: &str) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| !is_at(&open.file, &self.path)) {
            self.open = None;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(open(&self.path, self.header.as_deref())?),
        };
        let written = open.file.write_all(lines.as_bytes()).and_then(|()| open.file.sync_data());
        if written.is_ok() {
            open.synced += lines.len() as u64;
            return Ok(());
        }
        // A sync that failed once is never trusted: the file is opened again, at the length that was synced before.
        let synced = open.synced;
        self.open = None;
        if let Ok(file) = OpenOptions::new().write(true).open(&self.path) {
            // If this fails too, readers see an incomplete line at the end, which the next attempt terminates.
            let _ = file.set_len(synced).and_then(|()| file.sync_data());
        }
        written
    }
}

fn open(path: &Path, header: Option<&str>) -> io::Result<Open> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    if length == 0 {
        if let Some(header) = header {
            file.write_all(header.as_bytes())?;
        }
    } else if !ends_with_newline(&mut file)? {
        // A crash in the middle of a line, or another program's habit. The next record gets a line of its own.
        file.write_all(b"\n")?;
    }
    file.sync_data()?;
    if is_new {
        sync_folder(path)?;
    }
    let synced = file.metadata()?.len();
    Ok(Open { file, synced })
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether `path` still names this file, and not another one or none.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(here), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (here.dev(), here.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn lines_are_appended_behind_one_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/down/out.csv");
        for line in ["1\n", "2\n"] {
            Appender::new(&path, Some("n\n".to_owned())).append(line).unwrap();
        }
        assert_eq!(read(&path), "n\n1\n2\n");
    }

    #[test]
    fn a_torn_last_line_is_terminated_before_anything_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "whole\ntor").unwrap();
        Appender::new(&path, None).append("next\n").unwrap();
        assert_eq!(read(&path), "whole\ntor\nnext\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("out"), folder.path().join("out.1"));
        let mut appender = Appender::new(&path, None);
        appender.append("1\n").unwrap();
        std::fs::rename(&path, &moved).unwrap();
        appender.append("2\n").unwrap();
        assert_eq!((read(&moved), read(&path)), ("1\n".to_owned(), "2\n".to_owned()));
    }

    #[test]
    fn a_place_where_no_file_can_be_is_an_error_and_works_once_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::create_dir(&path).unwrap();
        let mut appender = Appender::new(&path, None);
        assert!(appender.append("1\n").is_err());
        std::fs::remove_dir(&path).unwrap();
        appender.append("1\n").unwrap();
        assert_eq!(read(&path), "1\n");
    }
}
