//! How long until an epoch is durable, and how long until a node has its state back?
//!
//! `cargo run --release -p statefun-state --example epoch_store -- <directory> [rows]`
//!
//! First redb alone, one value per transaction, for each way to commit; then whole epochs through the store; then a
//! state of so many small rows: written, loaded from deltas, folded, loaded from the base; of these the processor time
//! too, because that is what stays on a busy machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};
use statefun::{
    Address, Epoch, FunctionType, Generation, KeyGroups, Lineage, ProcessingTime, ShardId, Symbol, TypedValue,
    ValueType,
};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::{RowKey, RowValue, Stored};
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};
use statefun_state::{MemoryState, OpenOptions, RedbStore};

const GROUPS: u16 = 128;
const PIECE: usize = (256 << 10) - 256;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().expect("a directory on the disk to be measured"));
    let rows: u64 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number of rows"));
    std::fs::create_dir_all(&directory).expect("the directory can be made");
    if rows <= 1_000_000 {
        ways_to_commit(&directory);
        epochs(&directory);
    }
    recovery(&directory, rows);
}

fn ways_to_commit(directory: &Path) {
    const TABLE: TableDefinition<'static, (u64, u32, u32), &[u8]> = TableDefinition::new("deltas");
    for (label, two_phase, quick) in [("1-phase", false, false), ("2-phase", true, false), ("quick repair", true, true)]
    {
        for (bytes, count) in [(1_000, 500), (100_000, 300), (10_000_000, 30)] {
            let path = directory.join("commit.redb");
            let _ = std::fs::remove_file(&path);
            let database = Database::create(&path).expect("a new file");
            let data = vec![7u8; bytes];
            let took = (0..count).map(|epoch| {
                let start = Instant::now();
                let mut transaction = database.begin_write().expect("one writer");
                transaction.set_two_phase_commit(two_phase);
                transaction.set_quick_repair(quick);
                {
                    let mut table = transaction.open_table(TABLE).expect("one table");
                    for (number, piece) in (0..).zip(data.chunks(PIECE)) {
                        table.insert((epoch, 0, number), piece).expect("room");
                    }
                }
                transaction.commit().expect("a working disk");
                start.elapsed()
            });
            quantiles(&format!("redb, {label}, {bytes} bytes"), took.collect());
            drop(database);
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn epochs(directory: &Path) {
    for (rows, count) in [(20u64, 500), (2_000, 300), (200_000, 30)] {
        let path = directory.join("epochs");
        let _ = std::fs::remove_dir_all(&path);
        let mut store = RedbStore::open(&path, OpenOptions::new(Lineage(1))).expect("a new directory");
        let mut shard = Shard::new();
        let mut bytes = 0;
        let took = (1..=count).map(|epoch| {
            for key in 0..rows {
                shard.write(key * 7 + epoch);
            }
            let parts = [shard.part(epoch)];
            bytes = parts[0].len();
            let start = Instant::now();
            store.commit(manifest(epoch), &parts).expect("a working disk");
            start.elapsed()
        });
        let took = took.collect();
        quantiles(&format!("store, {rows} rows, {bytes} bytes"), took);
        let mut steps = Vec::new();
        loop {
            let start = Instant::now();
            let more = store.tidy().expect("a working disk");
            steps.push(start.elapsed());
            if !more {
                break;
            }
        }
        quantiles(&format!("  its {} steps of folding", steps.len()), steps);
        drop(store);
        let _ = std::fs::remove_dir_all(&path);
    }
}

fn recovery(directory: &Path, rows: u64) {
    let path = directory.join("recovery");
    let _ = std::fs::remove_dir_all(&path);
    let open = || RedbStore::open(&path, OpenOptions::new(Lineage(1))).expect("the directory is free");
    let mut store = open();
    let mut shard = Shard::new();
    let start = Instant::now();
    let mut epoch = 0;
    for key in 0..rows {
        shard.write(key);
        if (key + 1) % (rows / 10) == 0 {
            epoch += 1;
            let part = shard.part(epoch);
            store.commit(manifest(epoch), &[part]).expect("a working disk");
        }
    }
    println!("{rows} rows written in {epoch} epochs in {:?}; {:?}", start.elapsed(), store.stats());
    drop(shard);
    reload("from deltas", &mut store, rows);
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut longest = Duration::ZERO;
    loop {
        let step = Instant::now();
        let more = store.tidy().expect("a working disk");
        longest = longest.max(step.elapsed());
        if !more {
            break;
        }
    }
    let took = start.elapsed();
    println!("folded in {took:?} ({:?} of processor), longest step {longest:?}; {:?}", cpu_time() - cpu, store.stats());
    reload("from the base", &mut store, rows);
    drop(store);
    let size = std::fs::metadata(path.join("state.redb")).map_or(0, |file| file.len());
    let start = Instant::now();
    let mut store = open();
    println!("opened in {:?}; the file has {size} bytes", start.elapsed());
    reload("from the base, opened anew", &mut store, rows);
    drop(store);
    let _ = std::fs::remove_dir_all(&path);
}

fn reload(label: &str, store: &mut RedbStore, rows: u64) {
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut count = 0;
    store.load(0..GROUPS, &mut |_, _| count += 1).expect("nothing is damaged");
    assert_eq!(count, rows);
    let decoded = (start.elapsed(), cpu_time() - cpu);
    let mut state = MemoryState::new(KeyGroups::new(GROUPS, 1), ShardId(0));
    let (start, cpu) = (Instant::now(), cpu_time());
    store
        .load(0..GROUPS, &mut |key, value| {
            if let (RowKey::Value { address, name, .. }, RowValue::Value(stored)) = (key, value) {
                state.restore(address, name, stored);
            }
        })
        .expect("nothing is damaged");
    let restored = (start.elapsed(), cpu_time() - cpu);
    println!("{rows} rows {label}: decoded in {decoded:?}, into a shard in {restored:?} (clock, processor)");
}

/// The processor time of this thread.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of threads");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the first number is nanoseconds"))
}

struct Shard {
    state: MemoryState,
    function: FunctionType,
    value_type: ValueType,
}

impl Shard {
    fn new() -> Self {
        Self {
            state: MemoryState::new(KeyGroups::new(GROUPS, 1), ShardId(0)),
            function: FunctionType::parse("bench/counter").expect("a typename"),
            value_type: ValueType::named("io.statefun.types/long").expect("a typename"),
        }
    }

    fn write(&mut self, key: u64) {
        let address = Address::new(self.function, key.to_string());
        let index = self.state.state_index(self.function, Symbol::intern("count").expect("a name"));
        let slot = self.state.slot(&address, address.hash());
        let value = TypedValue::new(self.value_type, key.to_le_bytes().as_slice());
        self.state.put(slot, index, Some(Stored { value, touched: ProcessingTime(key) }));
    }

    fn part(&mut self, epoch: u64) -> statefun_ports::keyed_state::EncodedPart {
        self.state.freeze(Epoch(epoch));
        while !self.state.encode_slice(1024) {}
        let part = self.state.finish();
        self.state.completed(Epoch(epoch));
        part
    }
}

fn manifest(epoch: u64) -> Manifest {
    Manifest { epoch: Epoch(epoch), generation: Generation(1), lineage: Lineage(1), key_groups: GROUPS }
}

fn quantiles(label: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |quantile: f64| took[((took.len() - 1) as f64 * quantile) as usize];
    println!("{label}: p50 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.99), at(1.0));
}
