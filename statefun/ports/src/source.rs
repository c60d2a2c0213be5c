//! Connectors that bring events in.
//!
//! A connector reads and offers; it decides nothing. Routing, positions, credits and snapshots are the engine's, which
//! runs behind [`SourceOutput`]. A connector that is not polled for room simply waits in [`SourceOutput::send`].

use bytes::Bytes;
use compact_str::CompactString;
use statefun::{Ask, Envelope, EventTime, Symbol};

use crate::BoxFuture;

/// A position in a partition, in the source's own words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The partition (`topic/3`, a file's path).
    pub partition: CompactString,
    /// The next position to read, behind everything handed over (`42`).
    pub next: CompactString,
}

/// What a connector hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRecord {
    /// A keyed record; the engine routes it to the targets of `route`.
    Keyed {
        /// Which entry of the ingress's routes applies (a topic).
        route: u32,
        /// The key, which becomes the target's id.
        key: Option<Bytes>,
        /// The value.
        value: Option<Bytes>,
        /// When it happened.
        event_time: EventTime,
        /// Where reading goes on after it.
        position: Position,
    },
    /// A message whose target the source knows already.
    Addressed {
        /// The message.
        envelope: Envelope,
        /// Answered when the message is durable; ascending numbers of this source.
        ticket: Option<u64>,
        /// Somebody waits for nothing but durability, so an epoch should close at once.
        is_urgent: bool,
    },
    /// The same from a caller who may come back; it is told what became of it.
    Asked {
        /// The message and its request.
        ask: Box<Ask>,
        /// Answered when the message is durable, or was refused; ascending numbers of this source.
        ticket: Option<u64>,
    },
    /// Everything handed over before is behind this position. For sources whose records carry none.
    Position(Position),
    /// Something that is no event; it becomes a dead letter and reading goes on behind it.
    Malformed {
        /// What is wrong.
        detail: String,
        /// The bytes.
        raw: Bytes,
        /// Where reading goes on after it.
        position: Position,
    },
    /// The input itself says how far its time has come; only of ingresses whose watermarks are explicit.
    Watermark {
        /// Which partition says so.
        partition: CompactString,
        /// No later event of it has a time at or before this.
        at: EventTime,
    },
    /// What is known about a partition apart from its records. A connector that reads several partitions announces each
    /// before the first record of any, or time would run ahead of those that have not spoken yet.
    Status {
        /// Which partition.
        partition: CompactString,
        /// Whether it has nothing to say for now and so holds nobody's time back.
        idle: bool,
    },
}

/// What the engine tells a connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceEvent {
    /// An epoch completed that holds everything up to these positions.
    Committed(Vec<Position>),
    /// All tickets up to and including this one are durable.
    Durable {
        /// The highest durable ticket.
        ticket: u64,
    },
    /// Stop reading; nothing will be taken any more.
    Stop,
}

/// The connector's way into the engine.
pub trait SourceOutput: Send {
    /// Hands records over, waiting for room. `false`: the engine has stopped.
    fn send(&mut self, records: Vec<SourceRecord>) -> BoxFuture<'_, bool>;

    /// The next thing the engine has to say; never returns while it has nothing.
    fn event(&mut self) -> BoxFuture<'_, SourceEvent>;

    /// The next thing the engine has to say, if it said something already.
    fn try_event(&mut self) -> Option<SourceEvent>;
}

/// How a connector's run ended.
#[derive(Debug, thiserror::Error)]
#[error("ingress {source_id}: {message}")]
pub struct SourceError {
    /// The ingress.
    pub source_id: Symbol,
    /// What happened.
    pub message: String,
    /// Whether starting again later may help.
    pub retryable: bool,
}

/// A connector.
pub trait Source: Send {
    /// Reads from `positions` (empty: from where it is configured to start) until the input ends, which is `Ok`, or the
    /// engine says stop.
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>>;
}
