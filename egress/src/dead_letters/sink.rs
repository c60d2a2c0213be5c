use std::sync::Arc;

use statefun::{EgressRecord, Symbol};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tracing::warn;

use super::{CAPACITY, DeadLetters};

/// Fills [`DeadLetters`], and lets go of what was removed from them.
#[derive(Debug)]
pub struct DeadLetterSink {
    id: Symbol,
    letters: Arc<DeadLetters>,
}

impl DeadLetterSink {
    /// A sink into `letters`.
    #[must_use]
    pub fn new(id: Symbol, letters: Arc<DeadLetters>) -> Self {
        Self { id, letters }
    }

    fn keep(&self, record: OutboxRecord, input: &mut dyn SinkInput) {
        let OutboxRecord { seq, record } = record;
        match record {
            EgressRecord::DeadLetter(letter) => {
                if let Some(oldest) = self.letters.keep(seq, *letter) {
                    let displaced = self.letters.displaced();
                    // Not once per letter: a flood of them is when nobody needs a flood of warnings.
                    if displaced.is_power_of_two() {
                        warn!(egress = %self.id, displaced, "more than {CAPACITY} dead letters: the oldest are gone");
                    }
                    input.published(vec![oldest]);
                }
            }
            EgressRecord::Kafka(_)
            | EgressRecord::Playground { .. }
            | EgressRecord::Value { .. }
            | EgressRecord::Reply { .. }
            | EgressRecord::Verdict { .. } => {
                warn!(egress = %self.id, seq, "not a dead letter; it is dropped");
                input.published(vec![seq]);
            }
        }
    }
}

impl Sink for DeadLetterSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            let mut removed = self.letters.begin();
            loop {
                tokio::select! {
                    Some(seq) = removed.recv() => input.published(vec![seq]),
                    command = input.next() => match command {
                        SinkCommand::Publish(records) => {
                            for record in records {
                                self.keep(record, &mut *input);
                            }
                        }
                        SinkCommand::Completed(_) => {}
                        SinkCommand::Stop => {
                            while let Ok(seq) = removed.try_recv() {
                                input.published(vec![seq]);
                            }
                            return Ok(());
                        }
                    },
                }
            }
        })
    }
}
