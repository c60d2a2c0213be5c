//! Files as sources: a record per line or row, once or as the file grows.
//!
//! ```text
//!   tail: bytes of whole lines, rotation ─▶ lines: one record's bytes ─▶ decode: key, value, event time
//! ```
//!
//! A file read once is a stream that ends. A followed file never ends: its last line counts when its newline is there,
//! and when it is rotated away the old file is read to its end before the new one begins.
//!
//! What cannot be decoded is handed over as malformed, with file and line, and reading goes on behind it.

mod decode;
mod options;
mod position;
mod source;
mod tail;
mod time_text;

pub(crate) use decode::parse_time;
pub use options::{EventTimeField, EventTimeFormat, Format, Options, TextKey};
pub use source::FileSource;
