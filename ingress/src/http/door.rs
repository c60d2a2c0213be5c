//! What all listeners of a process share.

pub(super) mod late;
mod source;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use compact_str::CompactString;
use statefun::{Address, Ask, Envelope, FunctionType, RequestId, Symbol, TypedValue};
use statefun_ports::BoxFuture;
use statefun_ports::rows::RequestProgress;
use statefun_ports::sink::Sink;
use statefun_ports::source::Source;
use tokio::sync::{mpsc, oneshot};

use super::reply_sink::ReplySink;
use late::Late;
use source::DoorSource;
use waiting::{Outcome, Waiting};

/// The function type by which functions address a caller that waits: replying to it answers the HTTP request.
pub const REPLY_FUNCTION: &str = "io.statefun.http/reply";

/// Requests that may wait for the source; beyond, a request waits before it is taken.
const REQUESTS_AHEAD: usize = 4096;

/// How long replies are kept that come when nobody waits, unless told otherwise.
const LATE_REPLIES_KEPT: Duration = Duration::from_secs(600);

/// The most requests handed over together.
const BATCH: usize = 512;

/// What the rest of the node says about taking a message in.
pub trait Admission: Send + Sync {
    /// Whether there is room for more work.
    fn has_room(&self) -> bool;
    /// Whether anybody serves a function type.
    fn serves(&self, function: FunctionType) -> bool;
    /// How far a request is, as far as that is durable; `None` when it is not remembered.
    fn request(&self, request: RequestId) -> BoxFuture<'static, Option<RequestProgress>>;
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
    /// The message is durable, and nobody asked for a reply.
    Durable,
    /// No reply in time; the message itself is durable and will be handled.
    Accepted {
        /// Names the request.
        request: RequestId,
    },
    /// Another message came under the same key before.
    Conflict,
    /// There is no room to remember one more key; the message was not taken in.
    Full,
    /// Neither a reply nor durability in time: what became of the message is not known.
    Unknown,
}

/// By what name a request is remembered, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The caller's own name for the request, if it gave one: under one key a message is handled once.
    pub key: Option<CompactString>,
    /// How long the request is remembered.
    pub keep: Duration,
}

/// See the [module documentation](super). Clones are handles to the same door.
#[derive(Clone)]
pub struct Door {
    name: Symbol,
    reply_function: FunctionType,
    requests: mpsc::Sender<Request>,
    inbox: Arc<Mutex<Option<mpsc::Receiver<Request>>>>,
    waiting: Arc<Mutex<Waiting>>,
    late: Arc<Mutex<Late>>,
}

struct Request {
    message: Message,
    durable: oneshot::Sender<()>,
}

enum Message {
    /// Its caller waits for durability alone. One that waits for a reply pays for the reply's epoch only.
    Plain(Envelope),
    /// Its caller may come back.
    Asked(Box<Ask>),
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
            late: Arc::new(Mutex::new(Late::new(LATE_REPLIES_KEPT))),
        }
    }

    /// How long replies are kept that come when nobody waits for them, from those on that come from now on.
    pub fn keep_late_replies(&self, keep: Duration) {
        self.late().keep = keep;
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
        self.hand_over(Message::Plain(envelope)).await?.await.map_err(|_| Closed)
    }

    /// Hands a message over and waits for the function's reply, at most `wait`.
    ///
    /// # Errors
    /// When the node stops before that.
    pub async fn ask(&self, envelope: Envelope, wait: Duration, terms: Terms) -> Result<Answer, Closed> {
        self.request(envelope, true, wait, terms).await
    }

    /// Hands a message over that is handled once under its key, and waits until it is durable, at most `wait`. Of a
    /// message whose reply was asked for under the same key before, and has come, the answer is the reply.
    ///
    /// # Errors
    /// When the node stops before that.
    pub async fn submit_once(&self, envelope: Envelope, wait: Duration, terms: Terms) -> Result<Answer, Closed> {
        self.request(envelope, false, wait, terms).await
    }

    async fn request(
        &self,
        mut envelope: Envelope,
        wants_reply: bool,
        wait: Duration,
        Terms { key, keep }: Terms,
    ) -> Result<Answer, Closed> {
        let request = RequestId::new(uuid::Uuid::now_v7().as_u128(), envelope.hash);
        envelope.caller = wants_reply.then(|| Address::new(self.reply_function, request.to_id()));
        let outcome = self.waiting().sit(request);
        // Taken out again whatever happens, a caller that goes away included.
        let _guard = Leaving { door: self, request };
        let has_key = key.is_some();
        let fingerprint = statefun::request::fingerprint(&envelope.argument);
        let ask = Ask { request, key, fingerprint, keep: keep.max(wait), envelope };
        let until = tokio::time::Instant::now() + wait;
        // An engine without room takes nothing, and the caller's patience ends all the same.
        let handed_over = self.hand_over(Message::Asked(Box::new(ask)));
        let Ok(handed_over) = tokio::time::timeout_at(until, handed_over).await else {
            return Ok(Answer::Unknown);
        };
        let mut durable = handed_over?;
        let told = tokio::time::timeout_at(until, outcome).await;
        if let Ok(Ok(outcome)) = told {
            return Ok(match outcome {
                Outcome::Reply(value) => Answer::Reply(value),
                Outcome::Accepted => Answer::Durable,
                Outcome::Conflict => Answer::Conflict,
                Outcome::Full => Answer::Full,
            });
        }
        // A message with a key may have been refused, or be another one's repetition: only a verdict says what it is.
        let under = match has_key {
            true => self.waiting().under(request),
            false => durable.try_recv().ok().map(|()| request),
        };
        match (under, told) {
            (Some(request), _) => Ok(Answer::Accepted { request }),
            (None, Ok(_)) => Err(Closed),
            (None, Err(_)) => Ok(Answer::Unknown),
        }
    }

    /// A reply that came when nobody waited for it, if it is still kept.
    #[must_use]
    pub fn late_reply(&self, request: RequestId) -> Option<TypedValue> {
        self.late().get(request)
    }

    /// Whether nothing is taken in any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    async fn hand_over(&self, message: Message) -> Result<oneshot::Receiver<()>, Closed> {
        let (durable, is_durable) = oneshot::channel();
        self.requests.send(Request { message, durable }).await.map_err(|_| Closed)?;
        Ok(is_durable)
    }

    /// Nobody will be told anything any more: whoever waits hears what is known instead of waiting in vain.
    pub(super) fn no_more_replies(&self) {
        self.waiting().clear();
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn inbox(&self) -> MutexGuard<'_, Option<mpsc::Receiver<Request>>> {
        self.inbox.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct Leaving<'a> {
    door: &'a Door,
    request: RequestId,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.door.waiting().leave(self.request);
    }
}

#[cfg(test)]
mod tests;
