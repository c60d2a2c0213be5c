use std::path::PathBuf;
use std::time::Duration;

use statefun::Symbol;

/// Where to append and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The egress.
    pub id: Symbol,
    /// The file; its folder is made if there is none.
    pub path: PathBuf,
    /// How a record becomes a line.
    pub format: Format,
    /// The longest wait before a write that failed (a full disk, say) is tried again.
    pub backoff_max: Duration,
}

impl Options {
    /// Appends to `path`.
    #[must_use]
    pub fn new(id: Symbol, path: impl Into<PathBuf>, format: Format) -> Self {
        Self { id, path: path.into(), format, backoff_max: Duration::from_secs(10) }
    }
}

/// How a record becomes a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// The value as JSON.
    Jsonl,
    /// These fields of the value, which must be a JSON object, behind a header row. What it lacks is left empty; a record
    /// that is no object is rejected.
    Csv {
        /// The fields, in order.
        columns: Vec<String>,
    },
    /// The value as text.
    Text,
}
