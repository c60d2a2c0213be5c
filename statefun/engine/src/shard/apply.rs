//! Making the effects of an invocation real, all together.

use statefun::function::{DelayedCommand, Effects, TimerCommand};
use statefun::{Address, DeadLetter, DeadLetterCause, Envelope, EventTime, Hold, IdHash, ProcessingTime};
use statefun_ports::keyed_state::{KeyedState, Slot};
use statefun_ports::rows::{Delayed, Stored};

use super::activation::Durable;
use super::delayed::{DelayedKey, WaitingMessage};
use super::{Output, Shard};
use crate::channel::SinkItem;
use crate::invocation::{InvalidEffects, check};

/// What had these effects.
pub(super) struct Cause<'a> {
    pub(super) address: &'a Address,
    pub(super) hash: IdHash,
    /// What messages inherit.
    pub(super) event_time: EventTime,
    /// What it holds back.
    pub(super) hold: Hold,
    /// Where the address's values are, if somebody has looked already.
    pub(super) slot: Option<Slot>,
}

impl<S: KeyedState> Shard<S> {
    /// Checks and applies effects in the order StateFun applies them: messages, delayed messages and cancellations,
    /// egress records, state. Nothing happens when any of them is invalid.
    pub(super) fn apply(
        &mut self,
        now: ProcessingTime,
        cause: &Cause<'_>,
        effects: &mut Effects,
        out: &mut Output,
    ) -> Result<(), InvalidEffects> {
        if effects.is_empty() {
            return Ok(());
        }
        let Cause { address, hash, hold, slot, .. } = *cause;
        let entry = self.types.met(address.function);
        if !effects.timers.is_empty() && entry.time.is_none() {
            return Err(InvalidEffects::NoTime);
        }
        let level = entry.level().max(hold.level);
        check(
            &*self.directory,
            address,
            &entry.states,
            &|token| self.delayed.token_is_live(&address.id, token),
            effects,
            &mut self.egress,
        )?;
        entry.stats.sent += (effects.messages.len() + effects.delayed.len()) as u64;
        entry.stats.egress += self.egress.len() as u64;

        if !effects.mutations.is_empty() {
            // Applied before the sends in memory, which nobody can tell apart: both are in the same step.
            let slot = slot.unwrap_or_else(|| self.state.slot(address, hash));
            for mutation in effects.mutations.drain(..) {
                let registered = entry.states.iter().find(|state| state.spec.name == mutation.name);
                let index = registered.expect("checked above").index;
                self.state.put(slot, index, mutation.value.map(|value| Stored { value, touched: now }));
            }
        }
        if !effects.messages.is_empty() {
            self.send_all(cause, level, effects, out);
        }
        // Looked at first: draining nothing is not free, and most invocations want one thing or two.
        if !effects.delayed.is_empty() {
            effects.delayed.drain(..).for_each(|command| self.delay(now, cause, level, command));
        }
        if !effects.timers.is_empty() {
            for command in effects.timers.drain(..) {
                match command {
                    TimerCommand::Set(at) => self.set_timer(cause, at),
                    TimerCommand::Delete(at) => self.delete_timer(address, hash, at),
                }
            }
            self.count_timers(address.function);
        }
        for (sink, record) in self.egress.drain(..) {
            out.sinks[usize::from(sink.0)].push(SinkItem::Record(record));
        }
        if effects.refused.is_empty() {
            return Ok(());
        }
        for refused in effects.refused.drain(..) {
            let letter = DeadLetter {
                cause: DeadLetterCause::Rejected,
                detail: refused.why,
                origin: address.to_string(),
                envelope: None,
                raw: Some(refused.argument.bytes.to_bytes()),
            };
            self.dead_letter(letter, out);
        }
        Ok(())
    }

    fn send_all(&mut self, cause: &Cause<'_>, level: u8, effects: &mut Effects, out: &mut Output) {
        let Cause { address, event_time, hold, .. } = *cause;
        for message in effects.messages.drain(..) {
            let hash = message.target.hash();
            let at = if message.event_time.is_some() { message.event_time } else { event_time };
            // Nobody waits for what is earlier than what caused it.
            let counted = hold.counted && at >= event_time;
            let hold = Hold { level, counted, is_timer: false, ..hold };
            let (target, caller, argument) = (message.target, Some(address.clone()), message.argument);
            self.send(Envelope { target, hash, caller, argument, event_time: at, hold }, out);
        }
    }

    fn delay(&mut self, now: ProcessingTime, cause: &Cause<'_>, level: u8, command: DelayedCommand) {
        let Cause { address, hash, event_time, hold, .. } = *cause;
        match command {
            DelayedCommand::Send { delay, target, argument, token } => {
                let group = self.groups.group(hash);
                let key = DelayedKey { due: now.after(delay), seq: self.next_seq, group };
                self.next_seq += 1;
                let mut envelope = Envelope::new(target, argument).from(address.clone());
                envelope.event_time = event_time;
                envelope.hold = Hold { level, counted: false, is_timer: false, ..hold };
                let message = Delayed { owner: address.clone(), envelope, token };
                self.delayed.insert(key, WaitingMessage { durable: Durable::No, message });
            }
            DelayedCommand::Cancel { token } => {
                self.tombstones.extend(self.delayed.cancel(&address.id, &token));
            }
        }
    }
}
