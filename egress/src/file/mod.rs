//! A file as a sink: a line per record, synced before it counts as published.
//!
//! A crash between writing and acknowledging repeats lines, and never loses one. The file may be rotated by moving it away:
//! the next batch makes a new one.

mod appender;
mod line;
mod options;
mod sink;

pub use options::{Format, Options};
pub use sink::FileSink;
