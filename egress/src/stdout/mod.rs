//! Standard output as a sink: a line per record.

mod sink;

pub use sink::{Format, Options, StdoutSink};
