//! Carries replies to those who wait for them.

use statefun::EgressRecord;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{Sink, SinkCommand, SinkError, SinkInput};

use super::Door;

pub(super) struct ReplySink {
    door: Door,
}

impl ReplySink {
    pub(super) fn new(door: Door) -> Self {
        Self { door }
    }
}

impl Sink for ReplySink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                match input.next().await {
                    SinkCommand::Publish(records) => {
                        let mut seqs = Vec::with_capacity(records.len());
                        for published in records {
                            seqs.push(published.seq);
                            // Nobody waits any more for a reply that a snapshot held; it is done with all the same.
                            if let EgressRecord::Reply { request, value } = published.record {
                                self.door.answer(&request, value);
                            }
                        }
                        input.published(seqs);
                    }
                    SinkCommand::Completed(_) => {}
                    SinkCommand::Stop => {
                        self.door.no_more_replies();
                        return Ok(());
                    }
                }
            }
        })
    }
}
