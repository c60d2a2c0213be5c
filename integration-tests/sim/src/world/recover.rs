//! Beginning anew from the newest manifest, as a node does.

use std::sync::Arc;
use std::time::Duration;

use statefun::{Epoch, Generation, KeyGroups, ProcessingTime, ShardId, SinkId, SourceId};
use statefun_engine::recovery::{Decision, Found, plan};
use statefun_engine::shard::{self, Shard};
use statefun_engine::sink::{self, SinkCore};
use statefun_engine::snapshot::{Coordinator, Options};
use statefun_engine::source::{self, Route, SourceCore};
use statefun_engine::{Delivery, Directory, Topology};
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::sink::OutboxRecord;
use statefun_ports::snapshot_store::SnapshotStore;
use statefun_ports::source::Position;

use super::World;
use super::connectors::partition_name;
use super::publisher::Which;
use super::system::{ShardNode, SinkNode, SourceNode, System};
use crate::app::plan::{LEDGER, PARTITIONS, READERS, ROUTES};
use crate::backend::Backend;
use crate::plant::{Plant, PlantedState};

/// The rows of the system.
#[derive(Default)]
struct Recovered {
    epoch: Epoch,
    rows: Vec<(RowKey, RowValue)>,
}

impl<B: Backend> World<B> {
    /// Recovers; crashes on the way begin it again.
    pub(super) fn recover(&mut self) {
        while !self.try_recover() {
            self.stats.crashes += 1;
            self.bury_publisher();
            self.system = System::default();
        }
    }

    fn crashes_at(&mut self, step: &'static str) -> bool {
        let crashes = self.may_crash() && self.rng.chance(self.faults.crash_in_recovery);
        if crashes {
            self.cover(step);
            self.trace.note(self.now, &step);
        }
        crashes
    }

    fn try_recover(&mut self) -> bool {
        self.generation += 1;
        if self.generation > 1 && self.faults.clock_back_ms > 0 {
            self.cover("6.1 the clock was set back");
            let back = self.rng.between(0, self.faults.clock_back_ms);
            self.now = self.now.saturating_sub(back);
        }
        if self.crashes_at("crash: 6.1 a generation was claimed") {
            return false;
        }
        let recovered = self.read();
        let shards = self.rng.between(if self.generation == 1 { 3 } else { 2 }, 5) as u16;
        self.begin(recovered.epoch, shards);
        self.trace.note(self.now, &("recovered", self.generation, recovered.epoch, shards));
        if self.crashes_at("crash: 6.2 the plan was made") {
            return false;
        }
        self.open_sinks(&recovered);
        if self.crashes_at("crash: 6.3 outboxes are being published again") {
            for sink in 0..self.system.sinks.len() {
                self.publish(sink);
            }
            for _ in 0..self.rng.between(0, 12) {
                self.step_publisher(Which::Living);
            }
            return false;
        }
        self.load_shards(&recovered);
        if self.crashes_at("crash: 6.4 shards were loaded") {
            return false;
        }
        for shard in 0..self.system.shards.len() {
            if self.rng.chance(700_000) {
                self.drive_shard(shard, shard::Input::Tick);
            }
        }
        if self.crashes_at("crash: 6.5 calls in flight were sent again") {
            return false;
        }
        self.open_sources(&recovered);
        !self.crashes_at("crash: 6.6 sources were positioned")
    }

    fn read(&mut self) -> Recovered {
        let manifest = self.backend.store().manifest().expect("nothing damages the store");
        let found = Found {
            manifest,
            generation: Generation(self.generation),
            key_groups: self.key_groups,
            fresh_lineage: self.lineage,
        };
        let mut recovered = Recovered::default();
        match plan(&found) {
            Decision::Fresh { lineage } => assert_eq!(lineage, self.lineage),
            Decision::Restore { epoch, lineage } => {
                assert_eq!(lineage, self.lineage);
                recovered.epoch = epoch;
                let rows = &mut recovered.rows;
                let load = self.backend.store().load_system(&mut |key, value| rows.push((key, value)));
                load.expect("nothing damages the store");
            }
            other => panic!("nothing was changed that would forbid to go on: {other:?}"),
        }
        recovered
    }

    fn begin(&mut self, epoch: Epoch, shards: u16) {
        let topology = Topology { sources: READERS as u16 + 1, shards, sinks: 3 };
        let groups = KeyGroups::new(self.key_groups, shards);
        let options = Options {
            interval: Duration::from_millis(self.faults.interval_ms),
            timeout: Duration::from_millis(self.faults.timeout_ms),
            retry_after: Duration::from_millis(10),
        };
        let coordinator =
            Coordinator::new(options, topology, Generation(self.generation), epoch, ProcessingTime(self.now));
        let mut system = System { topology, groups, coordinator: Some(coordinator), ..System::default() };
        let len = system.len();
        assert!(len * len <= 128, "the set of busy channels has 128 places");
        system.channels.resize_with(len * len, Default::default);
        system.news.resize_with(len, Default::default);
        system.words.resize_with(len, Default::default);
        if self.shards != 0 && self.shards != shards {
            self.cover("6.4 another number of shards");
        }
        system.shards_before = std::mem::replace(&mut self.shards, shards);
        system.first_ticket = self.door_at as u64;
        self.system = system;
    }

    fn open_sinks(&mut self, recovered: &Recovered) {
        let deliveries = [Delivery::PerEpoch, Delivery::AtLeastOnce, Delivery::AtLeastOnce];
        for (index, delivery) in deliveries.into_iter().enumerate() {
            let name = self.names.egresses[index].0;
            let mut outbox: Vec<_> = recovered
                .rows
                .iter()
                .filter_map(|(key, value)| match (key, value) {
                    (RowKey::Outbox { sink, seq }, RowValue::Outbox(record)) if *sink == name => {
                        Some(OutboxRecord { seq: *seq, record: record.clone() })
                    }
                    _ => None,
                })
                .collect();
            outbox.sort_by_key(|record| record.seq);
            if self.options.plant == Some(Plant::RenumbersOutbox) {
                outbox.iter_mut().for_each(|record| record.seq += 1000);
            }
            let id = SinkId(index as u16);
            let core = SinkCore::new(id, name, self.system.topology, delivery, outbox, recovered.epoch);
            let publisher = (index == LEDGER).then(|| self.new_publisher());
            let node = SinkNode {
                core,
                out: sink::Output::default(),
                queue: Default::default(),
                publisher,
                acks: Default::default(),
            };
            self.system.sinks.push(node);
            let node = &mut self.system.sinks[index];
            node.core.resume(&mut node.out);
            self.perform_sink(index);
        }
    }

    fn load_shards(&mut self, recovered: &Recovered) {
        let (topology, groups) = (self.system.topology, self.system.groups);
        // With that bug planted, what waits stays with the shard that had it.
        let is_planted = self.options.plant == Some(Plant::NotRerouted) && self.system.shards_before != 0;
        let before = KeyGroups::new(self.key_groups, self.system.shards_before.max(1));
        let stays = |value: &RowValue| match value {
            RowValue::Waiting(envelope) if is_planted => {
                Some(before.shard(envelope.hash)).filter(|shard| shard.0 < topology.shards)
            }
            _ => None,
        };
        let mut left_behind = Vec::new();
        for index in 0..topology.shards {
            let id = ShardId(index);
            let state = PlantedState::new(self.backend.state(groups, id), self.options.plant);
            let directory = Arc::clone(&self.application) as Arc<dyn Directory>;
            let mut core = Shard::new(id, groups, topology, directory, state, recovered.epoch, self.faults.shard);
            for (key, value) in &recovered.rows {
                if matches!(key, RowKey::Specs { .. } | RowKey::Clock { .. }) {
                    core.restore(key.clone(), value.clone());
                }
            }
            let load = self.backend.store().load(groups.range(id), &mut |key, value| match stays(&value) {
                Some(shard) if shard != id => left_behind.push((shard, key, value)),
                _ => core.restore(key, value),
            });
            load.expect("nothing damages the store");
            self.system.shards.push(ShardNode { core, out: shard::Output::new(topology) });
        }
        for (shard, key, value) in left_behind {
            self.system.shards[usize::from(shard.0)].core.restore(key, value);
        }
    }

    fn open_sources(&mut self, recovered: &Recovered) {
        let topology = self.system.topology;
        let routes: Vec<_> = ROUTES
            .iter()
            .map(|kinds| Route {
                value_type: self.names.value,
                targets: kinds.iter().map(|kind| self.names.types[*kind]).collect(),
            })
            .collect();
        for index in 0..=READERS {
            let name = self.names.sources[index];
            let positions: Vec<_> = recovered
                .rows
                .iter()
                .filter_map(|(key, value)| match (key, value) {
                    (RowKey::Position { source, partition }, RowValue::Position(next)) if *source == name => {
                        Some(Position { partition: partition.clone(), next: next.clone() })
                    }
                    _ => None,
                })
                .collect();
            let cursor = |partition: usize| {
                let found = positions.iter().find(|position| position.partition == partition_name(partition));
                found.map_or(0, |position| position.next.parse().expect("a number"))
            };
            let cursors = (0..PARTITIONS).map(cursor).collect();
            let id = SourceId(index as u16);
            let core =
                SourceCore::new(id, name, self.system.groups, topology, routes.clone(), positions, recovered.epoch);
            self.system.sources.push(SourceNode { core, out: source::Output::new(topology), cursors });
        }
    }
}
