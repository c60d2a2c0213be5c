use std::path::PathBuf;
use std::time::Duration;

use statefun::Symbol;

/// What to read and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The ingress.
    pub id: Symbol,
    /// The file. Its text, as given, names the partition, so a moved file is a new one.
    pub path: PathBuf,
    /// How it is divided into records, and where a record's key is.
    pub format: Format,
    /// Where a record says when it happened; `None`: records have no event time.
    pub event_time: Option<EventTimeField>,
    /// Whether to wait for more at the end.
    pub follow: bool,
    /// How often to look for more when there was none.
    pub poll_interval: Duration,
    /// The longest record accepted; a longer one is malformed.
    pub record_bytes_max: usize,
}

impl Options {
    /// Reads `path` once, without event times.
    #[must_use]
    pub fn new(id: Symbol, path: impl Into<PathBuf>, format: Format) -> Self {
        Self {
            id,
            path: path.into(),
            format,
            event_time: None,
            follow: false,
            poll_interval: Duration::from_millis(100),
            record_bytes_max: 16 << 20,
        }
    }
}

/// A file's format, with the place of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object per line; the value is the line.
    Jsonl {
        /// Field that holds the key: a text, a number or a boolean. Dots lead into nested objects.
        key: String,
    },
    /// Comma-separated with a header row; the value is the row as a JSON object of texts, columns in their order.
    ///
    /// Texts, never numbers: a column of postal codes would otherwise change its type from row to row.
    Csv {
        /// Column that holds the key.
        key: String,
    },
    /// Plain lines; the value is the line.
    Text {
        /// What serves as key.
        key: TextKey,
    },
}

/// The key of a plain line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKey {
    /// The line itself: equal lines meet in one function.
    Line,
    /// The number of the line, from 1.
    Number,
}

/// Where a record says when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTimeField {
    /// The field (dots lead into nested objects) or column.
    pub field: String,
    /// How the time is written there.
    pub format: EventTimeFormat,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTimeFormat {
    /// Unix milliseconds.
    Millis,
    /// Unix seconds, with or without a fraction.
    Seconds,
    /// Text such as `2020-02-01T04:15:00Z`.
    Rfc3339,
}
