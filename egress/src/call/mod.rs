//! Records for the program itself: a closure as an egress.

use std::sync::Arc;

use statefun::{EgressRecord, Symbol};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{Sink, SinkCommand, SinkError, SinkInput};

/// Is shown every record, in order. An error is for good: the record becomes a dead letter.
pub type Receiver = Arc<dyn Fn(&EgressRecord) -> Result<(), String> + Send + Sync>;

/// Shows records to a closure, on a thread where it may block. A crash may show again what no epoch knows to be shown.
pub struct CallSink {
    id: Symbol,
    receiver: Receiver,
}

impl CallSink {
    /// The sink `id` that shows its records to `receiver`.
    #[must_use]
    pub fn new(id: Symbol, receiver: Receiver) -> Self {
        Self { id, receiver }
    }
}

impl Sink for CallSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                match input.next().await {
                    SinkCommand::Publish(records) => {
                        let receiver = Arc::clone(&self.receiver);
                        let shown = tokio::task::spawn_blocking(move || {
                            let (mut published, mut rejected) = (Vec::with_capacity(records.len()), Vec::new());
                            for entry in records {
                                match receiver(&entry.record) {
                                    Ok(()) => published.push(entry.seq),
                                    Err(why) => rejected.push((entry.seq, why)),
                                }
                            }
                            (published, rejected)
                        });
                        let (published, rejected) = shown.await.map_err(|error| SinkError {
                            sink_id: self.id,
                            message: format!("whoever receives the records failed: {error}"),
                            retryable: true,
                        })?;
                        for (seq, why) in rejected {
                            input.rejected(vec![seq], why);
                        }
                        if !published.is_empty() {
                            input.published(published);
                        }
                    }
                    SinkCommand::Completed(_) => {}
                    SinkCommand::Stop => return Ok(()),
                }
            }
        })
    }
}
