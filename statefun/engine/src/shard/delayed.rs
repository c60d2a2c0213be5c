//! Messages that are to be sent later.
//!
//! Kept on the sender's side and ordered by due time, then by the order of asking. A cancellation token names a waiting
//! message; tokens are scoped by the sender's id across function types, as StateFun scopes them.

use std::collections::BTreeMap;

use compact_str::CompactString;
use hashbrown::HashMap;
use statefun::{Id, KeyGroup, ProcessingTime};
use statefun_ports::rows::{Delayed, RowKey};

use super::activation::Durable;

#[derive(Default)]
pub(super) struct DelayedMessages {
    waiting: BTreeMap<DelayedKey, WaitingMessage>,
    tokens: HashMap<(Id, CompactString), DelayedKey>,
    /// Keys of messages that no epoch has written.
    fresh: Vec<DelayedKey>,
    /// What waits, by [`footprint`].
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DelayedKey {
    pub(super) due: ProcessingTime,
    pub(super) seq: u64,
    /// The owner's group. Two shards that became one may have given the same place to two messages.
    pub(super) group: KeyGroup,
}

pub(super) struct WaitingMessage {
    pub(super) durable: Durable,
    pub(super) message: Delayed,
}

impl DelayedMessages {
    pub(super) fn insert(&mut self, key: DelayedKey, waiting: WaitingMessage) {
        if let Some(token) = &waiting.message.token {
            self.tokens.insert((waiting.message.owner.id.clone(), token.clone()), key);
        }
        if waiting.durable == Durable::No {
            self.fresh.push(key);
        }
        self.bytes += footprint(&waiting.message);
        if let Some(replaced) = self.waiting.insert(key, waiting) {
            self.bytes -= footprint(&replaced.message);
        }
    }

    pub(super) fn token_is_live(&self, owner: &Id, token: &str) -> bool {
        !self.tokens.is_empty() && self.tokens.contains_key(&(owner.clone(), token.into()))
    }

    /// Takes a message back; the key of its row if it has one.
    pub(super) fn cancel(&mut self, owner: &Id, token: &CompactString) -> Option<RowKey> {
        let key = self.tokens.remove(&(owner.clone(), token.clone()))?;
        let waiting = self.waiting.remove(&key).expect("a live token names a waiting message");
        self.bytes -= footprint(&waiting.message);
        (waiting.durable != Durable::No).then(|| row_key(key))
    }

    /// Takes the next message that is due.
    pub(super) fn pop_due(&mut self, now: ProcessingTime) -> Option<(RowKey, WaitingMessage)> {
        if self.next_due()? > now {
            return None;
        }
        let (key, waiting) = self.waiting.pop_first()?;
        self.bytes -= footprint(&waiting.message);
        if let Some(token) = &waiting.message.token {
            self.tokens.remove(&(waiting.message.owner.id.clone(), token.clone()));
        }
        Some((row_key(key), waiting))
    }

    pub(super) fn next_due(&self) -> Option<ProcessingTime> {
        self.waiting.first_key_value().map(|(key, _)| key.due)
    }

    /// Marks everything fresh as written by an epoch and shows it.
    pub(super) fn write_fresh(&mut self, durable: Durable, mut each: impl FnMut(RowKey, &Delayed)) -> Vec<DelayedKey> {
        let fresh = std::mem::take(&mut self.fresh);
        let mut written = Vec::with_capacity(fresh.len());
        for key in fresh {
            if let Some(waiting) = self.waiting.get_mut(&key)
                && waiting.durable == Durable::No
            {
                waiting.durable = durable;
                each(row_key(key), &waiting.message);
                written.push(key);
            }
        }
        written
    }

    /// The epoch that wrote these was abandoned.
    pub(super) fn unwrite(&mut self, written: Vec<DelayedKey>) {
        for key in written {
            if let Some(waiting) = self.waiting.get_mut(&key) {
                waiting.durable = Durable::No;
                self.fresh.push(key);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What a message takes while it waits: itself, its place in the order, its payload.
fn footprint(message: &Delayed) -> usize {
    size_of::<(DelayedKey, WaitingMessage)>() + message.envelope.argument.bytes.len()
}

fn row_key(DelayedKey { due, seq, group }: DelayedKey) -> RowKey {
    RowKey::Delayed { group, due, seq }
}
