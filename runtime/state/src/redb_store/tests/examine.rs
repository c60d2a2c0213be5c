//! Damage: what is found, what can be gone back to, and that nothing is given up unasked.

use super::*;

/// A store with a base and a few epochs after it; each epoch writes a text of its own.
fn store(disk: &Disk, retained: usize, epochs: u64) -> RedbStore {
    let opened = disk.clone();
    let open = move || Database::builder().set_cache_size(1 << 20).create_with_backend(opened.open());
    let options = OpenOptions { epochs_retained: retained, ..eager() };
    let mut store = RedbStore::open_with(Box::new(open), Path::new("state.redb"), options).unwrap();
    for epoch in 1..=epochs {
        let text = format!("epoch-{epoch:04}-").repeat(40).into_bytes();
        commit(&mut store, epoch, &[change((epoch % 6) as u16, epoch as u8, Some(text))]).unwrap();
        tidy(&mut store);
    }
    store
}

fn expected(store: &mut RedbStore) -> Rows {
    load(store).unwrap()
}

#[test]
fn the_newest_epochs_can_be_gone_back_to_as_many_as_are_retained() {
    let disk = Disk::default();
    let mut many = store(&disk, 4, 30);
    let restorable = many.restorable();
    assert!(restorable.len() >= 4 && restorable.ends_with(&[Epoch(27), Epoch(28), Epoch(29), Epoch(30)]));
    let found = many.examine().unwrap();
    assert_eq!((found.rows, found.damage.len(), found.readable), (30, 0, None));
}

#[test]
fn damage_is_found_and_the_newest_readable_epoch_named() {
    let disk = Disk::default();
    let mut whole = store(&disk, 4, 28);
    let before = expected(&mut whole);
    drop(store_more(whole, 29..=30));
    let pattern = format!("epoch-{:04}-", 29).repeat(2).into_bytes();
    assert!(disk.damage(&pattern) > 0);

    let mut damaged = reopen(&disk);
    assert!(matches!(load(&mut damaged), Err(StoreError::Damaged { epoch: Epoch(29), .. })));
    let found = damaged.examine().unwrap();
    assert_eq!((found.damage.len(), found.readable), (1, Some(Epoch(28))));

    for wrong in [29, 30, 5] {
        let refused = damaged.give_up_after(Epoch(wrong), Lineage(9));
        assert!(matches!(&refused, Err(StoreError::Io { cause, .. }) if cause.contains("28")), "{refused:?}");
    }
    assert!(damaged.give_up_after(Epoch(28), Lineage(9)).unwrap());
    assert_eq!(expected(&mut damaged), before);
    drop(damaged);
    let mut again = reopen(&disk);
    assert_eq!(expected(&mut again), before);
    assert_eq!((again.lineage(), again.manifest().unwrap().unwrap().epoch), (Lineage(9), Epoch(28)));
    assert!(!again.give_up_after(Epoch(27), Lineage(10)).unwrap(), "nothing is damaged");
    assert_eq!(again.lineage(), Lineage(9));
    // And it goes on.
    commit(&mut again, 29, &[change(1, 200, Some(b"new".to_vec()))]).unwrap();
    assert_eq!(expected(&mut again).len(), before.len() + 1);
}

#[test]
fn a_damaged_base_leaves_nothing_to_go_back_to() {
    let disk = Disk::default();
    drop(store(&disk, 2, 30));
    assert!(disk.damage(&format!("epoch-{:04}-", 1).repeat(2).into_bytes()) > 0);
    let mut damaged = reopen(&disk);
    let found = damaged.examine().unwrap();
    assert_eq!((found.damage.len(), found.readable), (1, None));
    let refused = damaged.give_up_after(Epoch(29), Lineage(9));
    assert!(matches!(&refused, Err(StoreError::Io { cause, .. }) if cause.contains("none")), "{refused:?}");
}

fn store_more(mut store: RedbStore, epochs: std::ops::RangeInclusive<u64>) -> RedbStore {
    for epoch in epochs {
        let text = format!("epoch-{epoch:04}-").repeat(40).into_bytes();
        commit(&mut store, epoch, &[change((epoch % 6) as u16, epoch as u8, Some(text))]).unwrap();
    }
    store
}

fn reopen(disk: &Disk) -> RedbStore {
    store(disk, 4, 0)
}
