use std::sync::Arc;

use statefun::{EgressRecord, Symbol};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tracing::warn;

use super::PlaygroundStore;
use super::store::Put;

/// Readers that take faster than this many at once are acknowledged in several steps.
const TAKEN_AT_ONCE: usize = 1024;

/// Fills a [`PlaygroundStore`], and lets go of what readers took from it.
#[derive(Debug)]
pub struct PlaygroundSink {
    id: Symbol,
    store: Arc<PlaygroundStore>,
}

impl PlaygroundSink {
    /// A sink into `store`.
    #[must_use]
    pub fn new(id: Symbol, store: Arc<PlaygroundStore>) -> Self {
        Self { id, store }
    }

    fn put(&self, record: OutboxRecord, input: &mut dyn SinkInput) {
        let OutboxRecord { seq, record } = record;
        let EgressRecord::Playground { topic, payload } = record else {
            input.rejected(vec![seq], "only playground records can be read from a topic".to_owned());
            return;
        };
        match self.store.put(topic.as_str(), seq, payload) {
            Put::Kept => {}
            Put::Full => {
                let dropped = self.store.dropped();
                if dropped.is_power_of_two() {
                    warn!(egress = %self.id, %topic, dropped, "the topic is full and nobody reads it: new payloads are dropped");
                }
                input.published(vec![seq]);
            }
            Put::UnknownTopic => input.rejected(vec![seq], format!("the module lists no topic {topic:?}")),
        }
    }
}

impl Sink for PlaygroundSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            let mut taken = self.store.begin();
            let mut seqs = Vec::new();
            loop {
                tokio::select! {
                    1.. = taken.recv_many(&mut seqs, TAKEN_AT_ONCE) => input.published(std::mem::take(&mut seqs)),
                    command = input.next() => match command {
                        SinkCommand::Publish(records) => {
                            for record in records {
                                self.put(record, &mut *input);
                            }
                        }
                        SinkCommand::Completed(_) => {}
                        SinkCommand::Stop => {
                            while let Ok(seq) = taken.try_recv() {
                                seqs.push(seq);
                            }
                            if !seqs.is_empty() {
                                input.published(seqs);
                            }
                            return Ok(());
                        }
                    },
                }
            }
        })
    }
}
