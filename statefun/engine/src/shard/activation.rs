//! An address that has work which waits.

use std::collections::VecDeque;

use statefun::{CallId, Envelope, Epoch, ProcessingTime};

/// Which epoch wrote the row of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// None yet.
    No,
    /// This one, which may still be abandoned.
    In(Epoch),
}

/// A message that waits or is being handled.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    /// Its place in the order of arrival.
    pub(super) seq: u64,
    pub(super) durable: Durable,
    pub(super) envelope: Envelope,
}

/// The work of one address, in order; the front is what is being handled.
#[derive(Debug, Default)]
pub(super) struct Activation {
    pub(super) queue: VecDeque<Queued>,
    pub(super) phase: Phase,
    /// Whether some message of the queue is in no epoch; then the address is on the shard's list of such.
    pub(super) fresh: bool,
    /// When it began to wait for what is at the front.
    pub(super) since: ProcessingTime,
    /// Failures in a row of what is at the front.
    pub(super) failures: u32,
    /// A bound on the next batch, set when a larger one was refused or held a message that always fails.
    pub(super) batch_limit: Option<usize>,
    /// What went wrong last, for people.
    pub(super) last_failure: Option<String>,
}

/// What an address waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing: it is on the ready list.
    #[default]
    Ready,
    /// The answer to its type's probe.
    AwaitingProbe,
    /// The answer to a call that carries the first `count` messages and the first `states` of the registered states.
    Calling { call: CallId, count: usize, states: usize, probe: bool, since: ProcessingTime },
    /// A time.
    BackingOff { until: ProcessingTime, salt: u64 },
}
