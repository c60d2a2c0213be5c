//! Everything a snapshot holds: state, messages on their way, messages that wait, records.

use std::collections::{BTreeMap, VecDeque};

use statefun::function::{self, Effects, FunctionError, StateView};
use statefun::{Address, EgressId, Envelope, ProcessingTime, TypedValue};

use super::rng::Rng;
use crate::Functions;
use crate::testing::store::{Delayed, Store};

/// The way from one sender to one target, in which order is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Channel {
    pub(super) sender: Option<Address>,
    pub(super) target: Address,
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    stores: BTreeMap<Address, Store>,
    channels: BTreeMap<Channel, VecDeque<Envelope>>,
    delayed: BTreeMap<Address, Delayed>,
    pub(super) egress: Vec<(EgressId, TypedValue)>,
    pub(super) dead_letters: Vec<(Envelope, String)>,
}

impl World {
    pub(super) fn enqueue(&mut self, envelope: Envelope) {
        let channel = Channel { sender: envelope.caller.clone(), target: envelope.target.clone() };
        self.channels.entry(channel).or_default().push_back(envelope);
    }

    /// Some channel with something in it.
    pub(super) fn pick(&self, rng: &mut Rng) -> Option<Channel> {
        if self.channels.is_empty() {
            return None;
        }
        self.channels.keys().nth(rng.below(self.channels.len())).cloned()
    }

    /// Sends what is due.
    pub(super) fn fire(&mut self, now: ProcessingTime) {
        let due: Vec<_> = self.delayed.values_mut().flat_map(|delayed| delayed.due(now)).collect();
        due.into_iter().for_each(|envelope| self.enqueue(envelope));
    }

    /// Calls a function with the first message of a channel; nothing takes effect, and the message stays.
    pub(super) fn invoke(
        &mut self,
        channel: &Channel,
        functions: &Functions,
        now: ProcessingTime,
    ) -> Result<Effects, FunctionError> {
        let target = &channel.target;
        let Some(function) = functions.embedded(target.function) else {
            return Err(FunctionError::Reject(format!("nobody serves {}", target.function)));
        };
        let specs = function.states();
        let store = self.stores.entry(target.clone()).or_insert_with(|| Store::new(specs.to_vec()));
        store.now = now;
        store.touch();
        let envelope = self.channels[channel].front().expect("a channel exists while something is in it");
        let mut effects = Effects::default();
        let mut context = function::Context::new(
            target,
            envelope.caller.as_ref(),
            now,
            envelope.event_time,
            specs,
            &*store,
            &mut effects,
        );
        function.invoke(&mut context, &envelope.argument)?;
        assert!(effects.timers.is_empty(), "{target} sets an event-time timer: no watermark is simulated here");
        Ok(effects)
    }

    /// The first message of a channel was handled, and these are its effects.
    pub(super) fn apply(&mut self, channel: &Channel, effects: Effects, now: ProcessingTime) {
        let handled = self.take(channel);
        let target = &channel.target;
        if let Some(store) = self.stores.get_mut(target) {
            store.apply(effects.mutations);
        }
        for message in effects.messages {
            let mut envelope = Envelope::new(message.target, message.argument).from(target.clone());
            let own = message.event_time;
            envelope.event_time = if own.is_some() { own } else { handled.event_time };
            self.enqueue(envelope);
        }
        if !effects.delayed.is_empty() {
            self.delayed.entry(target.clone()).or_default().apply(target, now, &effects.delayed);
        }
        self.egress.extend(effects.egress.into_iter().map(|record| (record.egress, record.argument)));
    }

    /// The first message of a channel will never be handled.
    pub(super) fn give_up(&mut self, channel: &Channel, why: String) {
        let envelope = self.take(channel);
        self.dead_letters.push((envelope, why));
    }

    pub(super) fn value(&self, address: &Address, name: &str, now: ProcessingTime) -> Option<&TypedValue> {
        let store = self.stores.get(address)?;
        let index = store.specs.iter().position(|spec| spec.name.as_str() == name)?;
        let is_expired = store.expires(index, now);
        if is_expired { None } else { store.value(index) }
    }

    fn take(&mut self, channel: &Channel) -> Envelope {
        let queue = self.channels.get_mut(channel).expect("a channel exists while something is in it");
        let envelope = queue.pop_front().expect("a channel exists while something is in it");
        if queue.is_empty() {
            self.channels.remove(channel);
        }
        envelope
    }
}
