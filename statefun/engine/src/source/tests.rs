use bytes::Bytes;
use statefun::{Address, EventTime, FunctionType, ValueType};

use super::*;

fn source() -> SourceCore {
    let topology = Topology { sources: 1, shards: 2, sinks: 1 };
    let route = Route {
        value_type: ValueType::named("shop/event").unwrap(),
        targets: vec![FunctionType::parse("shop/cart").unwrap(), FunctionType::parse("shop/audit").unwrap()],
    };
    let name = Symbol::intern("shop/events").unwrap();
    SourceCore::new(SourceId(0), name, KeyGroups::new(128, 2), topology, vec![route], Vec::new(), Epoch(0))
}

fn record(key: Option<&'static str>, next: &str) -> SourceRecord {
    SourceRecord::Keyed {
        route: 0,
        key: key.map(|key| Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from_static(b"v")),
        event_time: EventTime(7),
        position: Position { partition: "t/0".into(), next: next.into() },
    }
}

fn marker(epoch: u64) -> Marker {
    Marker { epoch: Epoch(epoch), completed: Epoch(0) }
}

#[test]
fn a_record_becomes_one_message_per_target_on_the_shard_of_its_key() {
    let mut source = source();
    let mut out = Output::new(source.topology);
    source.on_records(vec![record(Some("ann"), "42")], &mut out);
    let shard = usize::from(source.groups.shard(IdHash::of("ann")).0);
    let targets: Vec<_> = out.shards[shard]
        .iter()
        .map(|item| match item {
            Item::Envelope(envelope) => envelope.target.clone(),
            Item::Marker(_) | Item::Ask(_) | Item::Release(_) => {
                panic!("nobody asked for anything, and nobody tells time")
            }
        })
        .collect();
    assert_eq!(targets, [Address::parse("shop/cart/ann").unwrap(), Address::parse("shop/audit/ann").unwrap()]);
}

#[test]
fn a_record_without_a_key_becomes_a_dead_letter_and_reading_goes_on() {
    let mut source = source();
    let mut out = Output::new(source.topology);
    source.on_records(vec![record(None, "42"), record(Some("ann"), "43")], &mut out);
    assert_eq!(out.sinks[0].len(), 1);
    assert_eq!(source.stats(), Stats { records: 2, envelopes: 2, dead_letters: 1 });
    assert_eq!(source.positions().map(|position| position.next).collect::<Vec<_>>(), ["43"]);
}

#[test]
fn positions_are_committed_only_when_their_epoch_completed() {
    let mut source = source();
    let mut out = Output::new(source.topology);
    source.on_records(vec![record(Some("ann"), "42")], &mut out);
    source.on_start(marker(1), &mut out);
    source.on_records(vec![record(Some("ann"), "43")], &mut out);
    assert_eq!(out.part.take().unwrap().1.len(), 1);
    assert!(out.events.is_empty());
    source.on_completed(Epoch(1), &mut out);
    let committed = vec![Position { partition: "t/0".into(), next: "42".into() }];
    assert_eq!(out.events, [SourceEvent::Committed(committed)]);
}

#[test]
fn positions_of_an_abandoned_epoch_are_in_the_next_part_unless_newer_ones_are() {
    let mut source = source();
    let mut out = Output::new(source.topology);
    source.on_records(vec![record(Some("ann"), "42")], &mut out);
    source.on_start(marker(1), &mut out);
    source.on_abandoned(Epoch(1));
    source.on_start(marker(2), &mut out);
    let (epoch, rows) = out.part.take().unwrap();
    assert_eq!(epoch, Epoch(2));
    assert_eq!(rows[0].1, Some(RowValue::Position("42".into())));
}

#[test]
fn a_ticket_is_durable_when_the_epoch_behind_it_completed() {
    let mut source = source();
    let mut out = Output::new(source.topology);
    let envelope = Envelope::new(
        Address::parse("shop/cart/ann").unwrap(),
        statefun::TypedValue::new(ValueType::named("shop/event").unwrap(), Bytes::new()),
    );
    source.on_records(
        vec![SourceRecord::Addressed { envelope: envelope.clone(), ticket: Some(1), is_urgent: true }],
        &mut out,
    );
    assert!(out.epoch_wanted);
    source.on_start(marker(1), &mut out);
    source.on_records(vec![SourceRecord::Addressed { envelope, ticket: Some(2), is_urgent: true }], &mut out);
    source.on_completed(Epoch(1), &mut out);
    assert_eq!(out.events, [SourceEvent::Durable { ticket: 1 }]);
}

use statefun::IdHash;
