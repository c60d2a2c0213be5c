//! The door as a source.

use std::collections::VecDeque;

use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceEvent, SourceOutput, SourceRecord};
use tokio::sync::oneshot;

use super::{BATCH, Door, Message, Request};

/// Whoever waits for durability, by ticket.
#[derive(Default)]
struct Undurable(VecDeque<(u64, oneshot::Sender<()>)>);

impl Undurable {
    fn release(&mut self, ticket: u64) {
        while self.0.front().is_some_and(|(waiting, _)| *waiting <= ticket) {
            if let Some((_, durable)) = self.0.pop_front() {
                // A caller that went away does not mind.
                let _ = durable.send(());
            }
        }
    }
}

pub(super) struct DoorSource {
    pub(super) door: Door,
}

impl Source for DoorSource {
    fn run(
        self: Box<Self>,
        _: Vec<Position>,
        mut output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async move {
            let Some(mut inbox) = self.door.inbox().take() else {
                let message = "the door is open already".to_owned();
                return Err(SourceError { source_id: self.door.name, message, retryable: false });
            };
            let mut next_ticket = 1;
            let mut undurable = Undurable::default();
            let mut batch = Vec::new();
            let mut is_told = false;
            loop {
                tokio::select! {
                    biased;
                    event = output.event() => match event {
                        SourceEvent::Durable { ticket } => undurable.release(ticket),
                        SourceEvent::Committed(_) => {}
                        SourceEvent::Stop => {
                            is_told = true;
                            break;
                        }
                    },
                    received = inbox.recv_many(&mut batch, BATCH) => {
                        if received == 0 {
                            return Ok(());
                        }
                        let mut records = Vec::with_capacity(received);
                        for Request { message, durable } in batch.drain(..) {
                            let ticket = Some(next_ticket);
                            records.push(match message {
                                Message::Plain(envelope) => {
                                    SourceRecord::Addressed { envelope, ticket, is_urgent: true }
                                }
                                Message::Asked(ask) => SourceRecord::Asked { ask, ticket },
                            });
                            undurable.0.push_back((next_ticket, durable));
                            next_ticket += 1;
                        }
                        if !output.send(records).await {
                            break;
                        }
                    }
                }
            }
            // Whoever still asks is refused; the last epoch is still to come, and those whom it holds get their answer.
            drop(inbox);
            while !undurable.0.is_empty() {
                match output.event().await {
                    SourceEvent::Durable { ticket } => undurable.release(ticket),
                    // The first is the word to stop itself, when there was no room any more before it was heard. After
                    // the engine has gone there is nothing but that.
                    SourceEvent::Stop if std::mem::replace(&mut is_told, true) => break,
                    SourceEvent::Stop | SourceEvent::Committed(_) => {}
                }
            }
            Ok(())
        })
    }
}
