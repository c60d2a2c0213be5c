//! What people may ask a shard.

use statefun::{Address, FunctionType, ProcessingTime, Symbol};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::Stored;

use super::Shard;
use super::activation::Phase;
use super::types::Bound;

/// Counters of one function type on one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionStats {
    /// Messages received.
    pub received: u64,
    /// Messages handled.
    pub invocations: u64,
    /// Messages sent to functions, delayed ones included.
    pub sent: u64,
    /// Records written to egresses.
    pub egress: u64,
    /// Remote calls made.
    pub calls: u64,
    /// Remote calls in flight.
    pub in_flight: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Messages that became dead letters because they always failed.
    pub parked: u64,
    /// The time all attempts took together.
    pub latency_ms_total: u64,
    /// Messages that wait, the ones in flight included.
    pub backlog: u64,
    /// Addresses that wait for a retry.
    pub backing_off: u64,
    /// Messages that came to a component at or behind its watermark.
    pub late: u64,
    /// Messages whose hold on event time was let go because they waited for too long.
    pub released: u64,
    /// What went wrong last.
    pub last_failure: Option<String>,
}

impl FunctionStats {
    /// Adds another shard's counters.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.invocations += other.invocations;
        self.sent += other.sent;
        self.egress += other.egress;
        self.calls += other.calls;
        self.in_flight += other.in_flight;
        self.failures += other.failures;
        self.parked += other.parked;
        self.latency_ms_total += other.latency_ms_total;
        self.backlog += other.backlog;
        self.backing_off += other.backing_off;
        self.late += other.late;
        self.released += other.released;
        if other.last_failure.is_some() {
            self.last_failure.clone_from(&other.last_failure);
        }
    }
}

/// One stored value of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// Whose.
    pub address: Address,
    /// The state's name.
    pub name: Symbol,
    /// The value and when it was last written or touched.
    pub stored: Stored,
}

impl<S: KeyedState> Shard<S> {
    /// The counters of every function type this shard has met, and whether anybody serves it.
    pub fn functions(&self) -> Vec<(FunctionType, bool, FunctionStats)> {
        let mut functions: Vec<_> = self
            .types
            .iter()
            .filter(|entry| !self.is_reply(entry.function))
            .map(|entry| (entry.function, !matches!(entry.bound, Bound::Nobody), entry.stats.clone()))
            .collect();
        functions.sort_by_key(|(function, ..)| *function);
        for (address, activation) in &self.activations {
            let Ok(index) = functions.binary_search_by_key(&address.function, |(function, ..)| *function) else {
                continue;
            };
            let stats = &mut functions[index].2;
            stats.backlog += activation.queue.len() as u64;
            stats.backing_off += u64::from(matches!(activation.phase, Phase::BackingOff { .. }));
        }
        functions
    }

    /// Values of a function type that have not expired: of one id, or of the first `limit` values found.
    pub fn inspect(&self, function: FunctionType, id: Option<&str>, limit: usize) -> Vec<StateEntry> {
        let mut found = Vec::new();
        let specs: Vec<_> = match self.types.get(function) {
            Some(entry) => {
                entry.remembered.iter().copied().chain(entry.states.iter().map(|state| state.spec)).collect()
            }
            None => Vec::new(),
        };
        self.state.scan(function, &mut |address, name, stored| {
            let spec = specs.iter().rev().find(|spec| spec.name == name);
            let expired = spec.is_some_and(|spec| spec.expiration.is_expired(stored.touched, self.clock));
            if !expired && id.is_none_or(|id| address.id == id) {
                found.push(StateEntry { address: address.clone(), name, stored: stored.clone() });
            }
            found.len() < limit
        });
        found.sort_by(|a, b| (&a.address, a.name).cmp(&(&b.address, b.name)));
        found
    }

    /// How many delayed messages wait.
    pub fn delayed_messages(&self) -> usize {
        self.delayed.len()
    }

    /// How many addresses have values.
    pub fn addresses(&self) -> usize {
        self.state.addresses()
    }

    /// The newest processing time this shard has seen.
    pub fn clock(&self) -> ProcessingTime {
        self.clock
    }

    /// The functions were bound anew: whoever waits for nobody may go on when its wait is over.
    pub fn rebind(&mut self) {
        for entry in self.types.iter_mut() {
            entry.rebind(&*self.directory, &mut self.state);
            if !matches!(entry.bound, Bound::Remote(_)) {
                // Nobody will ask for the states of this type, so nobody may wait for the answer.
                self.ready.extend(std::mem::take(&mut entry.awaiting_call));
                for address in std::mem::take(&mut entry.awaiting_probe) {
                    if let Some(activation) = self.activations.get_mut(&address) {
                        activation.phase = Phase::Ready;
                    }
                    self.ready.push_back(address);
                }
            }
        }
    }
}
