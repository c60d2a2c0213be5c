use statefun::{Generation, KeyGroup, Lineage};
use statefun_ports::rows::Change;

use super::*;
use crate::encode_rows;

fn manifest(epoch: u64) -> Manifest {
    Manifest { epoch: Epoch(epoch), generation: Generation(1), lineage: Lineage(1), key_groups: 4 }
}

fn row(text: &'static str) -> Change {
    let address = statefun::Address::parse("shop/cart/ann").unwrap();
    let key = RowKey::Idempotency { group: KeyGroup(2), address, key: "k".into() };
    (key, Some(RowValue::Idempotency(crate::testing::kept(text.as_bytes()))))
}

fn commit(store: &mut MemoryStore, epoch: u64, changes: &[Change]) -> Result<(), StoreError> {
    store.commit(manifest(epoch), &[encode_rows("shard-0", Epoch(epoch), changes)])
}

fn rows(store: &mut MemoryStore) -> Vec<Change> {
    let mut rows = Vec::new();
    store.load(0..4, &mut |key, value| rows.push((key, Some(value)))).unwrap();
    rows
}

#[test]
fn a_commit_that_was_told_to_fail_leaves_nothing_behind() {
    let mut store = MemoryStore::new();
    commit(&mut store, 1, &[row("pen")]).unwrap();
    store.fail_next_commit();
    assert!(commit(&mut store, 2, &[row("ink")]).is_err());
    assert_eq!(rows(&mut store), [row("pen")]);
    commit(&mut store, 3, &[row("cap")]).unwrap();
    assert_eq!(rows(&mut store), [row("cap")]);
    assert!(commit(&mut store, 3, &[]).is_err(), "an epoch exists once");
}

#[test]
fn what_was_not_synced_is_forgotten() {
    let mut store = MemoryStore::new();
    commit(&mut store, 1, &[row("pen")]).unwrap();
    commit(&mut store, 2, &[row("ink")]).unwrap();
    assert_eq!(store.forget_since(Epoch(2)), Some(manifest(1)));
    assert_eq!(rows(&mut store), [row("pen")]);
    assert_eq!(store.forget_since(Epoch(1)), None);
    assert_eq!(rows(&mut store), []);
}

#[test]
fn housekeeping_keeps_the_rows_and_the_newest_epochs() {
    let mut store = MemoryStore::new();
    for epoch in 1..=40 {
        commit(&mut store, epoch, &[row(if epoch % 2 == 0 { "even" } else { "odd" })]).unwrap();
        store.tidy().unwrap();
        assert!(store.epochs.len() <= EPOCHS_MAX);
        assert_eq!(rows(&mut store), [row(if epoch % 2 == 0 { "even" } else { "odd" })]);
    }
    assert_eq!(store.forget_since(Epoch(40)), Some(manifest(39)));
    assert_eq!(rows(&mut store), [row("odd")]);
}

#[test]
fn damage_is_found() {
    for bit in 0..800 {
        let mut store = MemoryStore::new();
        commit(&mut store, 1, &[row("pen")]).unwrap();
        assert!(store.damage(bit));
        assert!(store.load(0..4, &mut |_, _| ()).is_err(), "bit {bit}");
    }
}
