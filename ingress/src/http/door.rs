//! What all listeners of a process share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hashbrown::HashMap;
use statefun::{Address, Envelope, FunctionType, Id, Symbol, TypedValue};
use statefun_ports::BoxFuture;
use statefun_ports::sink::Sink;
use statefun_ports::source::{Position, Source, SourceError, SourceEvent, SourceOutput, SourceRecord};
use tokio::sync::{mpsc, oneshot};

use super::reply_sink::ReplySink;

/// The function type by which functions address a caller that waits: replying to it answers the HTTP request.
pub const REPLY_FUNCTION: &str = "io.statefun.http/reply";

/// Requests that may wait for the source; beyond, a request waits before it is taken.
const REQUESTS_AHEAD: usize = 4096;

/// The most requests handed over together.
const BATCH: usize = 512;

/// What the rest of the node says about taking a message in.
pub trait Admission: Send + Sync {
    /// Whether there is room for more work.
    fn has_room(&self) -> bool;
    /// Whether anybody serves a function type.
    fn serves(&self, function: FunctionType) -> bool;
}

/// The node takes nothing in any more.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the node is stopping")]
pub struct Closed;

/// What became of a request that waited for a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function replied, and the reply is durable.
    Reply(TypedValue),
    /// No reply in time; the message itself is durable and will be handled.
    Accepted {
        /// Names the request.
        request: String,
    },
    /// Neither a reply nor durability in time: what became of the message is not known.
    Unknown,
}

/// See the [module documentation](super). Clones are handles to the same door.
#[derive(Clone)]
pub struct Door {
    name: Symbol,
    reply_function: FunctionType,
    requests: mpsc::Sender<Request>,
    inbox: Arc<Mutex<Option<mpsc::Receiver<Request>>>>,
    waiting: Arc<Mutex<HashMap<Id, oneshot::Sender<TypedValue>>>>,
}

struct Request {
    envelope: Envelope,
    /// Whether its caller waits for durability alone. One that waits for a reply pays for the reply's epoch only.
    is_urgent: bool,
    durable: oneshot::Sender<()>,
}

impl Door {
    /// A door by the name of the source it is.
    #[must_use]
    pub fn new(name: Symbol) -> Self {
        let (requests, inbox) = mpsc::channel(REQUESTS_AHEAD);
        Self {
            name,
            reply_function: FunctionType::parse(REPLY_FUNCTION).expect("a constant typename"),
            requests,
            inbox: Arc::new(Mutex::new(Some(inbox))),
            waiting: Arc::default(),
        }
    }

    /// The function type that answers callers.
    #[must_use]
    pub fn reply_function(&self) -> FunctionType {
        self.reply_function
    }

    /// The connector that brings requests in.
    #[must_use]
    pub fn source(&self) -> Box<dyn Source> {
        Box::new(DoorSource { door: self.clone() })
    }

    /// The connector that carries replies out.
    #[must_use]
    pub fn replies(&self) -> Box<dyn Sink> {
        Box::new(ReplySink::new(self.clone()))
    }

    /// Hands a message over; returns when it is durable.
    ///
    /// # Errors
    /// When the node stops before that.
    pub async fn submit(&self, envelope: Envelope) -> Result<(), Closed> {
        self.hand_over(envelope, true).await?.await.map_err(|_| Closed)
    }

    /// Hands a message over and waits for the function's reply, at most `wait`.
    ///
    /// # Errors
    /// When the node stops before that.
    pub async fn ask(&self, mut envelope: Envelope, wait: Duration) -> Result<Answer, Closed> {
        let request = Id::from(uuid::Uuid::now_v7().simple().to_string());
        envelope.caller = Some(Address::new(self.reply_function, request.clone()));
        let (reply, answer) = oneshot::channel();
        self.waiting().insert(request.clone(), reply);
        // Taken out again whatever happens, a caller that goes away included.
        let _guard = Waiting { door: self, request: &request };
        let until = tokio::time::Instant::now() + wait;
        // An engine without room takes nothing, and the caller's patience ends all the same.
        let Ok(handed_over) = tokio::time::timeout_at(until, self.hand_over(envelope, false)).await else {
            return Ok(Answer::Unknown);
        };
        let mut durable = handed_over?;
        let answered = tokio::time::timeout_at(until, answer).await;
        if let Ok(Ok(value)) = answered {
            return Ok(Answer::Reply(value));
        }
        match (durable.try_recv(), answered) {
            (Ok(()), _) => Ok(Answer::Accepted { request: request.to_string() }),
            (Err(_), Ok(_)) => Err(Closed),
            (Err(_), Err(_)) => Ok(Answer::Unknown),
        }
    }

    /// Whether nothing is taken in any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    async fn hand_over(&self, envelope: Envelope, is_urgent: bool) -> Result<oneshot::Receiver<()>, Closed> {
        let (durable, is_durable) = oneshot::channel();
        self.requests.send(Request { envelope, is_urgent, durable }).await.map_err(|_| Closed)?;
        Ok(is_durable)
    }

    /// Gives a reply to whoever waits for it, if somebody still does.
    pub(super) fn answer(&self, request: &Id, value: TypedValue) {
        if let Some(waiting) = self.waiting().remove(request) {
            let _ = waiting.send(value);
        }
    }

    /// No reply will come any more: whoever waits for one is told what is known instead of waiting in vain.
    pub(super) fn no_more_replies(&self) {
        self.waiting().clear();
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Id, oneshot::Sender<TypedValue>>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn inbox(&self) -> MutexGuard<'_, Option<mpsc::Receiver<Request>>> {
        self.inbox.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct Waiting<'a> {
    door: &'a Door,
    request: &'a Id,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.door.waiting().remove(self.request);
    }
}

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

struct DoorSource {
    door: Door,
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
                        for Request { envelope, is_urgent, durable } in batch.drain(..) {
                            records.push(SourceRecord::Addressed { envelope, ticket: Some(next_ticket), is_urgent });
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

#[cfg(test)]
mod tests;
