//! Remote functions: an interpreter that can fail in every way the protocol knows.

use statefun::CallId;
use statefun_engine::shard;
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome, InvocationBatch};

use super::World;
use crate::app::functions::{run_batch, specs};
use crate::app::plan::STUBBORN;
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
        let (mut outcome, mut latency) = (None, self.rng.between(0, self.faults.latency_ms_max));
        let kind = self.names.who(&batch.target).kind;
        let deployment = kind - STUBBORN;
        if self.rng.chance(self.faults.redeploys) {
            self.deployments[deployment] += 1;
            self.cover("remote: redeployed with other expirations");
        }
        // Failures would park innocent messages of the type that parks, which the model could not foresee.
        if kind == STUBBORN {
            if self.rng.chance(self.faults.call_fails) {
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
            let arguments = batch.invocations.iter().map(|invocation| &invocation.argument);
            match run_batch(&self.names, &self.plan, &batch.target, &batch.state, arguments) {
                Ok(effects) => CallOutcome::Done(effects),
                Err(()) => failed(CallFailureKind::Status(500)),
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
        let mut call = reply.call;
        if self.options.plant == Some(Plant::SecondReplyApplied)
            && let Some(current) = self.system.calls.get(&(reply.shard, reply.target))
        {
            call = *current;
        }
        self.drive_shard(reply.shard, shard::Input::Reply { call, outcome: reply.outcome });
    }
}
