//! Kafka topics, with a real broker.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

#[path = "support/kafka.rs"]
mod kafka_support;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_support::{Broker, OwnBroker, given_broker};
use rdkafka::producer::FutureRecord;
use statefun::EventTime;
use statefun_ingress::kafka::{KafkaSource, LostPositions, OffsetReset, Options, Startup};
use statefun_ports::source::Position;
use support::{Running, position, symbol, values};

fn options(broker: &Broker, topics: &[&str]) -> Options {
    let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    let group = format!("group-of-{}", topics[0]);
    Options { startup: Startup::Earliest, ..Options::new(symbol("test/kafka"), &broker.brokers, group, topics) }
}

fn start(options: Options, positions: Vec<Position>) -> Running {
    support::start(KafkaSource::new(options), positions)
}

fn at(topic: &str, partition: i32, next: i64) -> Position {
    position(&format!("{topic}/{partition}"), next)
}

/// Until the group has this offset, which a source commits without being waited for.
async fn until_committed(broker: &Broker, group: &str, topic: &str, partition: i32, offset: i64) {
    for _ in 0..200 {
        if broker.committed(group, topic, partition) == Some(offset) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{group} has {:?}, not {offset}", broker.committed(group, topic, partition));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_carries_route_key_value_time_and_the_position_behind_it() {
    let Some(broker) = given_broker() else { return };
    let (carts, users) = (broker.topic(2).await, broker.topic(1).await);
    broker.produce(&carts, 1, &["pen", "ink"]).await;
    let nulls: FutureRecord<'_, (), ()> = FutureRecord::to(&users);
    broker.producer().send(nulls, Duration::from_secs(30)).await.unwrap();

    let mut running = start(options(&broker, &[&carts, &users]), vec![]);
    let mut records = running.take(3).await;
    records.sort_by_key(|record| record.route);
    assert_eq!(values(&records), ["pen", "ink", "null"]);
    assert_eq!(records[1].key.as_deref(), Some("k-ink"));
    assert_eq!(records[1].event_time, EventTime(1001));
    assert_eq!(records[1].position, at(&carts, 1, 2));
    assert_eq!((records[2].route, records[2].key.as_deref()), (1, None));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_reading_begins_where_it_is_configured_to() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(1).await;
    broker.produce(&topic, 0, &["0", "1", "2", "3", "4"]).await;
    let group = options(&broker, &[&topic]).group;
    broker.commit(&group, &topic, 0, 3);

    let specific = |offset| Startup::SpecificOffsets(BTreeMap::from([((topic.clone(), 0), offset)]));
    for (startup, first) in [
        (Startup::GroupOffsets, "3"),
        (Startup::Earliest, "0"),
        (Startup::Date { timestamp_ms: 1002 }, "2"),
        (specific(4), "4"),
        (Startup::SpecificOffsets(BTreeMap::from([((topic.clone(), 7), 1)])), "3"),
        // Offsets that do not exist: auto.offset.reset, which is `earliest` here.
        (specific(1000), "0"),
    ] {
        broker.commit(&group, &topic, 0, 3);
        let reset = OffsetReset::Earliest;
        let options = Options { startup: startup.clone(), offset_reset: reset, ..options(&broker, &[&topic]) };
        let mut running = start(options, vec![]);
        assert_eq!(values(&running.take(1).await), [first], "{startup:?}");
        running.stop().await.unwrap();
    }
    for startup in [Startup::Latest, Startup::Date { timestamp_ms: 5000 }, specific(1000)] {
        let mut running = start(Options { startup, ..options(&broker, &[&topic]) }, vec![]);
        assert!(running.is_quiet().await, "nothing is newer");
        // The mark says that the start has been decided.
        until_committed(&broker, &group, &topic, 0, 5).await;
        running.stop().await.unwrap();
        broker.commit(&group, &topic, 0, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_of_a_snapshot_are_stronger_than_any_configuration() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(2).await;
    broker.produce(&topic, 0, &["a0", "a1", "a2"]).await;
    broker.produce(&topic, 1, &["b0", "b1"]).await;
    let latest = Options { startup: Startup::Latest, ..options(&broker, &[&topic]) };
    let mut running = start(latest, vec![at(&topic, 0, 2), at(&topic, 1, 1)]);
    let mut records = running.take(2).await;
    records.sort_by(|a, b| a.value.cmp(&b.value));
    assert_eq!(values(&records), ["a2", "b1"]);
    assert!(running.is_quiet().await);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_while_nobody_read_is_not_skipped_in_a_partition_that_had_no_record_before() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(2).await;
    broker.produce(&topic, 1, &["old"]).await;
    let latest = || Options { startup: Startup::Latest, ..options(&broker, &[&topic]) };
    let running = start(latest(), vec![]);
    until_committed(&broker, &latest().group, &topic, 1, 1).await;
    broker.produce(&topic, 0, &["seen"]).await;
    running.stop().await.unwrap();

    broker.produce(&topic, 1, &["missed"]).await;
    // The snapshot knows partition 0 only.
    let mut running = start(latest(), vec![at(&topic, 0, 1)]);
    assert_eq!(values(&running.take(1).await), ["missed"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_committed_to_the_group_when_an_epoch_completed() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(1).await;
    broker.produce(&topic, 0, &["0", "1", "2"]).await;
    let options = options(&broker, &[&topic]);
    let group = options.group.clone();
    let mut running = start(options, vec![]);
    running.take(3).await;
    running.committed(vec![at(&topic, 0, 2)]);
    until_committed(&broker, &group, &topic, 0, 2).await;
    // Right before an orderly stop, too.
    running.committed(vec![at(&topic, 0, 3)]);
    running.stop().await.unwrap();
    assert_eq!(broker.committed(&group, &topic, 0), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_lost_to_retention_ends_with_the_choices_or_moves_if_allowed() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(1).await;
    broker.produce(&topic, 0, &["0", "1", "2", "3"]).await;
    broker.delete_before(&topic, 0, 3).await;

    let error = start(options(&broker, &[&topic]), vec![at(&topic, 0, 1)]).end().await.unwrap_err();
    assert!(!error.retryable, "{error}");
    for part in ["/0 was read up to offset 1", "begins at 3", "removed 2 offsets", "savepoint"] {
        assert!(error.message.contains(part), "{part:?} is missing in: {error}");
    }
    let beyond = start(options(&broker, &[&topic]), vec![at(&topic, 0, 100)]).end().await.unwrap_err();
    assert!(beyond.message.contains("ends at 4"), "{beyond}");

    let allowed = Options {
        lost_positions: LostPositions::Reset,
        offset_reset: OffsetReset::Earliest,
        ..options(&broker, &[&topic])
    };
    let mut running = start(allowed, vec![at(&topic, 0, 1)]);
    assert_eq!(values(&running.take(1).await), ["3"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_overtakes_a_running_source_is_noticed() {
    let Some(broker) = given_broker() else { return };
    let topic = broker.topic(1).await;
    let large = "x".repeat(10_000);
    let producer = broker.producer();
    for _ in 0..3000 {
        producer.send_result(FutureRecord::to(&topic).key("k").payload(&large)).unwrap();
    }
    rdkafka::producer::Producer::flush(&producer, Duration::from_secs(60)).unwrap();
    let mut slow = options(&broker, &[&topic]);
    // Little is fetched ahead, so that most of the topic is still at the broker when it goes away.
    for (name, value) in [("queued.max.messages.kbytes", "1000"), ("fetch.message.max.bytes", "100000")] {
        slow.properties.insert(name.to_owned(), value.to_owned());
    }
    let mut running = start(slow, vec![]);
    running.take(1).await;
    broker.delete_before(&topic, 0, 3000).await;
    let (records, end) = running.rest().await;
    let error = end.unwrap_err();
    assert!(records.len() < 2999 && error.message.contains("retention removed"), "{} {error}", records.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_and_topics_are_found_while_running_and_read_from_their_beginning() {
    let Some(broker) = given_broker() else { return };
    let (topic, later) = (broker.topic(1).await, format!("test-{}", uuid::Uuid::new_v4()));
    let mut options = options(&broker, &[&topic, &later]);
    options.startup = Startup::Latest;
    options.discovery_interval = Some(Duration::from_millis(100));
    let group = options.group.clone();
    let mut running = start(options, vec![]);
    until_committed(&broker, &group, &topic, 0, 0).await;

    broker.add_partitions(&topic, 2).await;
    broker.produce(&topic, 1, &["new partition"]).await;
    assert_eq!(running.take(1).await[0].position, at(&topic, 1, 1));
    broker.make_topic(&later, 1).await;
    broker.produce(&later, 0, &["new topic"]).await;
    let record = running.take(1).await.remove(0);
    assert_eq!((record.route, record.position), (1, at(&later, 0, 1)));
    broker.produce(&topic, 0, &["old partition"]).await;
    assert_eq!(values(&running.take(1).await), ["old partition"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_at_the_start_or_crashes_in_the_middle_costs_time_only() {
    if given_broker().is_none() {
        return;
    }
    let own = OwnBroker::reserve();
    let topic = "orders";
    let mut running = start(options(&own.broker, &[topic]), vec![]);
    assert!(running.is_quiet().await, "there is no broker");
    own.start();
    own.broker.make_topic(topic, 3).await;

    let count = 3000;
    let producer = own.broker.producer();
    let write = |from: usize, to: usize| {
        let producer = producer.clone();
        async move {
            for n in from..to {
                let (key, value) = (format!("{}", n % 10), n.to_string());
                let record = FutureRecord::to(topic).key(&key).payload(&value);
                producer.send(record, Duration::from_secs(60)).await.unwrap();
            }
        }
    };
    write(0, 200).await;
    let mut all = running.take(200).await;
    own.kill();
    assert!(running.is_quiet().await, "the broker is dead");
    own.start();
    let (mut last, ()) = tokio::join!(running.take(count - 200), write(200, count));
    all.append(&mut last);
    running.stop().await.unwrap();

    let mut numbers: Vec<usize> = all.iter().map(|record| record.value.as_deref().unwrap().parse().unwrap()).collect();
    let per_key = |key: usize| numbers.iter().copied().filter(|n| n % 10 == key).collect::<Vec<_>>();
    for key in 0..10 {
        assert!(per_key(key).is_sorted(), "key {key} is in order");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "each record exactly once");
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_is_obeyed_at_once_without_a_broker_and_wrong_properties_are_named() {
    let nobody = Broker { brokers: "127.0.0.1:1".to_owned() };
    let running = start(options(&nobody, &["t"]), vec![]);
    tokio::time::timeout(Duration::from_secs(15), running.stop()).await.expect("it does not stop").unwrap();

    let mut wrong = options(&nobody, &["t"]);
    wrong.properties.insert("fetch.wait.max.ms".to_owned(), "soon".to_owned());
    let error = start(wrong, vec![]).end().await.unwrap_err();
    assert!(!error.retryable && error.message.contains("fetch.wait.max.ms"), "{error}");
}
