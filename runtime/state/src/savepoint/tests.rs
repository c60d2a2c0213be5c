use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use statefun::{
    Address, EgressRecord, Envelope, Epoch, FunctionType, Generation, KeyGroup, KeyGroups, Lineage, ProcessingTime,
    SmallBytes, Symbol, TypedValue, ValueType,
};
use statefun_ports::rows::{Change, RowKey, RowValue, Stored};
use statefun_ports::snapshot_store::{Manifest, SnapshotStore, StoreError};

use super::*;
use crate::{OpenOptions, RedbStore, encode_rows};

const GROUPS: u16 = 8;

type Rows = BTreeMap<RowKey, RowValue>;

fn address(function: &str, id: u64) -> Address {
    Address::new(FunctionType::parse(function).unwrap(), id.to_string())
}

fn group(address: &Address) -> KeyGroup {
    KeyGroups::new(GROUPS, 1).group(address.hash())
}

fn typed(bytes: &[u8]) -> TypedValue {
    TypedValue::new(ValueType::named("it/bytes").unwrap(), SmallBytes::from(bytes.to_vec()))
}

fn value(function: &str, id: u64, bytes: &[u8]) -> Change {
    let address = address(function, id);
    let stored = Stored { value: typed(bytes), touched: ProcessingTime(7) };
    let key = RowKey::Value { group: group(&address), address, name: Symbol::intern("seen").unwrap() };
    (key, Some(RowValue::Value(stored)))
}

fn waiting(function: &str, seq: u64) -> Change {
    let target = address(function, seq);
    let key = RowKey::Waiting { group: group(&target), seq };
    (key, Some(RowValue::Waiting(Envelope::new(target, typed(b"message")))))
}

fn outbox(sink: &str, seq: u64) -> Change {
    let record = EgressRecord::Value { source: address("it/a", 1), value: typed(b"record") };
    (RowKey::Outbox { sink: Symbol::intern(sink).unwrap(), seq }, Some(RowValue::Outbox(record)))
}

fn position(partition: &str) -> Change {
    let key = RowKey::Position { source: Symbol::intern("it/in").unwrap(), partition: partition.into() };
    (key, Some(RowValue::Position("42".into())))
}

fn manifest(epoch: u64) -> Manifest {
    Manifest { epoch: Epoch(epoch), generation: Generation(1), lineage: Lineage(5), key_groups: GROUPS }
}

fn open(directory: &Path, lineage: u128) -> RedbStore {
    RedbStore::open(directory, OpenOptions::new(Lineage(lineage))).unwrap()
}

fn commit(store: &mut RedbStore, epoch: u64, changes: &[Change]) {
    store.commit(manifest(epoch), &[encode_rows("shard-0", Epoch(epoch), changes)]).unwrap();
}

fn load(store: &mut dyn SnapshotStore) -> Rows {
    let mut rows = Rows::new();
    store.load(0..GROUPS, &mut |key, value| drop(rows.insert(key, value))).unwrap();
    store.load_system(&mut |key, value| drop(rows.insert(key, value))).unwrap();
    rows
}

/// A state of two function types, with something of everything.
fn changes() -> Vec<Change> {
    let values = (0..200).map(|id| value("it/a", id, &[id as u8; 40])).chain((0..50).map(|id| value("it/b", id, b"b")));
    let more = [waiting("it/a", 3), waiting("it/b", 4), outbox("it/out", 9), outbox("it/keeper", 1)];
    values.chain(more).chain([position("t/0"), position("t/1")]).collect()
}

fn save(store: &mut RedbStore, target: &Path) -> SavepointManifest {
    let saving = Saving::begin(store.freeze().unwrap().unwrap(), target).unwrap();
    saving.finish(&BTreeMap::new(), &BTreeSet::from(["it/keeper".to_owned()])).unwrap()
}

#[test]
fn what_is_saved_is_the_epoch_whatever_was_committed_since() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("data"), 5);
    commit(&mut store, 3, &changes());
    commit(&mut store, 4, &[value("it/a", 1, b"new"), (value("it/a", 2, b"").0, None)]);
    let expected = load(&mut store);
    let mut frozen = store.freeze().unwrap().unwrap();
    commit(&mut store, 5, &[value("it/a", 1, b"newer"), outbox("it/out", 10)]);
    while store.tidy().unwrap() {}
    assert_eq!(outboxes(&mut *frozen).unwrap(), BTreeMap::from([("it/keeper".into(), 1), ("it/out".into(), 9)]));

    let target = folder.path().join("saved/one");
    let unpublished = BTreeMap::from([("it/out".to_owned(), BTreeSet::from([9]))]);
    let saving = Saving::begin(frozen, &target).unwrap();
    let written = saving.finish(&unpublished, &BTreeSet::from(["it/keeper".to_owned()])).unwrap();
    assert_eq!((written.epoch, written.key_groups, written.rows), (4, GROUPS, expected.len() as u64));

    let savepoint = Savepoint::open(&target).unwrap();
    assert_eq!(*savepoint.manifest(), written);
    assert!(savepoint.verify().is_empty());
    let mut restored = open(&folder.path().join("new"), 6);
    restored.install(&savepoint, &|_| true).unwrap();
    assert_eq!(load(&mut restored), expected);
    let begun = restored.manifest().unwrap().unwrap();
    assert_eq!((begun.epoch, begun.lineage, begun.key_groups), (Epoch(4), Lineage(6), GROUPS));
    drop(restored);
    let mut again = open(&folder.path().join("new"), 7);
    assert_eq!(load(&mut again), expected);
    let refused = again.install(&savepoint, &|_| true);
    assert!(matches!(refused, Err(SavepointError::Store(StoreError::Io { .. }))), "{refused:?}");
}

#[test]
fn published_records_stay_out_and_the_manifest_says_what_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("data"), 5);
    commit(&mut store, 3, &changes());
    let written = save(&mut store, &folder.path().join("saved"));
    let counts = |function: &str| written.functions.iter().find(|of| of.function == function).unwrap().clone();
    let (a, b) = (counts("it/a"), counts("it/b"));
    assert_eq!((a.addresses, a.values, a.waiting), (200, 200, 1));
    assert_eq!((b.addresses, b.values, b.waiting), (50, 50, 1));
    assert_eq!(written.ingresses, [IngressContents { ingress: "it/in".into(), partitions: 2 }]);
    assert_eq!(written.egresses, [EgressContents { egress: "it/keeper".into(), records: 1 }]);
}

#[test]
fn function_types_that_nobody_wants_are_left_out_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("data"), 5);
    commit(&mut store, 3, &changes());
    save(&mut store, &folder.path().join("saved"));
    let mut restored = open(&folder.path().join("new"), 6);
    let savepoint = Savepoint::open(&folder.path().join("saved")).unwrap();
    restored.install(&savepoint, &|function| function == "it/b").unwrap();
    let rows = load(&mut restored);
    assert_eq!(rows.len(), 50 + 1 + 2 + 1);
    assert!(
        !rows.keys().any(|key| matches!(key, RowKey::Value { address, .. } if address.function.as_str() == "it/a"))
    );
}

#[test]
fn every_damaged_byte_is_noticed_and_nothing_of_a_damaged_savepoint_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("data"), 5);
    let small: Vec<Change> = changes().into_iter().step_by(20).collect();
    commit(&mut store, 3, &small);
    let target = folder.path().join("saved");
    let written = save(&mut store, &target);
    let mut restored = open(&folder.path().join("new"), 6);
    for part in &written.parts {
        let path = target.join(&part.file);
        let whole = fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(Savepoint::open(&target).unwrap().verify().len(), 1, "byte {index} of {}", part.file);
        }
        let refused = restored.install(&Savepoint::open(&target).unwrap(), &|_| true);
        assert!(matches!(refused, Err(SavepointError::Damaged { .. })), "{refused:?}");
        assert_eq!(restored.manifest().unwrap(), None);
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Savepoint::open(&target).unwrap().verify().len(), 1);
        fs::remove_file(&path).unwrap();
        assert_eq!(Savepoint::open(&target).unwrap().verify().len(), 1);
        fs::write(&path, &whole).unwrap();
    }
    restored.install(&Savepoint::open(&target).unwrap(), &|_| true).unwrap();
}

#[test]
fn an_unfinished_savepoint_has_no_name_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("saved");
    let mut writer = SavepointWriter::create(&target).unwrap();
    let mut key = Vec::new();
    crate::codec::encode_key(&position("t/0").0, &mut key);
    writer.push(&key, b"1").unwrap();
    assert!(writer.push(&key, b"1").is_err(), "each key once");
    assert!(!target.exists());
    assert!(Savepoint::list(folder.path()).is_empty());
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    SavepointWriter::create(&target).unwrap().finish(&manifest(1)).unwrap();
    assert_eq!(Savepoint::list(folder.path()).len(), 1);
    assert!(matches!(SavepointWriter::create(&target), Err(SavepointError::Exists { .. })));
    assert!(Savepoint::open(&target).unwrap().verify().is_empty());
}

#[test]
fn a_memory_store_can_be_saved_too() {
    let mut store = crate::MemoryStore::new();
    assert!(store.freeze().unwrap().is_none());
    store.commit(manifest(3), &[encode_rows("shard-0", Epoch(3), &changes())]).unwrap();
    let expected = load(&mut store);
    let folder = tempfile::tempdir().unwrap();
    let saving = Saving::begin(store.freeze().unwrap().unwrap(), &folder.path().join("saved")).unwrap();
    let kept = ["it/keeper", "it/out"].map(str::to_owned).into();
    assert_eq!(saving.finish(&BTreeMap::new(), &kept).unwrap().rows, expected.len() as u64);
}
