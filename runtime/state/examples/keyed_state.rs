//! How long does one event's state access take, and what does a key cost in memory?
//!
//! `cargo run --release -p statefun-state --example keyed_state -- 1000000`
//!
//! Per event: find the address, read its counter, write it back. Ids are numbers as text, touched in random order. The
//! rival is a plain hash map from text to counter. Times are those of the processor, so a busy machine matters less.

use std::hint::black_box;
use std::time::Duration;

use statefun::{Address, Epoch, FunctionType, KeyGroups, ProcessingTime, ShardId, Symbol, TypedValue, ValueType};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::rows::Stored;
use statefun_state::MemoryState;

const EVENTS: u64 = 5_000_000;

fn main() {
    let keys: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number of keys"));
    let before = resident_bytes();
    let function = FunctionType::parse("bench/counter").expect("a typename");
    let long = ValueType::named("io.statefun.types/long").expect("a typename");
    let mut state = MemoryState::new(KeyGroups::new(128, 1), ShardId(0));
    let index = state.state_index(function, Symbol::intern("count").expect("a name"));
    let counter = |count: u64, now: u64| Stored {
        value: TypedValue::new(long, count.to_le_bytes().as_slice()),
        touched: ProcessingTime(now),
    };

    let start = Cpu::now();
    for key in 0..keys {
        let address = Address::new(function, text(key));
        let slot = state.slot(&address, address.hash());
        state.put(slot, index, Some(counter(0, 0)));
    }
    report("insert", start, keys);
    println!("{:>24}: {} bytes per key, dirty list included", "memory", (resident_bytes() - before) / keys);

    freeze(&mut state, 1, keys);
    let mut random = Random(7);
    for (label, epoch) in [("first writes of an epoch", 2), ("all dirty already", 3), ("again", 4)] {
        let start = Cpu::now();
        for now in 0..EVENTS {
            let address = Address::new(function, text(random.next() % keys));
            let hash = address.hash();
            let slot = state.find(&address, hash).expect("inserted above");
            let stored = state.get(slot, index).expect("written above");
            let count = u64::from_le_bytes(stored.value.bytes.as_slice().try_into().expect("eight bytes"));
            state.put(slot, index, Some(counter(count + 1, now)));
        }
        report(label, start, EVENTS);
        if epoch == 4 {
            freeze(&mut state, epoch, keys);
        }
    }
    let start = Cpu::now();
    for _ in 0..EVENTS {
        black_box(Address::new(function, text(random.next() % keys)).hash());
    }
    report("of which making the id", start, EVENTS);
    drop(state);

    let mut map: hashbrown::HashMap<String, u64> = (0..keys).map(|key| (key.to_string(), 0)).collect();
    let start = Cpu::now();
    for _ in 0..EVENTS {
        *map.get_mut(text(random.next() % keys).as_str()).expect("inserted above") += 1;
    }
    report("plain map of strings", start, EVENTS);
}

/// A whole snapshot, in slices.
fn freeze(state: &mut MemoryState, epoch: u64, keys: u64) {
    let start = Cpu::now();
    state.freeze(Epoch(epoch));
    let frozen = start.elapsed();
    let mut longest = Duration::ZERO;
    loop {
        let slice = Cpu::now();
        let is_done = state.encode_slice(1024);
        longest = longest.max(slice.elapsed());
        if is_done {
            break;
        }
    }
    let encoded = start.elapsed();
    let part = state.finish();
    let total = start.elapsed();
    state.completed(Epoch(epoch));
    println!(
        "{:>24}: {} of {keys} rows, {} bytes; freeze {frozen:?}, encode {:.0} ns per row, longest slice of 1024 rows \
         {longest:?}, checksums {:?}",
        "snapshot",
        part.rows,
        part.len(),
        encoded.as_nanos() as f64 / part.rows.max(1) as f64,
        total - encoded,
    );
}

fn text(key: u64) -> compact_str::CompactString {
    let mut buffer = [0u8; 20];
    let mut position = buffer.len();
    let mut rest = key;
    loop {
        position -= 1;
        buffer[position] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    std::str::from_utf8(&buffer[position..]).expect("digits are text").into()
}

fn report(label: &str, start: Cpu, count: u64) {
    println!("{label:>24}: {:.0} ns", start.elapsed().as_nanos() as f64 / count as f64);
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// The processor time of this thread.
struct Cpu(Duration);

impl Cpu {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells the time of threads");
        let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Self(Duration::from_nanos(nanos.expect("the first number is nanoseconds")))
    }

    fn elapsed(&self) -> Duration {
        Self::now().0 - self.0
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
