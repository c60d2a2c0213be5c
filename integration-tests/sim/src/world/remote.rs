//! Remote functions: an interpreter that can fail in every way the protocol knows.

use statefun::CallId;
use statefun_engine::shard;
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome, InvocationBatch};

use super::World;
use crate::app::plan::STUBBORN;
use crate::app::{Poisoned, run_batch, specs};
use crate::backend::Backend;
use crate::plant::Plant;

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct PendingReply {
    generation: u64,
    shard: usize,
    call: CallId,
    target: statefun::Address,
    outcome: CallOutcome,
}

fn failed(kind: CallFailureKind) -> CallOutcome {
    CallOutcome::Failed(CallFailure { kind, message: kind.as_str().to_owned() })
}

/// When a call that hangs is given up.
const TIMEOUT_MS: u64 = 120;

impl<B: Backend> World<B> {
    pub(super) fn call(&mut self, shard: usize, call: CallId, batch: InvocationBatch) {
        self.stats.calls += 1;
        self.judge_call(shard, call, &batch);
        let (mut outcome, mut latency) = (None, self.rng.between(0, self.faults.latency_ms_max));
        let kind = self.names.who(&batch.target).kind;
        let deployment = kind - STUBBORN;
        if self.rng.chance(self.faults.redeploys) {
            self.deployments[deployment] += 1;
            self.cover("remote: redeployed with other expirations");
        }
        // Failures would park innocent messages of the type that parks, which the model could not foresee.
        if kind == STUBBORN {
            if self.endpoint_away_until <= self.now && self.rng.chance(self.faults.endpoint_leaves) {
                self.endpoint_away_until = self.now + self.rng.between(1, 2 * TIMEOUT_MS);
            }
            if self.now < self.endpoint_away_until {
                outcome = Some(failed(CallFailureKind::Connection));
                self.cover("remote: the endpoint was away");
            } else if self.rng.chance(self.faults.call_is_slow) {
                latency = TIMEOUT_MS - 1;
                self.cover("remote: answered late");
            } else if self.rng.chance(self.faults.call_fails) {
                let kind = self.rng.one_of(&[CallFailureKind::Status(500), CallFailureKind::Connection]);
                outcome = Some(failed(kind));
                self.cover("remote: failed");
            } else if self.rng.chance(self.faults.call_hangs) {
                latency = TIMEOUT_MS;
                outcome = Some(failed(CallFailureKind::Timeout));
                self.cover("remote: hung until its time-out");
            } else if self.rng.chance(self.faults.call_is_garbage) {
                outcome = Some(failed(CallFailureKind::Malformed));
                self.cover("remote: answered nonsense");
            } else if batch.invocations.len() > self.faults.request_max {
                outcome = Some(failed(CallFailureKind::Status(413)));
                self.cover("remote: request too large");
            }
        }
        let outcome = outcome.unwrap_or_else(|| {
            let declared = specs(&self.names, self.deployments[deployment]);
            let missing: Vec<_> =
                declared.into_iter().filter(|spec| !batch.state.iter().any(|(name, _)| *name == spec.name)).collect();
            if !missing.is_empty() {
                *self.coverage.entry("remote: asked for states").or_default() += 1;
                return CallOutcome::Incomplete(missing);
            }
            let messages = batch.invocations.iter().map(|message| (message.caller.as_ref(), &message.argument));
            match run_batch(&self.names, &self.plan, &batch.target, &batch.state, messages) {
                Ok(effects) => CallOutcome::Done(effects),
                Err(Poisoned) => failed(CallFailureKind::Status(500)),
            }
        });
        self.stats.retries += u64::from(matches!(outcome, CallOutcome::Failed(_)));
        if self.options.plant == Some(Plant::SecondReplyApplied) {
            self.system.calls.insert((shard, batch.target.clone()), call);
        }
        let answers_twice = self.rng.chance(self.faults.call_answers_twice);
        if answers_twice {
            self.cover("remote: answered twice");
            let later = latency + self.rng.between(0, 20);
            self.answer(later, shard, call, &batch.target, outcome.clone());
        }
        self.answer(latency, shard, call, &batch.target, outcome);
    }

    /// At most one call per address is in flight, and no more per function type and shard than allowed.
    fn judge_call(&mut self, shard: usize, call: CallId, batch: &InvocationBatch) {
        let in_flight = &mut self.system.in_flight;
        let of_shard = || in_flight.range((shard, CallId(0))..=(shard, CallId(u64::MAX)));
        let mut faults = Vec::new();
        if of_shard().any(|(_, address)| *address == batch.target) {
            faults.push(format!("{} is called while it is being called", batch.target));
        }
        let of_type = of_shard().filter(|(_, address)| address.function == batch.target.function);
        if of_type.count() >= self.faults.shard.calls_max {
            faults.push(format!("shard {shard} has more calls of {} in flight than allowed", batch.target.function));
        }
        if batch.invocations.is_empty() || batch.invocations.len() > self.application.batch_max {
            faults.push(format!("a request to {} holds {} messages", batch.target, batch.invocations.len()));
        }
        in_flight.insert((shard, call), batch.target.clone());
        self.external.faults.extend(faults);
    }

    fn answer(&mut self, latency: u64, shard: usize, call: CallId, target: &statefun::Address, outcome: CallOutcome) {
        let reply = PendingReply { generation: self.generation, shard, call, target: target.clone(), outcome };
        self.next_reply += 1;
        // Of those that are due together, any may come first.
        let place = self.next_reply ^ (self.rng.below(64) << 56);
        self.replies.insert((self.now + latency, place), reply);
    }

    /// The first reply that is due arrives.
    pub(super) fn reply(&mut self) {
        let Some(((due, _), reply)) = self.replies.pop_first() else { return };
        debug_assert!(due <= self.now);
        if reply.generation != self.generation {
            self.cover("6.6 a reply for an older generation, dropped");
            return;
        }
        self.system.in_flight.remove(&(reply.shard, reply.call));
        let mut call = reply.call;
        if self.options.plant == Some(Plant::SecondReplyApplied)
            && let Some(current) = self.system.calls.get(&(reply.shard, reply.target))
        {
            call = *current;
        }
        self.drive_shard(reply.shard, shard::Input::Reply { call, outcome: reply.outcome });
    }
}
