//! A message on its way to a function instance.

use crate::{Address, EventTime, Hold, IdHash, TypedValue};

/// A message on its way. The hash rides along so that routing and table look-ups never compute it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who receives it.
    pub target: Address,
    /// Hash of the target's id.
    pub hash: IdHash,
    /// Who sent it; `None` for what came from an ingress.
    pub caller: Option<Address>,
    /// What it says.
    pub argument: TypedValue,
    /// The event time it inherited from what caused it.
    pub event_time: EventTime,
    /// Whose event time waits for it.
    pub hold: Hold,
}

impl Envelope {
    /// An envelope without caller and event time, which holds nothing back.
    #[inline]
    #[must_use]
    pub fn new(target: Address, argument: TypedValue) -> Self {
        let hash = target.hash();
        Self { target, hash, caller: None, argument, event_time: EventTime::NONE, hold: Hold::NONE }
    }

    /// The same with a caller.
    #[must_use]
    pub fn from(mut self, caller: Address) -> Self {
        self.caller = Some(caller);
        self
    }

    /// What this costs in memory, in bytes, for budgets: its own size and what it points to.
    #[inline]
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.argument.bytes.len()
    }
}
