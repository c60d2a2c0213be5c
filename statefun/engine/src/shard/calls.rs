//! Calling remote functions: batches, the handshake, retries.

use std::time::Duration;

use statefun::function::Effects;
use statefun::{Address, CallId, DeadLetter, DeadLetterCause, EventTime, FunctionType, ProcessingTime, TypedValue};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::remote::{CallFailureKind, CallOutcome, Invocation, InvocationBatch};
use statefun_ports::rows::Stored;

use super::activation::Phase;
use super::apply::Cause;
use super::types::{Bound, Handshake, StateError};
use super::{Output, Shard};
use crate::invocation::{backoff, batch_len};

/// How long the others of a type wait for the answer to a probe before one more of them asks.
const PROBE_PATIENCE: Duration = Duration::from_millis(250);

impl<S: KeyedState> Shard<S> {
    /// Starts what is ready, as far as calls may be in flight.
    pub(super) fn start_calls(&mut self, now: ProcessingTime, out: &mut Output) {
        while let Some(address) = self.ready.pop_front() {
            if !self.activations.contains_key(&address) {
                self.give_place_up(address.function);
                continue;
            }
            let entry = self.types.met(address.function);
            match &entry.bound {
                Bound::Embedded(..) => self.resume_embedded(now, &address, out),
                Bound::Nobody => {
                    let why = format!("nobody serves {} any more", address.function);
                    self.fail(now, &address, why, out);
                }
                Bound::Remote(_) if entry.stats.in_flight >= self.options.calls_max as u64 => {
                    entry.awaiting_call.push_back(address);
                }
                Bound::Remote(_) => match entry.handshake {
                    Handshake::Probing { .. } => {
                        entry.awaiting_probe.push_back(address.clone());
                        self.set_phase(&address, Phase::AwaitingProbe);
                    }
                    Handshake::Unknown => {
                        entry.handshake = Handshake::Probing { since: now };
                        if !self.probing.contains(&address.function) {
                            self.probing.push(address.function);
                        }
                        self.call(now, &address, true, out);
                    }
                    Handshake::Known => self.call(now, &address, false, out),
                },
            }
        }
    }

    /// A call that ended, or never began, leaves room for one of its type that waits. Whether there is room is looked at
    /// once more when it is that one's turn.
    fn give_place_up(&mut self, function: FunctionType) {
        self.ready.extend(self.types.met(function).awaiting_call.pop_front());
    }

    /// Has another address ask for a type's states where the one that asked gets no answer, so that a type is not kept
    /// waiting by one address that hangs.
    pub(super) fn renew_probes(&mut self, now: ProcessingTime) {
        for index in (0..self.probing.len()).rev() {
            let entry = self.types.met(self.probing[index]);
            let Handshake::Probing { since } = entry.handshake else {
                self.probing.swap_remove(index);
                continue;
            };
            if since.after(PROBE_PATIENCE) <= now
                && let Some(next) = entry.awaiting_probe.pop_front()
            {
                entry.handshake = Handshake::Unknown;
                self.set_phase(&next, Phase::Ready);
                // In front: it asks before others of its type that are ready by now.
                self.ready.push_front(next);
            }
        }
    }

    /// When the next probe is due.
    pub(super) fn next_probe(&self) -> Option<ProcessingTime> {
        let entries = self.probing.iter().filter_map(|function| self.types.get(*function));
        let due = entries.filter_map(|entry| match entry.handshake {
            Handshake::Probing { since } if !entry.awaiting_probe.is_empty() => Some(since.after(PROBE_PATIENCE)),
            _ => None,
        });
        due.min()
    }

    /// Takes back from the waiting room whoever has waited long enough.
    pub(super) fn wake(&mut self, now: ProcessingTime) {
        while let Some(entry) = self.backing_off.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let address = entry.remove();
            self.set_phase(&address, Phase::Ready);
            self.ready.push_back(address);
        }
    }

    fn set_phase(&mut self, address: &Address, phase: Phase) {
        if let Some(activation) = self.activations.get_mut(address) {
            activation.phase = phase;
        }
    }

    /// Sends the first messages of an address's queue to its function.
    fn call(&mut self, now: ProcessingTime, address: &Address, probe: bool, out: &mut Output) {
        let entry = self.types.met(address.function);
        let Bound::Remote(policy) = &entry.bound else {
            // Unbound while the call before this one was in flight: it waits like everybody whom nobody serves.
            let why = format!("nobody serves {} any more", address.function);
            self.fail(now, address, why, out);
            return;
        };
        let Some(activation) = self.activations.get_mut(address) else { return };
        let messages_max = activation.batch_limit.unwrap_or(usize::MAX).min(policy.batch_max);
        // Nobody says which message of a batch caused what, so all of a batch hold the same.
        let hold = activation.queue.front().map(|queued| queued.envelope.hold);
        let alike = activation.queue.iter().take_while(|queued| Some(queued.envelope.hold) == hold);
        let sizes = alike.map(|queued| queued.envelope.argument.bytes.len());
        let count = batch_len(sizes, messages_max, policy.batch_bytes_max);
        let hash = activation.queue.front().expect("an activation exists while messages wait").envelope.hash;
        let state = match attach(&mut self.state, entry, address, hash, now) {
            Ok(state) => state,
            Err(error) => {
                if probe {
                    entry.handshake = Handshake::Unknown;
                }
                self.fail(now, address, error.to_string(), out);
                return;
            }
        };
        let invocations = activation
            .queue
            .iter()
            .take(count)
            .map(|queued| Invocation {
                caller: queued.envelope.caller.clone(),
                argument: queued.envelope.argument.clone(),
                event_time: queued.envelope.event_time,
            })
            .collect();
        let call = CallId(self.next_call);
        self.next_call += 1;
        activation.phase = Phase::Calling { call, count, states: state.len(), probe, since: now };
        entry.stats.calls += 1;
        entry.stats.in_flight += 1;
        self.calls.insert(call, address.clone());
        out.calls.push((call, InvocationBatch { target: address.clone(), state, invocations }));
    }

    /// What came of a call. Only the first reply of a call that is in flight counts.
    pub(super) fn on_reply(&mut self, now: ProcessingTime, call: CallId, outcome: CallOutcome, out: &mut Output) {
        let Some(address) = self.calls.remove(&call) else { return };
        let activation = self.activations.get(&address).expect("an address in a call has an activation");
        let Phase::Calling { count, states, probe, since, .. } = activation.phase else {
            unreachable!("an address whose call is in flight is in the calling phase")
        };
        self.give_place_up(address.function);
        let entry = self.types.met(address.function);
        entry.stats.in_flight -= 1;
        entry.stats.latency_ms_total += now.since(since).as_millis() as u64;
        match outcome {
            CallOutcome::Done(effects) => {
                if probe {
                    self.probe_answered(&address);
                }
                self.on_done(now, &address, count, effects, out);
            }
            CallOutcome::Incomplete(specs) => {
                // What the request held, which is not what is registered by now: another address may have learnt more.
                let sent = entry.states.get(..states).unwrap_or(&entry.states);
                let sent_all = specs.iter().all(|spec| sent.iter().any(|state| state.spec.name == spec.name));
                let registered = entry.register(&specs, &mut self.state);
                if probe {
                    self.probe_answered(&address);
                }
                match registered {
                    Ok(()) if sent_all && !probe => {
                        let why = "the function asks for states that the request held already".to_owned();
                        self.fail(now, &address, why, out);
                    }
                    // Known now: the same messages again, with all states.
                    Ok(()) => self.call(now, &address, false, out),
                    Err(error) => self.fail(now, &address, error.to_string(), out),
                }
            }
            CallOutcome::Failed(failure) => {
                entry.stats.failures += 1;
                let is_rejected = failure.kind == CallFailureKind::Rejected;
                if probe && is_rejected {
                    // It ran, so its states are known.
                    self.probe_answered(&address);
                } else if probe && matches!(entry.handshake, Handshake::Probing { .. }) {
                    // Somebody else may ask: one address that always fails must not keep its whole type waiting.
                    entry.handshake = Handshake::Unknown;
                    if let Some(next) = entry.awaiting_probe.pop_front() {
                        self.set_phase(&next, Phase::Ready);
                        self.ready.push_back(next);
                    }
                }
                let activation = self.activations.get_mut(&address).expect("looked up above");
                if failure.kind == CallFailureKind::Status(413) && count > 1 {
                    activation.batch_limit = Some(count / 2);
                }
                if is_rejected && count == 1 {
                    self.park(&address, failure.message, out);
                } else {
                    self.fail(now, &address, failure.message, out);
                }
            }
        }
    }

    /// The states of a type are known: everybody who waited for that may go.
    fn probe_answered(&mut self, address: &Address) {
        let entry = self.types.met(address.function);
        entry.handshake = Handshake::Known;
        let waiting = std::mem::take(&mut entry.awaiting_probe);
        for address in waiting {
            self.set_phase(&address, Phase::Ready);
            self.ready.push_back(address);
        }
    }

    fn on_done(
        &mut self,
        now: ProcessingTime,
        address: &Address,
        count: usize,
        mut effects: Effects,
        out: &mut Output,
    ) {
        let activation = &self.activations[address];
        let hash = activation.queue[0].envelope.hash;
        let hold = activation.queue[0].envelope.hold;
        // The protocol does not say which message caused an output: outputs take the batch's greatest event time.
        let event_time = activation
            .queue
            .iter()
            .take(count)
            .map(|queued| queued.envelope.event_time)
            .max()
            .unwrap_or(EventTime::NONE);
        if let Err(invalid) = self.apply(now, &Cause { address, hash, event_time, hold, slot: None }, &mut effects, out)
        {
            self.types.met(address.function).stats.failures += 1;
            self.fail(now, address, invalid.to_string(), out);
            return;
        }
        self.types.met(address.function).stats.invocations += count as u64;
        self.settle(address, count);
    }

    /// The first `count` messages of an address are finished; the rest is ready.
    fn settle(&mut self, address: &Address, count: usize) {
        let Some(activation) = self.activations.get_mut(address) else { return };
        activation.failures = 0;
        activation.last_failure = None;
        activation.phase = Phase::Ready;
        // One batch went through: let the next be larger again.
        activation.batch_limit =
            activation.batch_limit.map(|limit| limit.saturating_mul(2)).filter(|limit| *limit < 4096);
        let done: Vec<_> = activation.queue.drain(..count).collect();
        let empty = activation.queue.is_empty();
        activation.since = self.clock;
        for queued in &done {
            self.load.messages -= 1;
            self.load.bytes -= queued.envelope.footprint();
            self.time.waits_no_more(&queued.envelope);
            self.finish(queued.seq, queued.durable, &queued.envelope);
        }
        if empty {
            self.activations.remove(address);
        } else {
            self.ready.push_back(address.clone());
        }
    }

    /// The messages at the front were not handled: they wait and are tried again, or, when their policy says so, the
    /// one that fails becomes a dead letter.
    pub(super) fn fail(&mut self, now: ProcessingTime, address: &Address, why: String, out: &mut Output) {
        self.give_place_up(address.function);
        let entry = self.types.met(address.function);
        let policy = entry.failure_policy();
        let embedded = matches!(entry.bound, Bound::Embedded(..));
        let Some(activation) = self.activations.get_mut(address) else { return };
        activation.failures += 1;
        let tried = match activation.phase {
            Phase::Calling { count, .. } => count,
            _ => 1,
        };
        if policy.park_after.is_some_and(|attempts| activation.failures >= attempts) {
            if tried > 1 && !embedded {
                // Which of them fails is unknown: from here on one at a time, each with all its attempts.
                activation.batch_limit = Some(1);
                activation.failures = 0;
            } else {
                let why = format!("failed {} times in a row, last: {why}", activation.failures);
                self.types.met(address.function).stats.parked += 1;
                self.park(address, why, out);
                return;
            }
        }
        let salt = self.next_seq;
        self.next_seq += 1;
        let until = now.after(backoff(&policy, activation.failures.max(1), salt));
        activation.last_failure = Some(why.clone());
        activation.phase = Phase::BackingOff { until, salt };
        self.backing_off.insert((until, salt), address.clone());
        self.types.met(address.function).stats.last_failure = Some(why);
    }

    /// The message at the front becomes a dead letter and the key goes on.
    fn park(&mut self, address: &Address, why: String, out: &mut Output) {
        let Some(activation) = self.activations.get(address) else { return };
        let queued = activation.queue.front().expect("something failed, so something is there");
        let letter = DeadLetter {
            cause: DeadLetterCause::Poison,
            detail: why,
            origin: queued.envelope.caller.as_ref().map_or_else(|| "ingress".to_owned(), Address::to_string),
            envelope: Some(queued.envelope.clone()),
            raw: None,
        };
        self.dead_letter(letter, out);
        self.settle(address, 1);
    }
}

/// The states of a request: every one that is registered, with its value if it has one that has not expired. Values
/// that live as long as somebody calls are touched by that.
fn attach(
    state: &mut impl KeyedState,
    entry: &super::types::TypeEntry,
    address: &Address,
    hash: statefun::IdHash,
    now: ProcessingTime,
) -> Result<Vec<(statefun::Symbol, Option<TypedValue>)>, StateError> {
    let slot = if entry.states.is_empty() { None } else { state.find(address, hash) };
    let mut attached = Vec::with_capacity(entry.states.len());
    for registered in &entry.states {
        let spec = &registered.spec;
        let stored: Option<&Stored> = slot.and_then(|slot| state.get(slot, registered.index));
        let stored = stored.filter(|stored| !spec.expiration.is_expired(stored.touched, now));
        if let Some(stored) = stored
            && stored.value.value_type != spec.value_type
        {
            return Err(StateError::Type {
                function: address.function,
                name: spec.name,
                declared: spec.value_type,
                found: stored.value.value_type,
            });
        }
        attached.push((spec.name, stored.map(|stored| stored.value.clone())));
    }
    if let Some(slot) = slot {
        super::embedded::touch(state, slot, &entry.states, now);
    }
    Ok(attached)
}
