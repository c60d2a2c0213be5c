//! How long encoding and decoding takes: `cargo run --release -p statefun-protocol --example encoding_speed`.
//!
//! Answers one question: does the wire or the storage format cost a noticeable part of a microsecond per event? Numbers
//! are for one thread, warm caches; compare runs on one machine only.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use prost::Message;
use statefun_protocol::request_reply::from_function::{
    FromFunction, InvocationResponse, MutationType, PersistedValueMutation, Response,
};
use statefun_protocol::request_reply::{InvocationParts, Reply, ToFunction, TypedValue, encode_to_function};
use statefun_protocol::storage::{Blob, BlobId, BlobWriter, Block, Row, RowKey, ValueRow, blocks, merge};
use statefun_protocol::types;

fn measure<T>(name: &str, items: u32, mut work: impl FnMut() -> T) {
    let rounds = 2_000_000 / items;
    for _ in 0..rounds / 10 {
        black_box(work());
    }
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(work());
    }
    println!("{name:55} {:8.1} ns", start.elapsed().as_nanos() as f64 / f64::from(rounds * items));
}

fn request(batch: usize) -> Bytes {
    let argument = types::encode_long(42);
    let message = InvocationParts {
        caller: Some(("shop", "stock", "pen")),
        typename: types::LONG,
        value: &argument,
        event_time: None,
    };
    let state = [("seen", Some((types::LONG, &*argument))), ("last", None)];
    encode_to_function(("shop", "cart", "ann"), state.into_iter(), std::iter::repeat_n(message, batch))
}

fn main() {
    let owned = ToFunction::decode(request(1)).expect("just encoded");
    println!("a request of {} bytes", request(1).len());
    measure("request from borrowed parts", 1, || request(1));
    measure("request from an owned message", 1, || owned.encode_to_vec());
    measure("request from borrowed parts, batch of 100, per message", 100, || request(100));

    let mutation = |name: &str| PersistedValueMutation {
        mutation_type: MutationType::Modify.into(),
        state_name: name.into(),
        state_value: Some(TypedValue {
            typename: types::LONG.into(),
            has_value: true,
            value: types::encode_long(7).to_vec().into(),
        }),
    };
    let result = InvocationResponse { state_mutations: vec![mutation("seen"), mutation("last")], ..Default::default() };
    let answer = Bytes::from(FromFunction { response: Some(Response::InvocationResult(result)) }.encode_to_vec());
    println!("an answer of {} bytes", answer.len());
    measure("answer decoded", 1, || Reply::decode(answer.clone()));
    measure("long encoded and decoded", 1, || types::decode_long(&types::encode_long(black_box(7))));

    rows();
}

fn rows() {
    const ROWS: u32 = 100_000;
    // In no order, as a shard's dirty list is.
    let ids: Vec<String> = (0..ROWS).map(|id| format!("user-{:06}", u64::from(id) * 7919 % u64::from(ROWS))).collect();
    let value = types::encode_long(7);
    let write = |epoch| {
        let mut writer = BlobWriter::new(BlobId { participant: "shard 0".into(), generation: 1, epoch });
        let mut bytes = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let key = RowKey::Value {
                group: (index % 128) as u16,
                function: "shop/cart".into(),
                id: id.as_str().into(),
                state: "seen".into(),
            };
            bytes.clear();
            ValueRow { typename: types::LONG, touched_ms: 1, value: &value }.encode(&mut bytes);
            writer.append_key(&key, Some(&bytes));
        }
        writer.finish()
    };
    let blob = write(1).concat();
    println!("rows of {} bytes", blob.len() / ROWS as usize);
    measure("row encoded into a delta, checksum included", ROWS, || write(1));
    measure("row of a delta verified and read", ROWS, || {
        let blob = Blob::open(&blob).expect("just written");
        blob.sections().map(|section| section.expect("just written").rows().count()).sum::<usize>()
    });
    measure("row of a delta verified and sorted", ROWS, || {
        let blob = Blob::open(&blob).expect("just written");
        blob.sections().map(|section| section.expect("just written").sorted().len()).sum::<usize>()
    });
    let sorted: Vec<Row<'_>> = Blob::open(&blob)
        .expect("just written")
        .sections()
        .flat_map(|section| section.expect("just written").sorted())
        .collect();
    measure("row written into blocks", ROWS, || blocks(sorted.iter().copied()).count());
    measure("row of base and three deltas merged", 4 * ROWS, || {
        let rows = || sorted.iter().map(|row| row.into_pair());
        merge(rows(), [rows(), rows(), rows()]).count()
    });
    measure("row key and value decoded", ROWS, || {
        for row in &sorted {
            black_box(RowKey::decode(row.key)).expect("just written");
            black_box(ValueRow::decode(row.value.unwrap_or_default())).expect("just written");
        }
    });
    let one = blocks(sorted.iter().copied()).next().expect("there are rows");
    println!("a block of {} rows, {} bytes", one.rows, one.bytes.len());
    measure("block opened and verified, per row", one.rows as u32, || Block::open(&one.bytes).expect("just written"));
    let opened = Block::open(&one.bytes).expect("just written");
    let keys: Vec<_> = opened.rows().map(|row| row.key).collect();
    measure("row found in a block", keys.len() as u32, || keys.iter().filter(|key| opened.get(key).is_some()).count());
}
