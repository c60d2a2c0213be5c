use std::time::Duration;

use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tracing::warn;

use super::appender::Appender;
use super::line::{header, line};
use super::{Format, Options};
use crate::retry::Backoff;

/// Commands gathered into one sync at most.
const COMMANDS_AT_ONCE: usize = 64;
/// Attempts at writing what is left once the engine said stop.
const LAST_ATTEMPTS: u32 = 3;

/// Appends records to a file.
#[derive(Debug)]
pub struct FileSink {
    options: Options,
}

impl FileSink {
    /// A sink that does as `options` say. The file is made when the first record comes.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Sink for FileSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        let options = self.options;
        Box::pin(async move {
            let mut writer = Writer::new(&options);
            loop {
                let (records, stop) = gather(&mut *input).await;
                if !writer.write(&options, records, stop, &mut *input).await? || stop {
                    return Ok(());
                }
            }
        })
    }
}

/// Waits for records, then takes what is there: one sync serves all of it.
async fn gather(input: &mut dyn SinkInput) -> (Vec<OutboxRecord>, bool) {
    let mut records = Vec::new();
    let mut command = input.next().await;
    for _ in 0..COMMANDS_AT_ONCE {
        match command {
            SinkCommand::Publish(more) => records.extend(more),
            SinkCommand::Completed(_) => {}
            SinkCommand::Stop => return (records, true),
        }
        match input.try_next() {
            Some(next) => command = next,
            None => break,
        }
    }
    (records, false)
}

struct Writer {
    appender: Option<Appender>,
    backoff: Backoff,
}

impl Writer {
    fn new(options: &Options) -> Self {
        Self {
            appender: Some(Appender::new(&options.path, header(&options.format))),
            backoff: Backoff::new(Duration::from_millis(100), options.backoff_max),
        }
    }

    /// Writes until it is written: a full disk costs time only. `false`: the engine said stop and the records are still owed.
    async fn write(
        &mut self,
        options: &Options,
        records: Vec<OutboxRecord>,
        stop: bool,
        input: &mut dyn SinkInput,
    ) -> Result<bool, SinkError> {
        let (lines, seqs) = render(&options.format, &records, input);
        if seqs.is_empty() {
            return Ok(true);
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Some(mut appender) = self.appender.take() else { return Err(failed(options, "the writer is gone")) };
            let text = lines.clone();
            // Syncing takes as long as the disk pleases.
            let written = tokio::task::spawn_blocking(move || {
                let result = appender.append(&text);
                (appender, result)
            });
            let (appender, result) = written.await.map_err(|error| failed(options, &error.to_string()))?;
            self.appender = Some(appender);
            match result {
                Ok(()) => {
                    self.backoff.reset();
                    input.published(seqs);
                    return Ok(true);
                }
                Err(error) => {
                    warn!(egress = %options.id, file = %options.path.display(), attempts, "cannot append, trying again: {error}");
                    if stop && attempts >= LAST_ATTEMPTS {
                        return Ok(false);
                    }
                }
            }
            tokio::time::sleep(self.backoff.step()).await;
        }
    }
}

fn render(format: &Format, records: &[OutboxRecord], input: &mut dyn SinkInput) -> (String, Vec<u64>) {
    let mut lines = String::new();
    let mut seqs = Vec::with_capacity(records.len());
    for OutboxRecord { seq, record } in records {
        match line(format, record) {
            Ok(line) => {
                lines.push_str(&line);
                seqs.push(*seq);
            }
            Err(why) => input.rejected(vec![*seq], why),
        }
    }
    (lines, seqs)
}

fn failed(options: &Options, why: &str) -> SinkError {
    SinkError {
        sink_id: options.id,
        message: format!("cannot append to {}: {why}", options.path.display()),
        retryable: true,
    }
}
