//! Carries replies to those who wait for them, and keeps those that nobody waits for.

use statefun::{EgressRecord, RequestId};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tokio::time::Instant;

use super::Door;

pub(super) struct ReplySink {
    door: Door,
}

impl ReplySink {
    pub(super) fn new(door: Door) -> Self {
        Self { door }
    }

    /// Whether the record is done with.
    fn tell(&self, OutboxRecord { seq, record }: OutboxRecord) -> bool {
        match record {
            EgressRecord::Reply { request, value } => match RequestId::parse(&request) {
                Some(request) => {
                    self.door.waiting().reply(request, &value)
                        || !self.door.late().take(Instant::now(), seq, request, value)
                }
                // A name that this door never gave.
                None => true,
            },
            EgressRecord::Verdict { request, verdict } => {
                self.door.waiting().verdict(request, verdict);
                true
            }
            EgressRecord::Kafka(_)
            | EgressRecord::Playground { .. }
            | EgressRecord::Value { .. }
            | EgressRecord::DeadLetter(_) => true,
        }
    }
}

impl Sink for ReplySink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                let deadline = self.door.late().deadline();
                let expires = async move {
                    match deadline {
                        Some(deadline) => tokio::time::sleep_until(deadline).await,
                        None => std::future::pending().await,
                    }
                };
                let command = tokio::select! {
                    command = input.next() => Some(command),
                    () = expires => None,
                };
                let mut seqs = Vec::new();
                match command {
                    Some(SinkCommand::Publish(records)) => {
                        seqs.reserve(records.len());
                        for record in records {
                            let seq = record.seq;
                            if self.tell(record) {
                                seqs.push(seq);
                            }
                        }
                    }
                    Some(SinkCommand::Stop) => {
                        self.door.no_more_replies();
                        return Ok(());
                    }
                    Some(SinkCommand::Completed(_)) | None => {}
                }
                seqs.extend(self.door.late().expire(Instant::now()));
                if !seqs.is_empty() {
                    input.published(seqs);
                }
            }
        })
    }
}
