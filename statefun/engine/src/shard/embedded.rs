//! Running functions that live in this process.

use statefun::function::{Context, Effects, FunctionError, Live, Refused, StateView};
use statefun::{Address, DeadLetter, DeadLetterCause, Envelope, ProcessingTime, TypedValue};
use statefun_ports::keyed_state::{KeyedState, Slot};

use super::activation::Queued;
use super::apply::Cause;
use super::types::{Bound, RegisteredState};
use super::{Output, Shard};
use crate::invocation::InvalidEffects;

impl<S: KeyedState> Shard<S> {
    /// A message was not handled by an address that has nothing else to do.
    #[cold]
    #[expect(clippy::boxed_local, reason = "boxed by whoever found it, so that success fits a register")]
    pub(super) fn embedded_failed(
        &mut self,
        now: ProcessingTime,
        queued: Queued,
        error: Box<FunctionError>,
        out: &mut Output,
    ) {
        match *error {
            FunctionError::Retry(why) => {
                let address = queued.envelope.target.clone();
                self.enqueue(queued);
                // It was idle, so queueing put it at the end of the ready list; it leaves that for the waiting room.
                self.ready.pop_back();
                self.fail(now, &address, why, out);
            }
            FunctionError::Reject(why) => {
                self.reject(&queued, why, out);
                self.finish(queued.seq, queued.durable, &queued.envelope);
            }
        }
    }

    /// Runs what waits for an address after it had to wait; stops at the first failure.
    pub(super) fn resume_embedded(&mut self, now: ProcessingTime, address: &Address, out: &mut Output) {
        loop {
            let Some(activation) = self.activations.get_mut(address) else { return };
            let Some(queued) = activation.queue.pop_front() else {
                self.activations.remove(address);
                return;
            };
            let Err(error) = self.run_embedded(now, &queued.envelope, None, out) else {
                self.settle_front(address, queued);
                continue;
            };
            match *error {
                FunctionError::Reject(why) => {
                    self.reject(&queued, why, out);
                    self.settle_front(address, queued);
                }
                FunctionError::Retry(why) => {
                    if let Some(activation) = self.activations.get_mut(address) {
                        activation.queue.push_front(queued);
                    }
                    self.fail(now, address, why, out);
                    return;
                }
            }
        }
    }

    /// Accounts for a message that was just taken from the front and finished.
    fn settle_front(&mut self, address: &Address, queued: Queued) {
        self.load.messages -= 1;
        self.load.bytes -= queued.envelope.footprint();
        self.time.waits_no_more(&queued.envelope);
        self.finish(queued.seq, queued.durable, &queued.envelope);
        if let Some(activation) = self.activations.get_mut(address) {
            activation.failures = 0;
            activation.since = self.clock;
        }
    }

    /// Runs a message. `slot` is where its target's values are, if it had any when somebody looked.
    ///
    /// The error is boxed so that what is usually returned fits a register: a result that was written in parts and is
    /// then moved as a whole makes the processor wait until everything before it is done.
    pub(super) fn run_embedded(
        &mut self,
        now: ProcessingTime,
        envelope: &Envelope,
        slot: Option<Slot>,
        out: &mut Output,
    ) -> Result<(), Box<FunctionError>> {
        let address = &envelope.target;
        let entry = self.types.met(address.function);
        let Bound::Embedded(function, _) = &entry.bound else { return Ok(()) };
        entry.stats.invocations += 1;
        let mut effects = self.scratch.take().unwrap_or_default();
        effects.clear();
        // What had no values may have been given some by the message before.
        let slot = match slot {
            None if !entry.states.is_empty() => self.state.find(address, envelope.hash),
            found => found,
        };
        let live_state = function.live_state().map(|index| (index, entry.states[index].index));
        let mut live = match (live_state, slot) {
            (Some((_, index)), Some(slot)) => self.state.take_live(slot, index),
            _ => Live::Absent,
        };
        let view = StoredValues { state: &self.state, slot, states: &entry.states, now };
        let mut context = Context::new(
            address,
            envelope.caller.as_ref(),
            now,
            envelope.event_time,
            function.states(),
            &view,
            &mut effects,
        );
        if let Some(time) = &entry.time {
            context = context.at_watermark(time.watermark);
            let is_late = envelope.event_time.is_some() && envelope.event_time <= time.watermark;
            entry.stats.late += u64::from(is_late && !envelope.hold.is_timer);
        }
        if let Some((index, _)) = live_state {
            context = context.with_live(index, &mut live);
        }
        let invoked = if envelope.hold.is_timer {
            function.on_timer(&mut context, envelope.event_time)
        } else {
            function.invoke(&mut context, &envelope.argument)
        };
        if let Some((_, index)) = live_state {
            match slot {
                Some(slot) => self.state.put_live(slot, index, live, now),
                None if matches!(live, Live::Absent) => {}
                None => {
                    let made = self.state.slot(address, envelope.hash);
                    self.state.put_live(made, index, live, now);
                }
            }
        }
        if let Err(error) = invoked {
            entry.stats.failures += 1;
            self.scratch = Some(effects);
            return Err(Box::new(error));
        }
        if let Some(slot) = slot {
            touch(&mut self.state, slot, &entry.states, now);
        }
        if !effects.is_empty() {
            let Envelope { hash, event_time, hold, .. } = *envelope;
            let cause = Cause { address, hash, event_time, hold, slot };
            let applied = if live_state.is_some() && !effects.egress.is_empty() {
                self.apply_all_but_bad_records(now, &cause, &mut effects, out)
            } else {
                self.apply(now, &cause, &mut effects, out)
            };
            if let Err(invalid) = applied {
                self.scratch = Some(effects);
                return Err(Box::new(FunctionError::Retry(invalid.to_string())));
            }
        }
        self.scratch = Some(effects);
        Ok(())
    }

    /// Applies effects of a function that has changed its live state, which cannot be taken back: records that an egress
    /// does not take become dead letters, and the rest is applied.
    fn apply_all_but_bad_records(
        &mut self,
        now: ProcessingTime,
        cause: &Cause<'_>,
        effects: &mut Effects,
        out: &mut Output,
    ) -> Result<(), InvalidEffects> {
        let records = effects.egress.clone();
        match self.apply(now, cause, effects, out) {
            Err(InvalidEffects::Egress(error)) => {
                effects.egress.clear();
                let mut accepted = Vec::new();
                for record in records {
                    let argument = record.argument.clone();
                    match self.directory.egress(record.egress, cause.address, argument, &mut accepted) {
                        Ok(()) => accepted.drain(..).for_each(|(sink, record)| self.emit(sink, record, out)),
                        Err(_) => effects.refused.push(Refused { argument: record.argument, why: error.to_string() }),
                    }
                }
                self.apply(now, cause, effects, out)
            }
            applied => applied,
        }
    }

    fn reject(&mut self, queued: &Queued, why: String, out: &mut Output) {
        let letter = DeadLetter {
            cause: DeadLetterCause::Poison,
            detail: why,
            origin: queued.envelope.caller.as_ref().map_or_else(|| "ingress".to_owned(), Address::to_string),
            envelope: Some(queued.envelope.clone()),
            raw: None,
        };
        self.dead_letter(letter, out);
    }
}

/// Restarts the clock of values that live as long as somebody calls.
#[inline]
pub(super) fn touch(state: &mut impl KeyedState, slot: Slot, states: &[RegisteredState], now: ProcessingTime) {
    for registered in states.iter().filter(|registered| registered.spec.expiration.touches_on_invoke()) {
        if let Some(stored) = state.get(slot, registered.index)
            && !registered.spec.expiration.is_expired(stored.touched, now)
            && stored.touched != now
        {
            let mut stored = stored.clone();
            stored.touched = now;
            state.put(slot, registered.index, Some(stored));
        }
    }
}

struct StoredValues<'a, S> {
    state: &'a S,
    slot: Option<Slot>,
    states: &'a [RegisteredState],
    now: ProcessingTime,
}

impl<S: KeyedState> StateView for StoredValues<'_, S> {
    #[inline]
    fn value(&self, index: usize) -> Option<&TypedValue> {
        let registered = &self.states[index];
        let stored = self.state.get(self.slot?, registered.index)?;
        (!registered.spec.expiration.is_expired(stored.touched, self.now)).then_some(&stored.value)
    }
}
