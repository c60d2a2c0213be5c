mod crashes;
mod directory;
pub(crate) mod disk;
mod examine;

use std::collections::BTreeMap;
use std::path::Path;

use redb::Database;
use statefun::{Address, Epoch, FunctionType, KeyGroup, ProcessingTime};
use statefun_ports::rows::Change;

use super::*;
use crate::encode_rows;
use disk::Disk;

pub(crate) const GROUPS: u16 = 6;

pub(crate) type Rows = BTreeMap<RowKey, RowValue>;

/// A row of a key group, or of the system for the group behind the last.
pub(crate) fn change(group: u16, id: u8, value: Option<Vec<u8>>) -> Change {
    if group == GROUPS {
        let key = RowKey::Clock { participant: id.to_string().into() };
        return (key, value.map(|value| RowValue::Clock(ProcessingTime(value.len() as u64))));
    }
    let address = Address::new(FunctionType::parse("shop/cart").unwrap(), id.to_string());
    let key = RowKey::Idempotency { group: KeyGroup(group), address, key: "k".into() };
    (key, value.map(|value| RowValue::Idempotency(crate::testing::kept(&value))))
}

pub(crate) fn apply(rows: &mut Rows, changes: &[Change]) {
    for (key, value) in changes {
        match value {
            Some(value) => drop(rows.insert(key.clone(), value.clone())),
            None => drop(rows.remove(key)),
        }
    }
}

pub(crate) fn manifest(epoch: u64) -> Manifest {
    Manifest { epoch: Epoch(epoch), generation: Generation(1), lineage: Lineage(5), key_groups: GROUPS }
}

/// Options under which a few rows are enough to be folded.
fn eager() -> OpenOptions {
    OpenOptions {
        cache_bytes: 1 << 20,
        delta_bytes_min: 2_000,
        delta_epochs_max: 5,
        epochs_retained: 1,
        blob_cache_bytes: 1_000,
        ..OpenOptions::new(Lineage(5))
    }
}

pub(crate) fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    let disk = disk.clone();
    let open = move || Database::builder().set_cache_size(1 << 20).create_with_backend(disk.open());
    RedbStore::open_with(Box::new(open), Path::new("state.redb"), eager())
}

/// Commits an epoch of two parts.
fn commit(store: &mut RedbStore, epoch: u64, changes: &[Change]) -> Result<(), StoreError> {
    let (left, right) = changes.split_at(changes.len() / 2);
    let parts = [encode_rows("shard-0", Epoch(epoch), left), encode_rows("shard-1", Epoch(epoch), right)];
    store.commit(manifest(epoch), &parts)
}

/// Everything, group by group and in the order of keys within a group.
pub(crate) fn load(store: &mut impl SnapshotStore) -> Result<Rows, StoreError> {
    let mut rows = Vec::new();
    store.load(0..GROUPS, &mut |key, value| rows.push((key, value)))?;
    let groups: Vec<_> = rows
        .iter()
        .map(|(key, _)| match key {
            RowKey::Idempotency { group, address, .. } => (group.0, address.id.clone()),
            other => panic!("{other:?} belongs to no key group"),
        })
        .collect();
    assert!(groups.is_sorted());
    store.load_system(&mut |key, value| {
        assert!(matches!(key, RowKey::Clock { .. }));
        rows.push((key, value));
    })?;
    let count = rows.len();
    let rows: Rows = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "each row once");
    Ok(rows)
}

fn tidy(store: &mut RedbStore) {
    for _ in 0..1000 {
        if !store.tidy().unwrap() {
            return;
        }
    }
    panic!("housekeeping never ends");
}
