//! Whole records of a file, from a position on, across growth, truncation and rotation.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::position::FilePosition;

/// What is kept of a record that is too long, for people to recognise it by.
const TOO_LONG_KEPT: usize = 64 << 10;
const READ_AHEAD: usize = 256 << 10;

/// What comes next in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record without its line end.
    Record {
        bytes: Vec<u8>,
        /// Its first line, from 1.
        line: u64,
    },
    /// Something that is no record.
    Broken { bytes: Vec<u8>, line: u64, why: &'static str },
    /// No whole record is there now.
    End,
}

/// What became of the file at its path while it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the same file and may grow.
    Same,
    /// Another file is there, or the same one cut short: reading went to the beginning of what is there now.
    Fresh,
}

/// A file that is read record by record.
pub(super) struct Tail {
    path: PathBuf,
    reader: BufReader<File>,
    position: FilePosition,
    /// Rows may continue on the next line inside quotes.
    quoted: bool,
    record_bytes_max: usize,
    /// The beginning of a record whose end is not there yet.
    pending: Vec<u8>,
    /// Another file was at the path when the end of this one was met; a second look makes it certain that the writer
    /// has let go of this one.
    replaced: bool,
    /// The file ends for good: what is pending at its end is a record.
    closed: bool,
}

impl Tail {
    /// Opens the file at `path` behind `position`. `None`: there is no such file.
    pub(super) fn open(
        path: &Path,
        position: FilePosition,
        quoted: bool,
        record_bytes_max: usize,
        follow: bool,
    ) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let (mut file, start) = match follow {
            true => resume(path, file, &metadata, position)?,
            false if metadata.len() < position.byte => {
                let why = format!(
                    "{} has {} bytes, yet {} were read before: another file took its place",
                    path.display(),
                    metadata.len(),
                    position.byte
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            false => (file, FilePosition { inode: inode(&metadata), ..position }),
        };
        file.seek(SeekFrom::Start(start.byte))?;
        Ok(Some(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(READ_AHEAD, file),
            position: start,
            quoted,
            record_bytes_max,
            pending: Vec::new(),
            replaced: false,
            closed: !follow,
        }))
    }

    /// Behind the last record handed out.
    pub(super) fn position(&self) -> FilePosition {
        self.position
    }

    /// The first record of the file, wherever reading is: a CSV file's header.
    pub(super) fn first_record(&mut self) -> io::Result<Next> {
        let (here, pending) = (self.position, std::mem::take(&mut self.pending));
        self.seek(FilePosition { byte: 0, line: 0, inode: here.inode })?;
        let first = self.next()?;
        self.seek(here)?;
        // A record that was begun is read anew from its beginning.
        drop(pending);
        Ok(first)
    }

    /// The next record.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let line = self.position.line + 1;
        let mut quotes = Quotes::default();
        let (mut lines, mut scanned) = (0, 0);
        // What is pending was scanned before, yet rarely; scanning again keeps the state in one place.
        loop {
            let (end, ended) = self.read_line(scanned)?;
            if self.pending.len() > self.record_bytes_max {
                return self.too_long(line);
            }
            let open = self.quoted && quotes.scan(&self.pending[scanned..end]);
            scanned = end;
            match (ended, open) {
                (true, false) => return Ok(self.whole(lines + 1, line)),
                (true, true) => lines += 1,
                (false, _) if !self.closed || self.pending.is_empty() => return Ok(Next::End),
                (false, true) => return self.never_closed(line),
                (false, false) => return Ok(self.whole(lines + 1, line)),
            }
        }
    }

    /// Looks what became of the file, after [`Next::End`]. For followed files.
    pub(super) fn turn(&mut self) -> io::Result<Turn> {
        let current = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            // Between being moved away and being made again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Turn::Same),
            Err(error) => return Err(error),
        };
        if inode(&current) == self.position.inode {
            let read = self.position.byte + self.pending.len() as u64;
            if current.len() >= read {
                return Ok(Turn::Same);
            }
            warn!(file = %self.path.display(), read, length = current.len(), "the file was cut short; reading it from its beginning");
            return self.reopen().map(|()| Turn::Fresh);
        }
        if !self.replaced {
            self.replaced = true;
            return Ok(Turn::Same);
        }
        if !self.closed && !self.pending.is_empty() {
            // Its last line will get no newline any more.
            self.closed = true;
            return Ok(Turn::Same);
        }
        warn!(file = %self.path.display(), "the file was rotated; reading on in the new one");
        self.reopen().map(|()| Turn::Fresh)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = File::open(&self.path)?;
        self.position = FilePosition { byte: 0, line: 0, inode: inode(&file.metadata()?) };
        self.reader = BufReader::with_capacity(READ_AHEAD, file);
        self.pending.clear();
        self.replaced = false;
        self.closed = false;
        Ok(())
    }

    fn seek(&mut self, to: FilePosition) -> io::Result<()> {
        self.reader.seek(SeekFrom::Start(to.byte))?;
        self.position = to;
        self.pending.clear();
        Ok(())
    }

    /// The end of the line of `pending` that begins at `from`, and whether its newline is there; reads on if it is not.
    fn read_line(&mut self, from: usize) -> io::Result<(usize, bool)> {
        if let Some(end) = self.pending[from..].iter().position(|byte| *byte == b'\n') {
            return Ok((from + end + 1, true));
        }
        let room = (self.record_bytes_max + 1).saturating_sub(self.pending.len());
        let read = self.reader.by_ref().take(room as u64).read_until(b'\n', &mut self.pending)?;
        Ok((self.pending.len(), read > 0 && self.pending.ends_with(b"\n")))
    }

    fn whole(&mut self, lines: u64, line: u64) -> Next {
        let mut bytes = std::mem::take(&mut self.pending);
        self.position.byte += bytes.len() as u64;
        self.position.line += lines;
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        // Some editors mark the beginning of a UTF-8 file.
        if line == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Next::Record { bytes, line }
    }

    /// A quote that nothing closes would swallow the file: its line alone is broken, and reading goes on behind it.
    fn never_closed(&mut self, line: u64) -> io::Result<Next> {
        let end = self.pending.iter().position(|byte| *byte == b'\n').map_or(self.pending.len(), |end| end + 1);
        let bytes = self.pending[..end].to_vec();
        let behind = FilePosition { byte: self.position.byte + end as u64, line, inode: self.position.inode };
        self.seek(behind)?;
        Ok(Next::Broken { bytes, line, why: "a quote is opened and never closed" })
    }

    fn too_long(&mut self, line: u64) -> io::Result<Next> {
        if self.quoted && self.pending.contains(&b'\n') {
            return self.never_closed(line);
        }
        let kept = self.pending[..self.pending.len().min(TOO_LONG_KEPT)].to_vec();
        self.position.byte += self.pending.len() as u64;
        self.pending.clear();
        // Skips to the end of the line; one that has no end yet is skipped as far as it goes, and its rest, which is
        // no record either, is reported when it comes.
        loop {
            let buffered = self.reader.fill_buf()?;
            let end = buffered.iter().position(|byte| *byte == b'\n');
            let skipped = end.map_or(buffered.len(), |end| end + 1);
            self.reader.consume(skipped);
            self.position.byte += skipped as u64;
            if end.is_some() || skipped == 0 {
                break;
            }
        }
        self.position.line = line;
        Ok(Next::Broken { bytes: kept, line, why: "the record is too long; this is its beginning" })
    }
}

/// Where a followed file is read on: in the file that was read before, even under another name, or from the beginning of
/// what is there now.
fn resume(path: &Path, file: File, metadata: &Metadata, position: FilePosition) -> io::Result<(File, FilePosition)> {
    let fresh = FilePosition { byte: 0, line: 0, inode: inode(metadata) };
    let same = position.inode.is_none() || position.inode == inode(metadata);
    if same && metadata.len() >= position.byte {
        return Ok((file, FilePosition { inode: inode(metadata), ..position }));
    }
    if same {
        warn!(file = %path.display(), read = position.byte, length = metadata.len(), "the file was cut short while nobody read it; reading it from its beginning");
        return Ok((file, fresh));
    }
    if let Some((old, name)) = find_rotated(path, position)? {
        info!(file = %path.display(), rotated = %name.display(), "the file was rotated while nobody read it; reading the rest of the old one first");
        return Ok((old, position));
    }
    warn!(file = %path.display(), read = position.byte, "the file was rotated away while nobody read it; what was not read of it is lost");
    Ok((file, fresh))
}

fn find_rotated(path: &Path, position: FilePosition) -> io::Result<Option<(File, PathBuf)>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() && inode(&metadata) == position.inode && metadata.len() >= position.byte {
            return Ok(Some((File::open(entry.path())?, entry.path())));
        }
    }
    Ok(None)
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<u64> {
    None
}

/// Whether a CSV row is inside quotes. A quote counts only at the beginning of a field, so `5" pipe` opens nothing.
#[derive(Default)]
struct Quotes {
    state: QuoteState,
}

#[derive(Default, Clone, Copy)]
enum QuoteState {
    #[default]
    FieldStart,
    Bare,
    Quoted,
    /// Behind a quote inside quotes: its twin, or the end.
    Quote,
}

impl Quotes {
    /// Reads on; whether the row goes on behind `bytes`.
    fn scan(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            self.state = match (self.state, byte) {
                (QuoteState::FieldStart, b'"') | (QuoteState::Quote, b'"') => QuoteState::Quoted,
                (QuoteState::Quoted, b'"') => QuoteState::Quote,
                (QuoteState::Quoted, _) => QuoteState::Quoted,
                (_, b',') => QuoteState::FieldStart,
                _ => QuoteState::Bare,
            };
        }
        matches!(self.state, QuoteState::Quoted)
    }
}
