//! Who serves what: embedded functions, and the policies of remote ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use statefun::function::{Context, Expiration, Function, FunctionError, StateSpec};
use statefun::{Address, EgressId, EgressRecord, FunctionType, KafkaRecord, SinkId, TypedValue};
use statefun_engine::{Directory, EgressError, FailurePolicy, FunctionBinding, RemotePolicy};

use super::memory::Memory;
use super::message::Message;
use super::names::{Names, STATE_COUNT};
use super::plan::{DOOR, EMBER_ONE, EMBER_TWO, FEED, LEDGER, PARKING, Plan, STUBBORN};

/// The states that a deployment declares.
#[must_use]
pub fn specs(names: &Names, deployment: u32) -> Vec<StateSpec> {
    // Redeployments change durations, none of which ever passes, and later ones declare one state more.
    let ages = Duration::from_secs(1 << 40);
    let expiration = match deployment % 3 {
        0 => Expiration::Never,
        1 => Expiration::AfterWrite(ages),
        _ => Expiration::AfterInvoke(ages),
    };
    let count = if deployment == 0 { STATE_COUNT - 1 } else { STATE_COUNT };
    names.states[..count].iter().map(|name| StateSpec { name: *name, value_type: names.value, expiration }).collect()
}

/// How often embedded functions fail for no reason, and the numbers that decide it.
#[derive(Debug, Default)]
pub struct Moods {
    fail_per_million: u64,
    draws: AtomicU64,
    seed: u64,
}

impl Moods {
    /// So many failures in a million, drawn from a seed.
    #[must_use]
    pub fn new(fail_per_million: u64, seed: u64) -> Self {
        Self { fail_per_million, seed, draws: AtomicU64::new(0) }
    }

    fn is_bad(&self) -> bool {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        self.fail_per_million > 0 && crate::rng::Rng::new(self.seed ^ draw, 77).chance(self.fail_per_million)
    }
}

/// Who serves what.
pub struct Application {
    /// What happens.
    pub plan: Arc<Plan>,
    /// Names.
    pub names: Arc<Names>,
    /// Embedded functions' moods.
    pub moods: Arc<Moods>,
    /// The most messages in a request.
    pub batch_max: usize,
}

struct Ember {
    plan: Arc<Plan>,
    names: Arc<Names>,
    moods: Arc<Moods>,
    specs: Vec<StateSpec>,
}

impl Function for Ember {
    fn states(&self) -> &[StateSpec] {
        &self.specs
    }

    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError> {
        let message = Message::decode(&argument.bytes);
        let me = self.names.who(context.address());
        let mut memory = Memory::default();
        for state in 0..STATE_COUNT - 1 {
            memory.load(state, context.get(state).map(|value| value.bytes.as_slice()));
        }
        memory.judge_caller(&self.names, context.caller(), message);
        memory.obey(&self.names, &self.plan, me, message, context.effects());
        memory.save(&self.names, context.effects());
        // Judged last, so that a failure has effects to leave behind.
        if self.plan.nodes[message.node as usize].poison {
            return Err(FunctionError::Reject("poison".to_owned()));
        }
        if self.moods.is_bad() {
            return Err(FunctionError::Retry("in a bad mood".to_owned()));
        }
        Ok(())
    }
}

impl Directory for Application {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        let failure = FailurePolicy {
            backoff_first: Duration::from_millis(4),
            backoff_max: Duration::from_millis(100),
            park_after: None,
        };
        let remote = RemotePolicy { batch_max: self.batch_max, batch_bytes_max: 1 << 20, failure };
        match self.names.types.iter().position(|known| *known == function)? {
            EMBER_ONE | EMBER_TWO | DOOR => {
                let specs = specs(&self.names, 0);
                let (plan, names, moods) = (Arc::clone(&self.plan), Arc::clone(&self.names), Arc::clone(&self.moods));
                Some(FunctionBinding::Embedded(Box::new(Ember { plan, names, moods, specs }), failure))
            }
            STUBBORN => Some(FunctionBinding::Remote(remote)),
            PARKING => {
                let failure = FailurePolicy { park_after: Some(3), ..failure };
                Some(FunctionBinding::Remote(RemotePolicy { failure, ..remote }))
            }
            _ => None,
        }
    }

    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
        records: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError> {
        let sinks = [LEDGER, FEED];
        let sink = sinks.into_iter().find(|sink| self.names.egresses[*sink] == egress);
        let sink = sink.ok_or_else(|| EgressError { egress, why: "there is no such egress".to_owned() })?;
        let record = if sink == LEDGER {
            let key = Some(source.to_string().into_bytes().into());
            EgressRecord::Kafka(KafkaRecord { topic: "ledger".to_owned(), key, value: value.bytes.to_bytes() })
        } else {
            EgressRecord::Value { source: source.clone(), value }
        };
        records.push((SinkId(sink as u16), record));
        Ok(())
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        None
    }
}
