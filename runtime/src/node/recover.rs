//! Reading back what the newest epoch holds.

use bytes::Bytes;
use compact_str::CompactString;
use hashbrown::HashMap;
use statefun::function::StateSpec;
use statefun::{Epoch, FunctionType, Lineage, ProcessingTime, Symbol};
use statefun_engine::recovery::{Decision, Found, plan};
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::sink::OutboxRecord;
use statefun_ports::snapshot_store::SnapshotStore;
use statefun_ports::source::Position;

use super::{NodeError, Storage};

/// What the newest epoch says about everything but key groups.
#[derive(Default)]
pub(super) struct Recovered {
    pub(super) epoch: Epoch,
    pub(super) lineage: Lineage,
    pub(super) positions: HashMap<Symbol, Vec<Position>>,
    pub(super) outboxes: HashMap<Symbol, Vec<OutboxRecord>>,
    pub(super) specs: Vec<(FunctionType, Vec<StateSpec>)>,
    pub(super) clock: ProcessingTime,
    /// How far event time had come, by participant, in its own words.
    pub(super) times: HashMap<CompactString, Bytes>,
}

/// Decides how to begin and reads the rows of the system.
pub(super) fn recover(storage: &mut Storage, key_groups: u16) -> Result<Recovered, NodeError> {
    let manifest = storage.store.manifest()?;
    let found = Found { manifest, generation: storage.generation, key_groups, fresh_lineage: storage.fresh_lineage };
    match plan(&found) {
        Decision::Fresh { lineage } => Ok(Recovered { lineage, ..Recovered::default() }),
        Decision::Restore { epoch, lineage } => {
            let mut recovered = Recovered { epoch, lineage, ..Recovered::default() };
            read_system(&mut *storage.store, &mut recovered)?;
            Ok(recovered)
        }
        Decision::Superseded { by } => Err(NodeError::Superseded { by }),
        Decision::Refuse { why } => Err(NodeError::Refused(why)),
    }
}

fn read_system(store: &mut dyn SnapshotStore, recovered: &mut Recovered) -> Result<(), NodeError> {
    store.load_system(&mut |key, value| match (key, value) {
        (RowKey::Position { source, partition }, RowValue::Position(next)) => {
            recovered.positions.entry(source).or_default().push(Position { partition, next });
        }
        (RowKey::Outbox { sink, seq }, RowValue::Outbox(record)) => {
            recovered.outboxes.entry(sink).or_default().push(OutboxRecord { seq, record });
        }
        (RowKey::Specs { function }, RowValue::Specs(specs)) => recovered.specs.push((function, specs)),
        (RowKey::Clock { .. }, RowValue::Clock(clock)) => recovered.clock = recovered.clock.max(clock),
        (RowKey::Time { participant }, RowValue::Time(row)) => _ = recovered.times.insert(participant, row),
        (key, _) => tracing::warn!(?key, "a row of an unknown kind among the rows of the system, ignored"),
    })?;
    Ok(())
}

impl Recovered {
    /// The outbox of a sink, in order.
    pub(super) fn outbox(&mut self, sink: Symbol) -> Vec<OutboxRecord> {
        let mut records = self.outboxes.remove(&sink).unwrap_or_default();
        records.sort_by_key(|record| record.seq);
        records
    }

    /// Sinks that hold records and are not in the application any more.
    pub(super) fn orphaned_outboxes(&self) -> impl Iterator<Item = (Symbol, usize)> + use<'_> {
        self.outboxes.iter().map(|(sink, records)| (*sink, records.len()))
    }
}
