//! A data directory and what stands in it.

use redb::ReadableTable;

use super::super::tables::{META, META_FORMAT};
use super::*;

fn store(directory: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open(directory, eager())
}

#[test]
fn a_directory_is_made_and_counts_its_generations_and_keeps_its_lineage() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/data");
    let first = store(&directory).unwrap();
    assert_eq!((first.generation(), first.lineage()), (Generation(1), Lineage(5)));
    drop(first);
    let second = RedbStore::open(&directory, OpenOptions::new(Lineage(6))).unwrap();
    assert_eq!((second.generation(), second.lineage()), (Generation(2), Lineage(5)));
}

#[test]
fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let directory = tempfile::tempdir().unwrap();
    let first = store(directory.path()).unwrap();
    let Err(StoreError::InUse { owner, .. }) = store(directory.path()) else { panic!("two owners") };
    assert!(owner.starts_with(&format!("process {} on host ", std::process::id())), "{owner}");
    drop(first);
    assert!(store(directory.path()).is_ok());
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(store(directory.path()).unwrap());
    let database = Database::open(directory.path().join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut meta = transaction.open_table(META).unwrap();
        assert_eq!(meta.get(META_FORMAT).unwrap().unwrap().value(), 1u32.to_le_bytes());
        meta.insert(META_FORMAT, 2u32.to_le_bytes().as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let refused = store(directory.path());
    assert!(matches!(refused, Err(StoreError::NewerFormat { found: 2, known: 1, .. })), "{refused:?}");
}

#[test]
fn epochs_survive_reopening_and_never_go_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = store(directory.path()).unwrap();
    assert_eq!(first.manifest().unwrap(), None);
    let pen = change(1, 1, Some(b"pen".to_vec()));
    commit(&mut first, 4, &[pen.clone(), change(GROUPS, 1, Some(vec![0; 9]))]).unwrap();
    commit(&mut first, 6, &[]).unwrap();
    assert!(matches!(commit(&mut first, 6, &[]), Err(StoreError::Io { .. })));
    drop(first);
    let mut second = store(directory.path()).unwrap();
    assert_eq!(second.manifest().unwrap(), Some(manifest(6)));
    assert_eq!(load(&mut second).unwrap().len(), 2);
    let mut rows = Vec::new();
    second.load(1..2, &mut |key, value| rows.push((key, Some(value)))).unwrap();
    assert_eq!(rows, [pen]);
    second.load(2..GROUPS, &mut |key, _| panic!("{key:?} is of group 1")).unwrap();
}

#[test]
fn folding_empties_the_deltas_and_a_value_larger_than_a_piece_is_whole_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path()).unwrap();
    let large: Vec<u8> = (0..700_000u32).map(|i| i as u8).collect();
    let changes = [change(0, 1, Some(large)), change(0, 2, Some(vec![1])), change(5, 3, Some(vec![2; 100]))];
    commit(&mut store, 1, &changes).unwrap();
    commit(&mut store, 2, &[change(0, 2, None)]).unwrap();
    let before = load(&mut store).unwrap();
    assert_eq!(before.len(), 2);
    assert_eq!(store.stats().epochs, 2);
    tidy(&mut store);
    let stats = store.stats();
    assert_eq!((stats.epochs, stats.delta_bytes, stats.base_rows), (0, 0, 2));
    assert!(stats.base_bytes > 700_000);
    assert_eq!(load(&mut store).unwrap(), before);
}

#[test]
fn the_newer_part_of_an_epoch_wins_and_nothing_is_folded_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(directory.path()).unwrap();
    let mut model = Rows::new();
    for epoch in 1..40 {
        let changes: Vec<_> =
            (0..20).map(|i| change(i % 7, (epoch as u8).wrapping_mul(3) % 11, Some(vec![epoch as u8; 30]))).collect();
        commit(&mut store, epoch, &changes).unwrap();
        apply(&mut model, &changes);
        // A step now and then, so that epochs come between the steps of a round.
        store.tidy().unwrap();
        assert_eq!(load(&mut store).unwrap(), model);
    }
}
