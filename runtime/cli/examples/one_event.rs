//! Where does the time of one event go, and what bounds it?
//!
//! `cargo run --release -p statefun-cli --example one_event -- 100000`
//!
//! The keyed counter (look a text id up, read, add, write, emit) built up layer by layer on one thread, without actors
//! and channels: each line adds a layer of the engine to those above it. Then the same whole with a layer taken away, and
//! what the machine does without any engine. Times are those of the thread's processor, so a busy machine matters less,
//! though others share its caches.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use compact_str::CompactString;
use statefun::{
    Address, EgressId, EgressRecord, Envelope, Epoch, FunctionType, KeyGroups, ProcessingTime, ShardId, SinkId,
    SourceId, Symbol, TypedValue,
};
use statefun_engine::shard::{self, Input, Shard};
use statefun_engine::sink::{self, SinkCore};
use statefun_engine::source::{self, SourceCore};
use statefun_engine::{
    Delivery, Directory, EgressError, FailurePolicy, FunctionBinding, Item, Marker, Participant, SinkItem, Topology,
};
use statefun_ports::sink::SinkCommand;
use statefun_ports::source::SourceRecord;
use statefun_sdk::prelude::*;
use statefun_sdk::{Encode, Functions};
use statefun_state::MemoryState;

const EVENTS: u64 = 4_000_000;
const BATCH: u64 = 1024;
const TOPOLOGY: Topology = Topology { sources: 1, shards: 1, sinks: 2 };
const COUNTER: &str = "bench/counter";

struct Counter {
    count: Value<i64>,
    results: EgressName,
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = COUNTER;

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let added: i64 = message.get()?;
        let count = self.count.update(context, |count| *count += added)?;
        context.egress(&self.results, &count)?;
        Ok(())
    }
}

/// Does nothing with its messages.
struct Idle;

impl StatefulFunction for Idle {
    const TYPE: &'static str = "bench/idle";

    fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
        Ok(())
    }
}

struct Application {
    functions: Functions,
    results: EgressId,
}

impl Directory for Application {
    fn function(&self, function: FunctionType) -> Option<FunctionBinding> {
        let function = self.functions.embedded(function)?;
        Some(FunctionBinding::Embedded(function, FailurePolicy::default()))
    }

    fn egress(
        &self,
        egress: EgressId,
        source: &Address,
        value: TypedValue,
        records: &mut Vec<(SinkId, EgressRecord)>,
    ) -> Result<(), EgressError> {
        if egress != self.results {
            return Err(EgressError { egress, why: "there is none of that name".to_owned() });
        }
        records.push((SinkId(0), EgressRecord::Value { source: source.clone(), value }));
        Ok(())
    }

    fn replies(&self) -> Option<(FunctionType, SinkId)> {
        None
    }
}

/// What is taken away.
#[derive(Clone, Copy, Default)]
struct Layers {
    route: bool,
    shard: bool,
    idle: bool,
    sink: bool,
    /// Messages one at a time: nothing is looked up ahead.
    singly: bool,
    /// An epoch after so many events.
    epoch_every: Option<u64>,
}

fn main() {
    let keys: u64 = std::env::args().nth(1).map_or(100_000, |text| text.parse().expect("a number of keys"));
    println!("{keys} keys, nanoseconds of one processor per event");
    let nothing = Layers::default();
    let routed = Layers { route: true, ..nothing };
    let idle = Layers { shard: true, idle: true, ..routed };
    let counted = Layers { shard: true, ..routed };
    let whole = Layers { sink: true, ..counted };
    let mut before = 0.0;
    let mut longest = Duration::ZERO;
    let lines = [
        ("make the id, hash it, make the message", nothing),
        ("+ route it to its shard", routed),
        ("+ a shard that runs a function that does nothing", idle),
        ("+ look up, read, add, write, emit", counted),
        ("+ the sink hands the result over", whole),
        ("+ an epoch after every million events", Layers { epoch_every: Some(1_000_000), ..whole }),
    ];
    for (label, layers) in lines {
        let cost = run(keys, layers, &mut longest);
        println!("{label:>52}: {cost:6.0}   {:+.0}", cost - before);
        before = cost;
    }
    let singly = run(keys, Layers { singly: true, ..whole }, &mut longest);
    println!("{:>52}: {singly:6.0}", "the whole, one message per call of the shard");
    println!("{:>52}: {:6.0}", "a hash map of texts and nothing else", plain_map(keys));
    println!("{:>52}: {:6.1}", "one hop of a message in batches between threads", hop());
    println!("{:>52}: {longest:.1?}", "the longest call of a shard while an epoch is cut");
}

fn run(keys: u64, layers: Layers, longest: &mut Duration) -> f64 {
    let function = FunctionType::parse(if layers.idle { Idle::TYPE } else { COUNTER }).expect("a typename");
    let groups = KeyGroups::new(128, 1);
    let results = EgressId(Symbol::intern("bench/results").expect("a name"));
    let functions = Functions::new()
        .with(|states| Counter { count: states.value("count"), results: EgressName::new("bench/results") })
        .with(|_| Idle);
    let directory = Arc::new(Application { functions, results });
    let state = MemoryState::new(groups, ShardId(0));
    let options = shard::Options::default();
    let mut shard = Shard::new(ShardId(0), groups, TOPOLOGY, directory, state, Epoch(0), options);
    let mut source = SourceCore::new(SourceId(0), results.0, groups, TOPOLOGY, Vec::new(), Vec::new(), Epoch(0));
    let mut sink = SinkCore::new(SinkId(0), results.0, TOPOLOGY, Delivery::None, Vec::new(), Epoch(0));
    let mut routed = source::Output::new(TOPOLOGY);
    let mut out = shard::Output::new(TOPOLOGY);
    let mut left = sink::Output::default();
    let one = 1i64.to_value().expect("a number");

    // Every key is there before the clock starts, as after the first events of a long run.
    let warm_up = if layers.shard { keys } else { 0 };
    let mut random = Random(7);
    let (mut made, mut epoch, mut emitted) = (0, 0, 0u64);
    let mut start = Cpu::now();
    while made < warm_up + EVENTS {
        if made >= warm_up && made < warm_up + BATCH {
            start = Cpu::now();
        }
        let mut batch = Vec::with_capacity(BATCH as usize);
        for n in made..made + BATCH {
            let key = if n < warm_up { n } else { random.next() % keys };
            let envelope = Envelope::new(Address::new(function, id(key)), one.clone());
            batch.push(SourceRecord::Addressed { envelope, ticket: None, is_urgent: false });
        }
        made += BATCH;
        if !layers.route {
            black_box(batch);
            continue;
        }
        source.on_records(batch, &mut routed);
        let batch = std::mem::replace(&mut routed.shards[0], Vec::with_capacity(BATCH as usize + 1));
        if !layers.shard {
            black_box(batch);
            continue;
        }
        let from = Participant::Source(SourceId(0));
        let now = ProcessingTime(made / 1000);
        if layers.singly {
            for item in batch {
                shard.handle(now, Input::Batch { from, items: vec![item] }, &mut out);
            }
        } else {
            shard.handle(now, Input::Batch { from, items: batch }, &mut out);
        }
        let results = std::mem::replace(&mut out.sinks[0], Vec::with_capacity(BATCH as usize));
        if layers.sink {
            sink.on_items(Participant::Shard(ShardId(0)), results, &mut left);
            emitted += left.commands.drain(..).map(records).sum::<u64>();
        }
        if layers.epoch_every.is_some_and(|every| made / every != (made - BATCH) / every) {
            epoch += 1;
            *longest = (*longest).max(snapshot(&mut shard, &mut out, epoch, now));
        }
    }
    let cost = start.elapsed().as_nanos() as f64 / EVENTS as f64;
    assert!(!layers.sink || emitted >= EVENTS, "{emitted} results of {EVENTS} events");
    cost
}

fn records(command: SinkCommand) -> u64 {
    match command {
        SinkCommand::Publish(records) => records.len() as u64,
        SinkCommand::Completed(_) | SinkCommand::Stop => 0,
    }
}

/// A shard's side of an epoch, from its marker to the end; the longest that it was busy at a stretch.
fn snapshot(shard: &mut Shard<MemoryState>, out: &mut shard::Output, epoch: u64, now: ProcessingTime) -> Duration {
    let mut longest = Duration::ZERO;
    let mut handle = |input, out: &mut shard::Output| {
        let start = Cpu::now();
        shard.handle(now, input, out);
        longest = longest.max(start.elapsed());
    };
    let marker = Marker { epoch: Epoch(epoch), completed: Epoch(epoch - 1) };
    let from = Participant::Source(SourceId(0));
    handle(Input::Batch { from, items: vec![Item::Marker(marker)] }, out);
    while out.parts.is_empty() {
        handle(Input::Tick, out);
    }
    black_box(out.parts.drain(..).count());
    out.sinks.iter_mut().for_each(|items| items.retain(|item| matches!(item, SinkItem::Record(_))));
    handle(Input::Completed(Epoch(epoch)), out);
    longest
}

/// What a counter costs that is nothing but a map: its ids are made as above.
fn plain_map(keys: u64) -> f64 {
    let mut map: hashbrown::HashMap<CompactString, i64> = (0..keys).map(|key| (id(key), 0)).collect();
    let mut random = Random(7);
    let start = Cpu::now();
    for _ in 0..EVENTS {
        *map.get_mut(&id(random.next() % keys)).expect("inserted above") += 1;
    }
    start.elapsed().as_nanos() as f64 / EVENTS as f64
}

/// What it costs to bring a message to another thread in batches of 256, both threads' time together.
fn hop() -> f64 {
    let (sender, receiver) = sync_channel::<Vec<Item>>(16);
    let function = FunctionType::parse(COUNTER).expect("a typename");
    let one = 1i64.to_value().expect("a number");
    let envelope = Envelope::new(Address::new(function, "key-1234567"), one);
    let receive = std::thread::spawn(move || {
        let start = Cpu::now();
        let mut count = 0u64;
        for batch in receiver {
            let envelopes = batch.iter().filter(|item| matches!(item, Item::Envelope(_)));
            count += envelopes.count() as u64;
        }
        assert_eq!(count, EVENTS / 256 * 256);
        start.elapsed()
    });
    let start = Cpu::now();
    for _ in 0..EVENTS / 256 {
        let batch = (0..256).map(|_| Item::Envelope(envelope.clone())).collect();
        sender.send(batch).expect("the other thread receives until the end");
    }
    drop(sender);
    let sent = start.elapsed();
    let received = receive.join().expect("it counts and nothing else");
    (sent + received).as_nanos() as f64 / EVENTS as f64
}

fn id(key: u64) -> CompactString {
    let mut text = *b"key-00000000000000000000";
    let mut at = text.len();
    let mut rest = key;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    at -= 4;
    text[at..at + 4].copy_from_slice(b"key-");
    std::str::from_utf8(&text[at..]).expect("letters and digits are text").into()
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
