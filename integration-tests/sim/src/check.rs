//! Whether the world became what the model says.

use std::collections::{BTreeMap, BTreeSet};

use statefun::{Address, Symbol};
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::SnapshotStore;

use crate::app::plan::{DOOR, Who};
use crate::app::{Counters, STATES};
use crate::backend::Backend;
use crate::model;
use crate::world::World;

type Instances = BTreeMap<Who, model::Instance>;

impl<B: Backend> World<B> {
    /// Compares live values, durable rows and what left with the model.
    ///
    /// # Errors
    /// The first things that differ, for people.
    pub fn check(&mut self) -> Result<(), String> {
        let mut faults = std::mem::take(&mut self.external.faults);
        let model = model::World::of(&self.plan);
        let live = self.live(&mut faults);
        let durable = self.durable(&mut faults);
        self.compare("live state", &model, &live, &mut faults);
        self.compare("durable state", &model, &durable, &mut faults);
        let plan = std::sync::Arc::clone(&self.plan);
        let is_refused = |uid: u32| plan.refused.contains(&(uid / 2));
        let ledger = self.external.judge_ledger(self.broker.committed(), is_refused);
        faults.append(&mut self.external.faults);
        compare_sets("ledger", &model.ledger, &ledger, &mut faults);
        compare_sets("feed", &model.feed, &self.external.feed.keys().copied().collect(), &mut faults);
        compare_sets("dead letters", &model.letters, &self.external.letters, &mut faults);
        if self.stats.crashes == 0
            && let Some((uid, times)) = self.external.feed.iter().find(|(_, times)| **times > 1)
            && self.faults.connector_restarts == 0
        {
            faults.push(format!("feed record {uid} was published {times} times without a crash"));
        }
        for shard in self.inspectable() {
            if shard.load() != Default::default() {
                faults.push(format!("{} is at rest under a load of {:?}", shard.id(), shard.load()));
            }
            let busy = shard.functions().into_iter().find(|(_, _, stats)| stats.in_flight != 0 || stats.backlog != 0);
            faults.extend(busy.map(|(function, _, stats)| format!("{function} is at rest with {stats:?}")));
        }
        faults.truncate(8);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    fn live(&self, faults: &mut Vec<String>) -> Instances {
        let mut instances = Instances::new();
        for shard in self.inspectable() {
            for function in self.names.types {
                for entry in shard.inspect(function, None, usize::MAX) {
                    self.take(&mut instances, &entry.address, entry.name, &entry.stored.value.bytes, faults);
                }
            }
        }
        instances
    }

    fn durable(&mut self, faults: &mut Vec<String>) -> Instances {
        let mut rows = Vec::new();
        let groups = 0..self.key_groups;
        let store = self.backend.store();
        store.load(groups, &mut |key, value| rows.push((key, value))).expect("nothing damages the store");
        store.load_system(&mut |key, value| rows.push((key, value))).expect("nothing damages the store");
        let mut instances = Instances::new();
        for (key, value) in rows {
            match (key, value) {
                (RowKey::Value { address, name, .. }, RowValue::Value(stored)) => {
                    self.take(&mut instances, &address, name, &stored.value.bytes, faults);
                }
                (RowKey::Position { .. } | RowKey::Specs { .. } | RowKey::Clock { .. }, _) => {}
                (key, _) => faults.push(format!("the snapshot at rest holds {key:?}")),
            }
        }
        instances
    }

    fn take(&self, instances: &mut Instances, address: &Address, name: Symbol, bytes: &[u8], faults: &mut Vec<String>) {
        let who = self.names.who(address);
        let instance = instances.entry(who).or_default();
        match STATES.iter().position(|state| *state == name.as_str()) {
            Some(0) => instance.count = i64::from_le_bytes(bytes.try_into().expect("a count has eight bytes")),
            Some(1) => instance.inbox = Counters::decode(bytes).0.into_iter().collect(),
            Some(2) => instance.outbox = Counters::decode(bytes).0.into_iter().collect(),
            Some(3) => instance.note = Some(u32::from_le_bytes(bytes.try_into().expect("a note has four bytes"))),
            Some(5) => instance.perhaps = Counters::decode(bytes).0.into_iter().map(|(token, _)| token).collect(),
            Some(4) => faults.push(format!("{address}: {}", String::from_utf8_lossy(bytes))),
            _ => faults.push(format!("{address} has a state {name}")),
        }
    }

    fn compare(&self, what: &str, model: &model::World, found: &Instances, faults: &mut Vec<String>) {
        let everybody: BTreeSet<_> = model.instances.keys().chain(found.keys()).collect();
        for who in everybody {
            let found = found.get(who).cloned().unwrap_or_default();
            if who.kind == DOOR {
                self.check_door(*who, found.count, faults);
                continue;
            }
            let mut expected = model.instances.get(who).cloned().unwrap_or_default();
            if found.perhaps.iter().all(|token| model.perhaps.get(who).is_some_and(|tokens| tokens.contains(token))) {
                expected.perhaps.clone_from(&found.perhaps);
            }
            if found != expected {
                let address = self.names.address(*who);
                faults.push(format!("{what} of {address} is {found:?}, expected {expected:?}"));
            }
        }
    }

    /// What was acknowledged counts once, what was not at most once.
    fn check_door(&self, who: Who, count: i64, faults: &mut Vec<String>) {
        let sent = self.plan.door.iter().filter(|id| **id == who.id).count() as i64;
        let tickets = self.external.acknowledged.iter();
        let acknowledged = tickets.filter(|ticket| self.plan.door[**ticket as usize] == who.id).count() as i64;
        if count < acknowledged || count > sent {
            faults.push(format!("door {} counts {count}: {acknowledged} acknowledged, {sent} sent", who.id));
        }
    }
}

fn compare_sets<T: Ord + std::fmt::Debug>(
    what: &str,
    expected: &BTreeSet<T>,
    found: &BTreeSet<T>,
    faults: &mut Vec<String>,
) {
    let missing: Vec<_> = expected.difference(found).take(3).collect();
    let surplus: Vec<_> = found.difference(expected).take(3).collect();
    if !missing.is_empty() || !surplus.is_empty() {
        faults.push(format!("{what}: missing {missing:?}, surplus {surplus:?}"));
    }
}
