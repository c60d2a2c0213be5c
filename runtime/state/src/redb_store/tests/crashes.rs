//! What is left after the power went, the disk failed, or bytes changed by themselves.

use proptest::prelude::*;

use super::disk::Fault;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Tidy,
    Reopen,
    Crash(u64),
    /// A commit during which one write or sync fails.
    FailingCommit(u64, Vec<Change>),
    /// A commit during which the power goes.
    CrashingCommit(u64, u64, Vec<Change>),
    FailingTidy(u64),
    CrashingTidy(u64, u64),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let len = prop_oneof![30 => 0usize..60, 1 => 250_000usize..300_000];
    let value = prop::option::weighted(0.7, (any::<u8>(), len).prop_map(|(byte, len)| vec![byte; len]));
    let change = (0..=GROUPS, 0u8..8, value).prop_map(|(group, id, value)| change(group, id, value));
    prop::collection::vec(change, 0..30)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => changes().prop_map(Step::Commit),
        12 => Just(Step::Tidy),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::Crash),
        2 => (0u64..60, changes()).prop_map(|(after, changes)| Step::FailingCommit(after, changes)),
        2 => (0u64..60, any::<u64>(), changes())
            .prop_map(|(after, seed, changes)| Step::CrashingCommit(after, seed, changes)),
        1 => (0u64..40).prop_map(Step::FailingTidy),
        1 => (0u64..40, any::<u64>()).prop_map(|(after, seed)| Step::CrashingTidy(after, seed)),
    ];
    prop::collection::vec(step, 1..40)
}

/// A store, its disk, and what it should hold.
struct Fixture {
    disk: Disk,
    store: RedbStore,
    /// The newest epoch that exists, and its rows.
    durable: (u64, Rows),
    epoch: u64,
}

impl Fixture {
    fn new() -> Self {
        let disk = Disk::default();
        let store = open(&disk).unwrap();
        Self { disk, store, durable: (0, Rows::new()), epoch: 0 }
    }

    /// Tries to commit the next epoch; returns the epoch and its rows, and whether it exists now.
    fn commit(&mut self, changes: &[Change]) -> ((u64, Rows), bool) {
        self.epoch += 1;
        let mut rows = self.durable.1.clone();
        apply(&mut rows, changes);
        let exists = commit(&mut self.store, self.epoch, changes).is_ok();
        ((self.epoch, rows), exists)
    }

    fn reopen(&mut self) {
        // The old one is dropped behind the new one; its handle is dead by then, or clean.
        self.store = open(&self.disk).unwrap();
    }

    fn newest(&mut self) -> u64 {
        self.store.manifest().unwrap().map_or(0, |manifest| manifest.epoch.0)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Commit(changes) => {
                let (after, exists) = self.commit(&changes);
                assert!(exists);
                self.durable = after;
            }
            Step::Tidy => drop(self.store.tidy().unwrap()),
            Step::Reopen => {
                self.store.database = None;
                self.reopen();
            }
            Step::Crash(seed) => {
                self.disk.crash(seed);
                self.reopen();
            }
            Step::FailingCommit(changes_before, changes) => {
                self.disk.fail_after(changes_before, Fault::Once);
                let (after, exists) = self.commit(&changes);
                self.disk.heal();
                if exists {
                    self.durable = after;
                }
            }
            Step::CrashingCommit(changes_before, seed, changes) => {
                self.disk.fail_after(changes_before, Fault::PowerOff);
                let (after, exists) = self.commit(&changes);
                self.disk.crash(seed);
                self.reopen();
                // Nobody was told that it exists; it may all the same.
                if exists || self.newest() == after.0 {
                    self.durable = after;
                }
            }
            Step::FailingTidy(changes_before) => {
                self.disk.fail_after(changes_before, Fault::Once);
                let _ = self.store.tidy();
                self.disk.heal();
            }
            Step::CrashingTidy(changes_before, seed) => {
                self.disk.fail_after(changes_before, Fault::PowerOff);
                let _ = self.store.tidy();
                self.disk.crash(seed);
                self.reopen();
            }
        }
        assert_eq!(self.newest(), self.durable.0);
        assert!(load(&mut self.store).unwrap() == self.durable.1, "epoch {} holds other rows", self.durable.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_store_holds_what_its_newest_epoch_says_whatever_happens(steps in steps()) {
        let mut fixture = Fixture::new();
        for step in steps {
            fixture.step(step);
        }
        tidy(&mut fixture.store);
        fixture.step(Step::Reopen);
    }
}

/// Every point of a commit and of every step of folding, not only those that chance finds.
#[test]
fn the_power_may_go_at_any_write_of_any_step() {
    let changes: Vec<_> = (0..40).map(|i| change(i % 7, i as u8, Some(vec![7; 60]))).collect();
    for point in 0..80 {
        let mut fixture = Fixture::new();
        fixture.step(Step::Commit(changes.clone()));
        fixture.step(Step::CrashingCommit(point, point, vec![change(1, 1, None), change(2, 2, Some(vec![1]))]));
        for seed in 0..12 {
            fixture.step(Step::CrashingTidy(point, seed));
            fixture.step(Step::Tidy);
        }
    }
}

#[test]
fn after_a_failed_commit_the_rows_can_be_committed_in_another_epoch() {
    for point in 0..40 {
        let mut fixture = Fixture::new();
        fixture.step(Step::Commit(vec![change(1, 1, Some(vec![1]))]));
        fixture.step(Step::FailingCommit(point, vec![change(1, 2, Some(vec![2]))]));
        fixture.step(Step::Commit(vec![change(1, 2, Some(vec![3])), change(1, 1, None)]));
        // What was visible only because a failed sync left it in a cache would be lost here.
        fixture.step(Step::Crash(point));
    }
}

#[test]
fn a_changed_byte_is_found_and_the_epoch_and_the_part_are_named() {
    let mut fixture = Fixture::new();
    fixture.step(Step::Commit(vec![change(1, 1, Some(b"the quick brown fox".to_vec()))]));
    assert!(fixture.disk.damage(b"quick brown") > 0);
    fixture.store.database = None;
    let mut store = open(&fixture.disk).unwrap();
    let Err(StoreError::Damaged { epoch, what }) = load(&mut store) else { panic!("damage goes unnoticed") };
    assert_eq!(epoch, Epoch(1));
    assert!(what.contains("shard-1") && what.contains("key group 1"), "{what}");
}

#[test]
fn a_changed_byte_of_the_base_is_found_and_never_folded() {
    let mut fixture = Fixture::new();
    let text = b"the quick brown fox".to_vec();
    for _ in 0..8 {
        fixture.step(Step::Commit(vec![change(1, 1, Some(text.clone()))]));
    }
    tidy(&mut fixture.store);
    assert_eq!(fixture.store.stats().epochs, 0);
    assert!(fixture.disk.damage(b"quick brown") > 0);
    fixture.store.database = None;
    let mut store = open(&fixture.disk).unwrap();
    let Err(StoreError::Damaged { what, .. }) = load(&mut store) else { panic!("damage goes unnoticed") };
    assert!(what.contains("key group 1"), "{what}");
    for epoch in 20..30 {
        commit(&mut store, epoch, &[change(1, 2, None)]).unwrap();
    }
    let mut steps = (0..20).map(|_| store.tidy());
    assert!(steps.any(|step| matches!(step, Err(StoreError::Damaged { .. }))));
}

#[test]
fn an_epoch_costs_two_syncs() {
    let mut fixture = Fixture::new();
    let before = fixture.disk.syncs();
    fixture.step(Step::Commit(vec![change(1, 1, Some(vec![1; 1000]))]));
    assert_eq!(fixture.disk.syncs() - before, 2);
}

/// What a damaged disk holds, without writing to it: redb, unwinding from a write to damaged pages, may even abort the
/// process, which is loud enough but would end this test.
fn read_only(disk: &Disk) -> Result<(u64, Rows), StoreError> {
    use crate::redb_store::open::{loudly, read_index};
    let opened = disk.clone();
    let open: Opener = Box::new(move || Database::builder().create_with_backend(opened.open()));
    let database = std::mem::ManuallyDrop::new(loudly(|| open().map_err(|error| failed("open")(error.into())))?);
    let index = loudly(|| read_index(&database))?;
    let mut store = std::mem::ManuallyDrop::new(RedbStore {
        open,
        database: Some(std::mem::ManuallyDrop::into_inner(database)),
        index,
        round: None,
        options: eager(),
        generation: Generation(1),
        lineage: Lineage(5),
        _lock: None,
    });
    let epoch = store.manifest()?.map_or(0, |manifest| manifest.epoch.0);
    Ok((epoch, load(&mut *store)?))
}

/// Whatever bit turns, rows are either all right or refused, loudly; never quietly others. redb
/// does not verify its pages when it reads them and panics on some; that is a refusal as well.
#[test]
fn no_changed_bit_ever_changes_rows_quietly() {
    let mut fixture = Fixture::new();
    for id in 0..8 {
        let changes: Vec<_> = (0..=GROUPS).map(|group| change(group, id, Some(vec![id; 40]))).collect();
        fixture.step(Step::Commit(changes));
    }
    tidy(&mut fixture.store);
    for id in 0..4 {
        fixture.step(Step::Commit(vec![change(u16::from(id), id, None), change(1, 100 + id, Some(vec![id; 40]))]));
    }
    fixture.store.database = None;
    let (len, expected) = (fixture.disk.len(), fixture.durable.clone());
    let (mut right, mut refused) = (0, 0);
    for byte in (0..len).step_by(37).filter(|&byte| fixture.disk.is_used(byte)) {
        let disk = fixture.disk.copy();
        disk.flip(byte, (byte % 8) as u8);
        let read = read_only(&disk);
        match read {
            Ok(read) => {
                assert!(read == expected, "byte {byte} of {len} changed rows quietly");
                right += 1;
            }
            Err(StoreError::Damaged { .. } | StoreError::Io { .. } | StoreError::NewerFormat { .. }) => refused += 1,
            Err(error) => panic!("byte {byte}: {error}"),
        }
    }
    assert!(right > 20 && refused > 20, "{right} right, {refused} refused");
}
