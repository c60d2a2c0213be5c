//! Taking back what a snapshot holds.

use statefun::function::StateSpec;
use statefun::{FunctionType, ProcessingTime};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::{RowKey, RowValue};

use super::Shard;
use super::activation::{Durable, Queued};
use super::delayed::{DelayedKey, WaitingMessage};
use super::idempotency::home_of_answer;

impl<S: KeyedState> Shard<S> {
    /// Takes one row of this shard's key groups back; before those, the rows that say how far time had come for any shard
    /// ([`RowKey::Time`]), or a timer might not be known for one that time has reached. Waiting messages come in the order
    /// of their keys within a group; calls that were in flight are made again when the shard is first driven.
    ///
    /// # Panics
    /// When key and value are of different kinds, which no store returns.
    pub fn restore(&mut self, key: RowKey, value: RowValue) {
        let durable = Durable::In(self.closed);
        match (key, value) {
            (RowKey::Value { address, name, .. }, RowValue::Value(stored)) => {
                self.clock = self.clock.max(stored.touched);
                self.state.restore(address, name, stored);
            }
            (RowKey::Waiting { seq, .. }, RowValue::Waiting(mut envelope)) => {
                self.next_seq = self.next_seq.max(seq + 1);
                if self.is_reply(envelope.target.function) {
                    envelope.hash = home_of_answer(&envelope.target.id).unwrap_or(envelope.hash);
                } else {
                    // The entry must exist before work of its type does.
                    self.types.entry(envelope.target.function, &*self.directory, &mut self.state, &mut self.time);
                }
                self.recount(&mut envelope);
                self.load.messages += 1;
                self.load.bytes += envelope.footprint();
                self.backlog.push_back(Queued { seq, durable, envelope });
                self.ahead = self.backlog.len();
            }
            (RowKey::Delayed { group, due, seq }, RowValue::Delayed(message)) => {
                self.next_seq = self.next_seq.max(seq + 1);
                self.delayed.insert(DelayedKey { due, seq, group }, WaitingMessage { durable, message });
            }
            (RowKey::Timer { address, at, .. }, RowValue::Timer(domain)) => {
                self.restore_timer(&address, at, domain, durable);
            }
            (RowKey::Time { .. }, RowValue::Time(row)) => self.restore_time(&row),
            (RowKey::Specs { function }, RowValue::Specs(specs)) => self.remember(function, specs),
            (RowKey::Clock { .. }, RowValue::Clock(clock)) => self.clock = self.clock.max(clock),
            (RowKey::Idempotency { address, key, .. }, RowValue::Idempotency(kept)) => {
                self.restore_request(address, key, kept);
            }
            (RowKey::Position { .. }, RowValue::Position(_)) | (RowKey::Outbox { .. }, RowValue::Outbox(_)) => {}
            (key, value) => panic!("a row's key and value are of one kind, these are not: {key:?} {value:?}"),
        }
    }

    /// What a function type had declared when the snapshot was taken.
    fn remember(&mut self, function: FunctionType, specs: Vec<StateSpec>) {
        let entry = self.types.entry(function, &*self.directory, &mut self.state, &mut self.time);
        entry.remembered = specs;
    }

    /// The clock continues from here; it never goes back, across restarts too.
    pub fn restore_clock(&mut self, clock: ProcessingTime) {
        self.clock = self.clock.max(clock);
    }
}
