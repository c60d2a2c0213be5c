//! Recovery and start, in the order that keeps promises: everything is in place before a source reads.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use actix::prelude::*;
use hashbrown::HashMap;
use statefun::{EgressId, KeyGroups, ShardId, SinkId, SourceId, Symbol};
use statefun_engine::shard::{self, Shard};
use statefun_engine::sink::SinkCore;
use statefun_engine::snapshot::Coordinator;
use statefun_engine::source::{self, SourceCore};
use statefun_engine::time::Tracker;
use statefun_engine::{Delivery, Topology};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::Manifest;

use super::recover::{Recovered, recover};
use super::{Node, NodeError, NodeOptions, StatePlugin, Storage};
use crate::actors::{
    CoordinatorActor, CoordinatorMessage, ShardActor, ShardMessage, SinkActor, SinkMessage, SourceActor, StoreThread,
    Wiring,
};
use crate::application::{Application, EgressKind, SinkBinding};
use crate::clock;
use crate::pressure::Pressure;
use crate::telemetry::CallTracer;
use crate::universe::Universe;

/// The name under which dead letters are kept, which never leave by themselves.
pub(super) const DEAD_LETTERS: &str = "io.statefun/dead-letters";

impl Node {
    /// Recovers from `storage` and starts `application`. Must be called within an actix system.
    ///
    /// # Errors
    /// When the store cannot be read, its state does not fit the options, or a thread cannot be started.
    pub fn start<S: KeyedState + Send + Unpin + 'static>(
        application: Application,
        mut storage: Storage,
        plugin: &StatePlugin<S>,
        options: NodeOptions,
        tracer: Option<Arc<dyn CallTracer>>,
    ) -> Result<Self, NodeError> {
        let Application { sources, mut sinks, functions, replies, dead_letters } = application;
        let keeper = dead_letters.ok_or_else(|| NodeError::Refused("nobody keeps the dead letters".to_owned()))?;
        let symbol = |text: &str| Symbol::intern(text).map_err(|error| NodeError::Refused(error.to_string()));
        sinks.push(SinkBinding {
            id: EgressId(symbol(DEAD_LETTERS)?),
            delivery: Delivery::AtLeastOnce,
            kind: EgressKind::Value,
            connector: keeper,
        });
        let groups = KeyGroups::new(options.key_groups, options.shards.clamp(1, options.key_groups));
        let topology = Topology { sources: sources.len() as u16, shards: groups.shards(), sinks: sinks.len() as u16 };
        let mut recovered = recover(&mut storage, options.key_groups)?;
        let timed: Vec<_> =
            sources.iter().filter(|binding| binding.time.is_some()).map(|binding| binding.name).collect();
        let mut tracker = Tracker::new(timed.iter().copied());
        let universe = Arc::new(universe(functions, replies, &sinks, timed)?);
        let pressure = Arc::new(Pressure::new(options.pressure, topology));

        let shards = (0..topology.shards).map(|id| {
            let state = (plugin.make)(ShardId(id), groups);
            let directory = Arc::clone(&universe) as Arc<dyn statefun_engine::Directory>;
            Shard::new(ShardId(id), groups, topology, directory, state, recovered.epoch, options.shard)
        });
        let mut shards = restore(&mut storage, &recovered, groups, shards.collect())?;
        for shard in &mut shards {
            // Counts are not durable: what is there is counted again.
            tracker.on_delta(clock::now(), &shard.opening());
        }
        if let Some(newest) = shards.iter().map(Shard::clock).max() {
            clock::continue_from(newest);
        }

        let mut arbiters = Vec::new();
        let shard_addresses: Vec<_> = shards
            .into_iter()
            .map(|shard| {
                let arbiter = Arbiter::new();
                let (universe, pressure, tracer) = (Arc::clone(&universe), Arc::clone(&pressure), tracer.clone());
                let address = ShardActor::start_in_arbiter(&arbiter.handle(), move |context| {
                    // The channels are bounded by pressure; actix would otherwise slow senders by waiting wakers.
                    context.set_mailbox_capacity(1 << 16);
                    ShardActor::new(shard, shard::Output::new(topology), universe, pressure, tracer)
                });
                arbiters.push(arbiter);
                address
            })
            .collect();

        let front = Arbiter::new();
        let manifest = Manifest {
            epoch: recovered.epoch,
            generation: storage.generation,
            lineage: recovered.lineage,
            key_groups: options.key_groups,
        };
        let generation = storage.generation;
        let store = StoreThread::start(storage.store, manifest)?;
        let coordinator = Coordinator::new(options.epochs, topology, generation, recovered.epoch, clock::now());
        let (gauges, encode) = (Arc::clone(&pressure), plugin.encode);
        let coordinator = CoordinatorActor::start_in_arbiter(&front.handle(), move |_| {
            CoordinatorActor::new(coordinator, tracker, store, gauges, encode)
        });

        let mut sink_addresses = Vec::new();
        for (index, binding) in sinks.into_iter().enumerate() {
            let name = binding.id.0;
            let outbox = recovered.outbox(name);
            let core = SinkCore::new(SinkId(index as u16), name, topology, binding.delivery, outbox, recovered.epoch);
            let connector = binding.connector;
            let (pressure, encode) = (Arc::clone(&pressure), plugin.encode);
            sink_addresses.push(SinkActor::start_in_arbiter(&front.handle(), move |_| {
                SinkActor::new(core, topology, connector, pressure, encode)
            }));
        }
        for (sink, records) in recovered.orphaned_outboxes() {
            tracing::warn!(%sink, records, "the snapshot holds records for an egress that the module no longer declares; they stay there");
        }

        let wiring = Wiring {
            shards: shard_addresses.iter().map(|address| address.clone().recipient()).collect(),
            sinks: sink_addresses.iter().map(|address| address.clone().recipient()).collect(),
            coordinator: coordinator.clone().recipient(),
        };
        for sink in &wiring.sinks {
            sink.do_send(SinkMessage::Wire(wiring.clone()));
        }
        for shard in &wiring.shards {
            shard.do_send(ShardMessage::Wire(wiring.clone()));
        }
        // Only now: sources begin to read when their actors start.
        let mut source_addresses = Vec::new();
        let mut doors = Vec::new();
        for (index, binding) in sources.into_iter().enumerate() {
            let positions = recovered.positions.remove(&binding.name).unwrap_or_default();
            let id = SourceId(index as u16);
            let core = SourceCore::new(id, binding.name, groups, topology, binding.routes, positions, recovered.epoch);
            let core = match binding.time {
                None => core,
                Some(strategy) => core
                    .telling_time(strategy, recovered.times.get(binding.name.as_str()).map(|row| &row[..]))
                    .map_err(|error| NodeError::Refused(error.to_string()))?,
            };
            let connector = binding.connector;
            doors.push(binding.is_door);
            let handle = if binding.is_door {
                front.handle()
            } else {
                let arbiter = Arbiter::new();
                let handle = arbiter.handle();
                arbiters.push(arbiter);
                handle
            };
            let (wiring, pressure, encode) = (wiring.clone(), Arc::clone(&pressure), plugin.encode);
            let address = SourceActor::start_in_arbiter(&handle, move |_| {
                SourceActor::new(core, source::Output::new(topology), connector, wiring, pressure, encode)
            });
            source_addresses.push(address.recipient());
        }
        coordinator.do_send(CoordinatorMessage::Wire(wiring.clone(), source_addresses.clone()));
        arbiters.push(front);

        Ok(Self::new(
            wiring,
            source_addresses,
            doors,
            universe,
            pressure,
            groups,
            options,
            generation,
            recovered.epoch,
            recovered.lineage,
            arbiters,
        ))
    }
}

fn universe(
    functions: Vec<(crate::FunctionPattern, crate::FunctionHome)>,
    replies: Option<(statefun::FunctionType, Symbol)>,
    sinks: &[SinkBinding],
    timed: Vec<Symbol>,
) -> Result<Universe, NodeError> {
    let mut egresses = HashMap::new();
    for (index, binding) in sinks.iter().enumerate() {
        egresses.insert(binding.id, (SinkId(index as u16), binding.kind.clone()));
    }
    let replies = match replies {
        None => None,
        Some((function, name)) => {
            let sink = egresses
                .get(&EgressId(name))
                .ok_or_else(|| NodeError::Refused(format!("no egress {name} to answer callers")))?;
            Some((function, sink.0))
        }
    };
    Ok(Universe::new(functions, egresses, replies, timed))
}

/// Rows on their way from the thread that reads and decodes to those that restore: enough to keep both busy, few enough
/// to stay in the caches.
const ROWS_PER_BATCH: usize = 512;
const BATCHES_AHEAD: usize = 16;

/// Gives every shard the rows of its key groups. Reading and restoring cost about the same, so they overlap.
fn restore<S: KeyedState + Send>(
    storage: &mut Storage,
    recovered: &Recovered,
    groups: KeyGroups,
    shards: Vec<Shard<S>>,
) -> Result<Vec<Shard<S>>, NodeError> {
    std::thread::scope(|scope| {
        let mut restoring = Vec::with_capacity(shards.len());
        for mut shard in shards {
            for (function, specs) in &recovered.specs {
                shard.restore(RowKey::Specs { function: *function }, RowValue::Specs(specs.clone()));
            }
            for (participant, row) in &recovered.times {
                // The furthest that any shard has come, for key groups may have moved.
                if participant.starts_with("shard-") {
                    shard.restore(RowKey::Time { participant: participant.clone() }, RowValue::Time(row.clone()));
                }
            }
            shard.restore_clock(recovered.clock);
            let range = groups.range(shard.id());
            let (rows, inbox) = sync_channel::<Vec<(RowKey, RowValue)>>(BATCHES_AHEAD);
            restoring.push(scope.spawn(move || {
                for (key, value) in inbox.into_iter().flatten() {
                    shard.restore(key, value);
                }
                shard
            }));
            let mut batch = Vec::with_capacity(ROWS_PER_BATCH);
            storage.store.load(range, &mut |key, value| {
                batch.push((key, value));
                if batch.len() == ROWS_PER_BATCH {
                    // Nobody takes rows any more only when restoring panicked, which joining it tells.
                    let _ = rows.send(std::mem::replace(&mut batch, Vec::with_capacity(ROWS_PER_BATCH)));
                }
            })?;
            let _ = rows.send(batch);
        }
        let restored = restoring.into_iter().map(|thread| {
            let why = "a row of the newest epoch cannot be restored";
            thread.join().map_err(|_| NodeError::Refused(why.to_owned()))
        });
        restored.collect()
    })
}
