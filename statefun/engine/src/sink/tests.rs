use bytes::Bytes;
use statefun::{Address, ShardId, SourceId, TypedValue, ValueType};

use super::*;

const TOPOLOGY: Topology = Topology { sources: 1, shards: 1, sinks: 2 };
const SOURCE: Participant = Participant::Source(SourceId(0));
const SHARD: Participant = Participant::Shard(ShardId(0));

/// A sink driven by hand. What it does is shown as lines of text.
struct SinkFixture {
    sink: SinkCore,
    out: Output,
}

fn record(text: &str) -> EgressRecord {
    let value = TypedValue::new(ValueType::named("test/text").unwrap(), text.as_bytes());
    EgressRecord::Value { source: Address::parse("shop/cart/ann").unwrap(), value }
}

fn show(record: &EgressRecord) -> String {
    match record {
        EgressRecord::Value { value, .. } | EgressRecord::Reply { value, .. } => {
            String::from_utf8(value.bytes.to_vec()).unwrap()
        }
        EgressRecord::DeadLetter(letter) => {
            format!("{} {:?}", letter.cause.as_str(), letter.raw.clone().unwrap_or_else(Bytes::new))
        }
        other => panic!("{other:?}"),
    }
}

fn show_item(item: &SinkItem) -> String {
    match item {
        SinkItem::Record(record) => show(record),
        SinkItem::Marker(marker) => format!("marker {}", marker.epoch.0),
    }
}

impl SinkFixture {
    fn new(delivery: Delivery) -> Self {
        Self::restored(delivery, &[], 0)
    }

    fn restored(delivery: Delivery, outbox: &[(u64, &str)], epoch: u64) -> Self {
        let outbox = outbox.iter().map(|(seq, text)| OutboxRecord { seq: *seq, record: record(text) }).collect();
        let name = Symbol::intern("shop/receipts").unwrap();
        let sink = SinkCore::new(SinkId(0), name, TOPOLOGY, delivery, outbox, Epoch(epoch));
        let mut fixture = Self { sink, out: Output::default() };
        fixture.sink.resume(&mut fixture.out);
        fixture
    }

    fn records(&mut self, from: Participant, texts: &[&str]) -> Vec<String> {
        let items = texts.iter().map(|text| SinkItem::Record(record(text))).collect();
        self.sink.on_items(from, items, &mut self.out);
        self.seen()
    }

    fn marker(&mut self, from: Participant, epoch: u64) -> Vec<String> {
        self.marker_after(from, epoch, 0)
    }

    fn marker_after(&mut self, from: Participant, epoch: u64, completed: u64) -> Vec<String> {
        let marker = Marker { epoch: Epoch(epoch), completed: Epoch(completed) };
        self.sink.on_items(from, vec![SinkItem::Marker(marker)], &mut self.out);
        self.seen()
    }

    fn markers_after(&mut self, epoch: u64, completed: u64) -> Vec<String> {
        let mut seen = self.marker_after(SOURCE, epoch, completed);
        seen.extend(self.marker_after(SHARD, epoch, completed));
        seen
    }

    fn completed(&mut self, epoch: u64) -> Vec<String> {
        self.sink.on_completed(Epoch(epoch), &mut self.out);
        self.seen()
    }

    fn abandoned(&mut self, epoch: u64) -> Vec<String> {
        self.sink.on_abandoned(Epoch(epoch), &mut self.out);
        self.seen()
    }

    fn seen(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        if let Some((epoch, rows)) = self.out.part.take() {
            let rows = rows.iter().map(|(key, value)| match (key, value) {
                (RowKey::Outbox { seq, .. }, Some(RowValue::Outbox(record))) => format!("+{seq} {}", show(record)),
                (RowKey::Outbox { seq, .. }, None) => format!("-{seq}"),
                other => panic!("{other:?}"),
            });
            seen.push(format!("part {}: {}", epoch.0, rows.collect::<Vec<_>>().join(", ")));
        }
        for command in self.out.commands.drain(..) {
            seen.push(match command {
                SinkCommand::Publish(records) => {
                    let records: Vec<_> =
                        records.iter().map(|entry| format!("{} {}", entry.seq, show(&entry.record))).collect();
                    format!("publish {}", records.join(", "))
                }
                SinkCommand::Completed(epoch) => format!("completed {}", epoch.0),
                SinkCommand::Stop => "stop".to_owned(),
            });
        }
        seen.extend(self.out.dead_letters.drain(..).map(|item| format!("dead letters <- {}", show_item(&item))));
        seen
    }
}

#[test]
fn per_epoch_nothing_leaves_before_its_epoch_exists() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    assert!(sink.records(SHARD, &["a", "b"]).is_empty());
    assert!(sink.marker(SOURCE, 1).is_empty());
    assert_eq!(sink.marker(SHARD, 1), ["part 1: +1 a, +2 b", "dead letters <- marker 1"]);
    assert_eq!(sink.completed(1), ["publish 1 a, 2 b", "completed 1"]);
}

#[test]
fn records_behind_a_marker_belong_to_the_next_batch() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a"]);
    sink.marker(SHARD, 1);
    assert!(sink.records(SHARD, &["next"]).is_empty());
    assert!(sink.records(SOURCE, &["b"]).is_empty());
    assert_eq!(sink.marker(SOURCE, 1), ["part 1: +1 a, +2 b", "dead letters <- marker 1"]);
    assert_eq!(sink.completed(1), ["publish 1 a, 2 b", "completed 1"]);
    assert_eq!(sink.markers_after(2, 1), ["part 2: +3 next", "dead letters <- marker 2"]);
}

#[test]
fn what_was_published_is_removed_by_the_next_epoch() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a", "b"]);
    sink.markers_after(1, 0);
    sink.completed(1);
    sink.sink.on_published(&[1]);
    assert_eq!(sink.markers_after(2, 1), ["part 2: -1", "dead letters <- marker 2"]);
    assert_eq!(sink.sink.backlog().0, 1);
}

#[test]
fn the_batch_of_an_abandoned_epoch_goes_in_front_of_the_next() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a"]);
    sink.markers_after(1, 0);
    sink.records(SHARD, &["b"]);
    assert!(sink.abandoned(1).is_empty());
    assert_eq!(sink.markers_after(2, 0), ["part 2: +1 a, +2 b", "dead letters <- marker 2"]);
    assert_eq!(sink.completed(2), ["publish 1 a, 2 b", "completed 2"]);
}

#[test]
fn an_epoch_abandoned_before_its_last_marker_lets_in_what_waited_aside() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.marker(SHARD, 1);
    sink.records(SHARD, &["a"]);
    sink.abandoned(1);
    sink.records(SHARD, &["b"]);
    assert!(sink.marker(SOURCE, 1).is_empty(), "it is over");
    assert_eq!(sink.markers_after(2, 0), ["part 2: +1 a, +2 b", "dead letters <- marker 2"]);
}

#[test]
fn tombstones_of_an_abandoned_epoch_are_written_again() {
    let mut sink = SinkFixture::restored(Delivery::PerEpoch, &[(7, "old")], 1);
    assert_eq!(sink.seen(), ["publish 7 old"]);
    sink.sink.on_published(&[7]);
    assert_eq!(sink.markers_after(2, 1), ["part 2: -7", "dead letters <- marker 2"]);
    sink.abandoned(2);
    assert_eq!(sink.markers_after(3, 1), ["part 3: -7", "dead letters <- marker 3"]);
}

#[test]
fn a_marker_that_overtakes_the_news_says_what_became_of_the_epoch_before() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a"]);
    sink.markers_after(1, 0);
    assert_eq!(sink.marker_after(SHARD, 2, 1), ["publish 1 a", "completed 1"]);
    assert!(sink.completed(1).is_empty(), "it is no news any more");

    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a"]);
    sink.markers_after(1, 0);
    assert!(sink.marker_after(SHARD, 2, 0).is_empty());
    assert_eq!(sink.marker_after(SOURCE, 2, 0), ["part 2: +1 a", "dead letters <- marker 2"]);
}

#[test]
fn at_least_once_leaves_at_once_and_is_kept_until_it_was_published() {
    let mut sink = SinkFixture::new(Delivery::AtLeastOnce);
    assert_eq!(sink.records(SHARD, &["a", "b"]), ["publish 1 a, 2 b"]);
    sink.sink.on_published(&[1]);
    assert_eq!(sink.markers_after(1, 0), ["part 1: +2 b", "dead letters <- marker 1"]);
    assert!(sink.completed(1).is_empty());
}

#[test]
fn with_no_delivery_nothing_is_kept() {
    let mut sink = SinkFixture::new(Delivery::None);
    assert_eq!(sink.records(SHARD, &["a"]), ["publish 1 a"]);
    assert_eq!(sink.sink.backlog(), (0, 0));
    assert_eq!(sink.markers_after(1, 0), ["part 1: ", "dead letters <- marker 1"]);
}

#[test]
fn a_connector_that_took_over_is_given_everything_that_was_given_and_never_published() {
    let mut sink = SinkFixture::new(Delivery::AtLeastOnce);
    sink.records(SHARD, &["a", "b", "c"]);
    sink.sink.on_published(&[1, 3]);
    sink.sink.resume_all(&mut sink.out);
    assert_eq!(sink.seen(), ["publish 2 b"]);
}

#[test]
fn what_had_to_wait_for_a_connector_is_given_to_it_once_and_behind_what_is_older() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["a"]);
    sink.markers_after(1, 0);
    assert_eq!(sink.completed(1), ["publish 1 a", "completed 1"]);
    // The connector fails, and nobody takes the commands of the next epoch.
    sink.records(SHARD, &["b"]);
    sink.markers_after(2, 1);
    sink.sink.on_completed(Epoch(2), &mut sink.out);
    sink.sink.resume_all(&mut sink.out);
    assert_eq!(sink.seen(), ["publish 1 a, 2 b", "completed 2"]);
}

#[test]
fn what_is_refused_for_good_becomes_a_dead_letter() {
    let mut sink = SinkFixture::new(Delivery::PerEpoch);
    sink.records(SHARD, &["bad"]);
    sink.markers_after(1, 0);
    sink.completed(1);
    sink.sink.on_rejected(&[1], "too large", &mut sink.out);
    assert_eq!(sink.seen(), ["dead letters <- rejected b\"bad\""]);
    assert_eq!(sink.markers_after(2, 1), ["part 2: -1", "dead letters <- marker 2"]);
}

#[test]
fn a_place_in_the_order_is_never_given_twice_even_when_nothing_is_kept_across_a_restart() {
    // The place is the idempotency key of what is published: the same one for another record would hide that record.
    let mut before = SinkFixture::new(Delivery::PerEpoch);
    before.records(SHARD, &["a", "b", "c"]);
    before.markers_after(1, 0);
    before.completed(1);
    before.sink.on_published(&[1, 2, 3]);
    before.markers_after(2, 1);
    let mut after = SinkFixture::restored(Delivery::PerEpoch, &[], 2);
    after.records(SHARD, &["d"]);
    after.markers_after(3, 2);
    let published = after.completed(3);
    let seq: u64 = published[0].split(' ').nth(1).unwrap().parse().unwrap();
    assert!(seq > 3, "{published:?}");
}
