use std::io;

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput, SourceRecord};
use tracing::info;

use super::decode::{Header, decode};
use super::position::FilePosition;
use super::tail::{Next, Tail, Turn};
use super::{Format, Options};
use crate::feed::{self, Feed};

const BATCH_RECORDS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Reads a file.
#[derive(Debug)]
pub struct FileSource {
    options: Options,
}

impl FileSource {
    /// A source that does as `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for FileSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        let options = self.options;
        let id = options.id;
        Box::pin(async move {
            let start = start(&options, &positions)?;
            let read = move |feed: &mut Feed| Reader::new(options).read(start, feed);
            feed::drive(id, output, read).await
        })
    }
}

fn start(options: &Options, positions: &[Position]) -> Result<FilePosition, SourceError> {
    let partition = options.path.to_string_lossy();
    let Some(position) = positions.iter().find(|position| position.partition == partition) else {
        return Ok(FilePosition::default());
    };
    FilePosition::parse(&position.next).ok_or_else(|| {
        let message = format!("cannot go on in {partition} from {:?}: it is no position in a file", position.next);
        feed::failed(options.id, false, message)
    })
}

struct Reader {
    options: Options,
    partition: CompactString,
    header: Option<Header>,
    batch: Vec<SourceRecord>,
    batch_bytes: usize,
}

impl Reader {
    fn new(options: Options) -> Self {
        let partition = options.path.to_string_lossy().to_compact_string();
        Self { options, partition, header: None, batch: Vec::new(), batch_bytes: 0 }
    }

    fn read(mut self, start: FilePosition, feed: &mut Feed) -> Result<(), SourceError> {
        let Some(mut tail) = self.open(start, feed)? else { return Ok(()) };
        if self.has_header() && tail.position().byte > 0 {
            self.read_header_again(&mut tail)?;
        }
        loop {
            match tail.next().map_err(|error| self.io_failed("read", &error))? {
                Next::Record { bytes, line } => self.take(bytes, line, tail.position())?,
                Next::Broken { bytes, line, why } => self.malformed(bytes.into(), line, why, tail.position()),
                Next::End => {
                    // Nothing more now: what is gathered must not wait for what may come.
                    if !self.flush(feed) || !self.options.follow {
                        return Ok(());
                    }
                    match tail.turn().map_err(|error| self.io_failed("look at", &error))? {
                        Turn::Same if !feed.pause(self.options.poll_interval) => return Ok(()),
                        Turn::Same => {}
                        Turn::Fresh => self.header = None,
                    }
                }
            }
            let full = self.batch.len() >= BATCH_RECORDS_MAX || self.batch_bytes >= BATCH_BYTES_MAX;
            if full && !self.flush(feed) {
                return Ok(());
            }
        }
    }

    /// Opens the file; a followed one may take its time to appear. `None`: the engine said stop.
    fn open(&self, start: FilePosition, feed: &mut Feed) -> Result<Option<Tail>, SourceError> {
        let mut told = false;
        loop {
            let Options { path, record_bytes_max, follow, .. } = &self.options;
            let opened = Tail::open(path, start, self.has_header(), *record_bytes_max, *follow)
                .map_err(|error| self.io_failed("open", &error))?;
            match opened {
                Some(tail) => return Ok(Some(tail)),
                None if !follow => {
                    return Err(feed::failed(self.options.id, false, format!("there is no file {}", path.display())));
                }
                None if !told => info!(file = %path.display(), "waiting for the file to appear"),
                None => {}
            }
            told = true;
            if !feed.pause(self.options.poll_interval) {
                return Ok(None);
            }
        }
    }

    fn has_header(&self) -> bool {
        matches!(self.options.format, Format::Csv { .. })
    }

    fn read_header_again(&mut self, tail: &mut Tail) -> Result<(), SourceError> {
        match tail.first_record().map_err(|error| self.io_failed("read the header of", &error))? {
            Next::Record { bytes, .. } => self.set_header(&bytes),
            Next::Broken { .. } | Next::End => {
                let message = format!("{} has no header row any more", self.partition);
                Err(feed::failed(self.options.id, false, message))
            }
        }
    }

    fn set_header(&mut self, row: &[u8]) -> Result<(), SourceError> {
        let header = Header::parse(&self.options, row)
            .map_err(|why| feed::failed(self.options.id, false, format!("{}:1: {why}", self.partition)))?;
        self.header = Some(header);
        Ok(())
    }

    fn take(&mut self, record: Vec<u8>, line: u64, behind: FilePosition) -> Result<(), SourceError> {
        if record.is_empty() {
            return Ok(());
        }
        if self.has_header() && self.header.is_none() {
            return self.set_header(&record);
        }
        match decode(&self.options, self.header.as_ref(), &record, line) {
            Ok(decoded) => {
                self.batch_bytes += decoded.value.len();
                self.batch.push(SourceRecord::Keyed {
                    route: 0,
                    key: Some(decoded.key),
                    value: Some(decoded.value),
                    event_time: decoded.event_time,
                    position: self.position(behind),
                });
            }
            Err(why) => self.malformed(record.into(), line, &why, behind),
        }
        Ok(())
    }

    fn malformed(&mut self, raw: Bytes, line: u64, why: &str, behind: FilePosition) {
        self.batch_bytes += raw.len();
        self.batch.push(SourceRecord::Malformed {
            detail: format!("{}:{line}: {why}", self.partition),
            raw,
            position: self.position(behind),
        });
    }

    fn position(&self, behind: FilePosition) -> Position {
        Position { partition: self.partition.clone(), next: behind.to_compact_string() }
    }

    fn flush(&mut self, feed: &mut Feed) -> bool {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        feed.send(batch)
    }

    fn io_failed(&self, attempt: &str, error: &io::Error) -> SourceError {
        // A file that is not the one that was read stays so, however often it is opened.
        let retryable = error.kind() != io::ErrorKind::InvalidData;
        feed::failed(self.options.id, retryable, format!("cannot {attempt} {}: {error}", self.partition))
    }
}
