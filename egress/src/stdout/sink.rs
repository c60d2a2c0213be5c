use std::io::{self, Write};

use statefun::Symbol;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};

use crate::render;

/// What to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The egress.
    pub id: Symbol,
    /// How a record becomes a line.
    pub format: Format,
}

/// How a record becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The value as text.
    Text,
    /// The value as JSON.
    Json,
}

/// Prints records.
pub struct StdoutSink {
    options: Options,
    writer: Box<dyn Write + Send>,
}

impl StdoutSink {
    /// A sink that prints to standard output.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::to(options, Box::new(io::stdout()))
    }

    /// A sink that prints to something else.
    #[must_use]
    pub fn to(options: Options, writer: Box<dyn Write + Send>) -> Self {
        Self { options, writer }
    }
}

impl Sink for StdoutSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            let Self { options, mut writer } = *self;
            loop {
                match input.next().await {
                    SinkCommand::Publish(records) => {
                        let format = options.format;
                        let seqs = records.iter().map(|record| record.seq).collect();
                        // A terminal that is stopped, or a pipe nobody reads, blocks: not on the arbiter.
                        let written = tokio::task::spawn_blocking(move || {
                            let result = print(&mut *writer, format, &records);
                            (writer, result)
                        });
                        let (returned, result) = written.await.map_err(|error| failed(options.id, &error))?;
                        writer = returned;
                        result.map_err(|error| failed(options.id, &error))?;
                        input.published(seqs);
                    }
                    SinkCommand::Completed(_) => {}
                    SinkCommand::Stop => return Ok(()),
                }
            }
        })
    }
}

fn print(writer: &mut dyn Write, format: Format, records: &[OutboxRecord]) -> io::Result<()> {
    let mut lines = String::new();
    for record in records {
        match format {
            Format::Text => lines.push_str(&render::text_line(&record.record)),
            Format::Json => lines.push_str(&render::json(&record.record).to_string()),
        }
        lines.push('\n');
    }
    // In one piece: lines of other writers, such as the log, come between records, not into them.
    writer.write_all(lines.as_bytes())?;
    writer.flush()
}

fn failed(sink_id: Symbol, error: &dyn std::fmt::Display) -> SinkError {
    SinkError { sink_id, message: format!("cannot write to standard output: {error}"), retryable: true }
}
