//! What is left after the power went or a disk failed, with the journal on one disk and redb on another.

use proptest::prelude::*;
use statefun_ports::rows::Change;

use super::*;
use crate::encode_rows;
use crate::redb_store::tests::disk::{Disk, Fault};
use crate::redb_store::tests::{self as store, GROUPS, Rows};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Tidy,
    Load,
    Reopen,
    Crash(u64),
    /// A commit during which one write or sync fails: of the journal's disk, or of redb's.
    FailingCommit(bool, u64, Vec<Change>),
    /// A commit during which the power goes.
    CrashingCommit(bool, u64, u64, Vec<Change>),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let len = prop_oneof![30 => 0usize..60, 2 => 100_000usize..150_000];
    let value = prop::option::weighted(0.7, (any::<u8>(), len).prop_map(|(byte, len)| vec![byte; len]));
    let change = (0..=GROUPS, 0u8..8, value).prop_map(|(group, id, value)| store::change(group, id, value));
    prop::collection::vec(change, 1..10)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => changes().prop_map(Step::Commit),
        4 => Just(Step::Tidy),
        1 => Just(Step::Load),
        1 => Just(Step::Reopen),
        2 => any::<u64>().prop_map(Step::Crash),
        2 => (any::<bool>(), 0u64..40, changes())
            .prop_map(|(which, after, changes)| Step::FailingCommit(which, after, changes)),
        2 => (any::<bool>(), 0u64..40, any::<u64>(), changes())
            .prop_map(|(which, after, seed, changes)| Step::CrashingCommit(which, after, seed, changes)),
    ];
    prop::collection::vec(step, 1..40)
}

struct Fixture {
    journal: Disk,
    disk: Disk,
    store: Option<JournaledStore>,
    /// The newest epoch that exists, and its rows.
    durable: (u64, Rows),
    /// Epochs whose commit failed since: a crash may bring one of them back, whole.
    failed: Vec<(u64, Rows)>,
    epoch: u64,
}

fn open(journal: &Disk, disk: &Disk) -> Result<JournaledStore, StoreError> {
    let journal = journal.clone();
    let open: Opener = Box::new(move |anew| {
        let backend = journal.open();
        if anew {
            backend.set_len(0)?;
        }
        Ok(Box::new(backend))
    });
    JournaledStore::open_with(store::open(disk)?, open)
}

impl Fixture {
    fn new() -> Self {
        let (journal, disk) = (Disk::default(), Disk::default());
        let store = Some(open(&journal, &disk).unwrap());
        Self { journal, disk, store, durable: (0, Rows::new()), failed: Vec::new(), epoch: 0 }
    }

    fn store(&mut self) -> &mut JournaledStore {
        self.store.as_mut().expect("it is open between steps")
    }

    fn commit(&mut self, changes: &[Change]) -> bool {
        self.epoch += 1;
        let mut rows = self.durable.1.clone();
        store::apply(&mut rows, changes);
        let epoch = Epoch(self.epoch);
        let (left, right) = changes.split_at(changes.len() / 2);
        let parts = [encode_rows("shard-0", epoch, left), encode_rows("shard-1", epoch, right)];
        let exists = self.store().commit(store::manifest(epoch.0), &parts).is_ok();
        if exists {
            self.durable = (epoch.0, rows);
            self.failed.clear();
        } else {
            self.failed.push((epoch.0, rows));
        }
        exists
    }

    fn crash(&mut self, seed: u64) {
        self.journal.crash(seed);
        self.disk.crash(seed.rotate_left(17));
        // Its handles are dead by now.
        self.store = None;
        self.store = Some(open(&self.journal, &self.disk).unwrap());
        let newest = self.store().manifest().unwrap().map_or(0, |manifest| manifest.epoch.0);
        if let Some(back) = self.failed.drain(..).find(|(epoch, _)| *epoch == newest) {
            self.durable = back;
        }
    }

    fn check(&mut self) {
        let newest = self.store().manifest().unwrap().map_or(0, |manifest| manifest.epoch.0);
        assert_eq!(newest, self.durable.0);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Commit(changes) => assert!(self.commit(&changes)),
            Step::Tidy => drop(self.store().tidy().unwrap()),
            Step::Load => {}
            Step::Reopen => {
                self.store = None;
                self.store = Some(open(&self.journal, &self.disk).unwrap());
                self.failed.clear();
            }
            Step::Crash(seed) => self.crash(seed),
            Step::FailingCommit(is_journal, after, changes) => {
                let disk = if is_journal { &self.journal } else { &self.disk };
                disk.fail_after(after, Fault::Once);
                self.commit(&changes);
                self.journal.heal();
                self.disk.heal();
            }
            Step::CrashingCommit(is_journal, after, seed, changes) => {
                let disk = if is_journal { &self.journal } else { &self.disk };
                disk.fail_after(after, Fault::PowerOff);
                self.commit(&changes);
                self.crash(seed);
            }
        }
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_was_committed_is_there_whatever_happens(steps in steps()) {
        let mut fixture = Fixture::new();
        for step in steps {
            let is_load = matches!(step, Step::Load);
            fixture.step(step);
            if is_load {
                let rows = store::load(fixture.store()).unwrap();
                prop_assert_eq!(&rows, &fixture.durable.1);
            }
        }
        let rows = store::load(fixture.store()).unwrap();
        prop_assert_eq!(rows, fixture.durable.1);
    }
}

fn small(epoch: u64) -> EncodedPart {
    encode_rows("shard-0", Epoch(epoch), &[store::change(0, 1, Some(vec![epoch as u8; 9]))])
}

#[test]
fn a_small_epoch_costs_one_sync_and_none_of_redb() {
    let (journal, disk) = (Disk::default(), Disk::default());
    let mut store = open(&journal, &disk).unwrap();
    store.commit(store::manifest(1), &[small(1)]).unwrap();
    let before = (journal.syncs(), disk.syncs());
    for epoch in 2..12 {
        store.commit(store::manifest(epoch), &[small(epoch)]).unwrap();
    }
    assert_eq!((journal.syncs() - before.0, disk.syncs() - before.1), (10, 0));
}

#[test]
fn a_full_journal_goes_to_redb_and_is_written_over() {
    let (journal, disk) = (Disk::default(), Disk::default());
    let mut store = open(&journal, &disk).unwrap();
    let last = 3 * EPOCHS_MAX as u64;
    for epoch in 1..=last {
        store.commit(store::manifest(epoch), &[small(epoch)]).unwrap();
    }
    assert_eq!(journal.len(), JOURNAL_BYTES);
    assert!(store.pending.len() < EPOCHS_MAX);
    // As after a kill: nothing is settled.
    std::mem::forget(store);
    journal.crash(1);
    disk.crash(1);
    let mut store = open(&journal, &disk).unwrap();
    assert_eq!(store.manifest().unwrap(), Some(store::manifest(last)));
    let rows = store::load(&mut store).unwrap();
    assert_eq!(rows.len(), 1);
}

#[test]
fn a_damaged_record_before_others_is_refused() {
    let (journal, disk) = (Disk::default(), Disk::default());
    let mut store = open(&journal, &disk).unwrap();
    for epoch in 1..5 {
        store.commit(store::manifest(epoch), &[small(epoch)]).unwrap();
    }
    std::mem::forget(store);
    journal.crash(1);
    disk.crash(1);
    let whole = journal.copy();
    journal.flip(2 * SLOT + 40, 1);
    let refused = open(&journal, &disk.copy());
    assert!(matches!(&refused, Err(StoreError::Damaged { epoch: Epoch(4), .. })), "{refused:?}");
    assert_eq!(open(&whole, &disk).unwrap().manifest().unwrap(), Some(store::manifest(4)));
}

#[test]
fn a_journal_of_another_history_is_left_alone() {
    let (journal, disk) = (Disk::default(), Disk::default());
    let mut store = open(&journal, &disk).unwrap();
    let foreign = Manifest { lineage: Lineage(6), ..store::manifest(3) };
    store.commit(foreign, &[small(3)]).unwrap();
    std::mem::forget(store);
    journal.crash(1);
    disk.crash(1);
    assert_eq!(open(&journal, &disk).unwrap().manifest().unwrap(), None);
}

#[test]
fn a_directory_keeps_what_its_journal_holds() {
    let directory = tempfile::tempdir().unwrap();
    let options = || OpenOptions::new(Lineage(5));
    let mut first = JournaledStore::open(directory.path(), options()).unwrap();
    first.commit(store::manifest(1), &[small(1)]).unwrap();
    let kept = std::fs::read(directory.path().join(FILE)).unwrap();
    assert_eq!(kept.len(), JOURNAL_BYTES);
    drop(first);
    let mut second = JournaledStore::open(directory.path(), options()).unwrap();
    assert_eq!((second.manifest().unwrap(), second.generation()), (Some(store::manifest(1)), Generation(2)));
    second.commit(store::manifest(2), &[small(2)]).unwrap();
    assert_eq!(store::load(&mut second).unwrap().len(), 1);
}
