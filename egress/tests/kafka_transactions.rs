//! Exactly-once to Kafka, with a real broker: what a reader of committed records sees, whatever crashes and whenever.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

#[path = "support/kafka.rs"]
mod kafka_support;
#[path = "support/outbox.rs"]
mod outbox;
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_support::{OwnBroker, given_broker, make_topic, unique};
use outbox::{HangingBroker, Outbox, read_committed, read_committed_once_there_are};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use statefun_egress::kafka::{Delivery, KafkaSink, Options};
use support::{kafka, symbol};

const TIMEOUT: Duration = Duration::from_secs(2);

fn options(brokers: &str, lineage: &str) -> Options {
    let delivery = Delivery::ExactlyOnce {
        transaction_timeout: TIMEOUT,
        lineage: lineage.to_owned(),
        control_topic: "test-control".to_owned(),
    };
    Options { delivery, ..Options::new(symbol("shop/receipts"), brokers) }
}

fn sink(brokers: &str, lineage: &str) -> KafkaSink {
    KafkaSink::new(options(brokers, lineage))
}

/// Gives the outbox records `from..to`, ten keys, the number as value and place.
fn give(outbox: &mut Outbox, topic: &str, numbers: std::ops::Range<u64>) {
    outbox.give(numbers.map(|n| (n, kafka(topic, Some(&format!("{}", n % 10)), &n.to_string()))));
}

/// Each of these numbers is in the topic once, and in order per key.
fn assert_once(brokers: &str, topic: &str, wanted: impl IntoIterator<Item = u64>) {
    let wanted: Vec<u64> = wanted.into_iter().collect();
    let mut per_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (key, value) in read_committed_once_there_are(brokers, topic, wanted.len()) {
        per_key.entry(key).or_default().push(value.parse().unwrap());
    }
    for (key, numbers) in &per_key {
        assert!(numbers.is_sorted(), "key {key} is in order: {numbers:?}");
    }
    let mut seen: Vec<u64> = per_key.into_values().flatten().collect();
    seen.sort_unstable();
    assert_eq!(seen, wanted);
}

/// A process that dies in the middle of a transaction: it has written these records and the commit record and never
/// commits, nor aborts.
fn die_before_the_commit(brokers: &str, lineage: &str, topic: &str, numbers: std::ops::Range<u64>) {
    let last = numbers.end - 1;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", format!("statefun-{lineage}-shop/receipts"))
        .set("transaction.timeout.ms", TIMEOUT.as_millis().to_string())
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(20)).unwrap();
    producer.begin_transaction().unwrap();
    for n in numbers {
        let (key, value) = (format!("{}", n % 10), n.to_string());
        producer.send(BaseRecord::to(topic).key(&key).payload(&value)).unwrap();
    }
    let key = format!("{lineage}/shop/receipts/commit");
    let value = format!(r#"{{"format":1,"last_seq":{last},"refused":[]}}"#);
    producer.send(BaseRecord::to("test-control").key(&key).payload(&value)).unwrap();
    producer.flush(Duration::from_secs(20)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_seen_once_in_order_and_reported_in_order() {
    let Some(brokers) = given_broker() else { return };
    let (topic, lineage) = (unique("once"), unique("lineage"));
    make_topic(&brokers, &topic, 3, &[]).await;
    let mut outbox = Outbox::new();
    give(&mut outbox, &topic, 1..25_001);
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    assert!(outbox.heard().is_sorted());
    outbox.stop().await.unwrap();
    assert_once(&brokers, &topic, 1..25_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_commit_and_before_it_was_heard_repeats_nothing() {
    let Some(brokers) = given_broker() else { return };
    let (topic, lineage) = (unique("unheard"), unique("lineage"));
    make_topic(&brokers, &topic, 3, &[]).await;
    let mut outbox = Outbox::new();
    give(&mut outbox, &topic, 1..101);
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    outbox.crash().await;
    outbox.forget();
    give(&mut outbox, &topic, 101..131);
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    outbox.stop().await.unwrap();
    assert_once(&brokers, &topic, 1..131);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_commit_loses_nothing_however_late_the_restart() {
    let Some(brokers) = given_broker() else { return };
    for outage in [Duration::ZERO, TIMEOUT * 5 / 2] {
        let (topic, lineage) = (unique("open"), unique("lineage"));
        make_topic(&brokers, &topic, 3, &[]).await;
        let mut outbox = Outbox::new();
        give(&mut outbox, &topic, 1..101);
        outbox.start(sink(&brokers, &lineage));
        outbox.until_empty().await;
        outbox.crash().await;
        die_before_the_commit(&brokers, &lineage, &topic, 101..201);
        tokio::time::sleep(outage).await;
        give(&mut outbox, &topic, 101..301);
        outbox.start(sink(&brokers, &lineage));
        outbox.until_empty().await;
        outbox.stop().await.unwrap();
        assert_once(&brokers, &topic, 1..301);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_dropped_at_any_moment_goes_on_where_it_was() {
    let Some(brokers) = given_broker() else { return };
    let (topic, lineage) = (unique("dropped"), unique("lineage"));
    make_topic(&brokers, &topic, 3, &[]).await;
    let mut outbox = Outbox::new();
    let rounds = 24;
    for round in 0..rounds {
        give(&mut outbox, &topic, round * 2000 + 1..(round + 1) * 2000 + 1);
        outbox.start(sink(&brokers, &lineage));
        // From before anything is connected to after everything is done.
        tokio::time::sleep(Duration::from_millis(round * 70)).await;
        outbox.crash().await;
        outbox.forget();
    }
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    outbox.stop().await.unwrap();
    assert_once(&brokers, &topic, 1..rounds * 2000 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_of_one_history_the_newer_publishes_and_the_older_ends() {
    let Some(brokers) = given_broker() else { return };
    let (topic, lineage) = (unique("copies"), unique("lineage"));
    make_topic(&brokers, &topic, 3, &[]).await;
    let (mut older, mut newer) = (Outbox::new(), Outbox::new());
    give(&mut older, &topic, 1..101);
    older.start(sink(&brokers, &lineage));
    older.until_empty().await;
    give(&mut newer, &topic, 1..201);
    newer.start(sink(&brokers, &lineage));
    newer.until_empty().await;
    // As a process that slept would.
    give(&mut older, &topic, 101..151);
    older.hand_over();
    let error = older.end().await.unwrap_err();
    assert!(!error.retryable && error.message.contains("superseded"), "{error}");
    give(&mut newer, &topic, 201..301);
    newer.hand_over();
    newer.until_empty().await;
    newer.stop().await.unwrap();
    assert_once(&brokers, &topic, 1..301);
}

#[tokio::test(flavor = "multi_thread")]
async fn lineages_and_egresses_share_the_control_topic_and_do_not_meet() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("shared");
    make_topic(&brokers, &topic, 1, &[]).await;
    let (one, other) = (unique("lineage"), unique("lineage"));
    let mut outboxes = Vec::new();
    for (n, options) in [
        options(&brokers, &one),
        options(&brokers, &other),
        Options { id: symbol("shop/alerts"), ..options(&brokers, &one) },
    ]
    .into_iter()
    .enumerate()
    {
        let mut outbox = Outbox::new();
        // The same places in each order, another value.
        outbox.give((1..=50).map(|seq| (seq, kafka(&topic, Some("k"), &(n as u64 * 100 + seq).to_string()))));
        outbox.start(KafkaSink::new(options));
        outboxes.push(outbox);
    }
    for outbox in &mut outboxes {
        outbox.until_empty().await;
    }
    let mut values: Vec<u64> =
        read_committed_once_there_are(&brokers, &topic, 150).iter().map(|(_, value)| value.parse().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (1..=50).chain(101..=150).chain(201..=250).collect::<Vec<_>>());
    for outbox in outboxes {
        outbox.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_is_rejected_and_its_neighbours_are_published_also_after_a_crash() {
    let Some(brokers) = given_broker() else { return };
    let (topic, narrow, lineage) = (unique("wide"), unique("narrow"), unique("lineage"));
    make_topic(&brokers, &topic, 1, &[]).await;
    make_topic(&brokers, &narrow, 1, &[("max.message.bytes", "2000")]).await;
    let too_large = "x".repeat(10_000);
    let mut outbox = Outbox::new();
    let mut all: Vec<_> = (1..=60).map(|n| (n, kafka(&topic, Some("k"), &n.to_string()))).collect();
    all[19].1 = kafka(&narrow, Some("k"), &too_large);
    all[20].1 = kafka("no such/topic name", Some("k"), "x");
    all[39].1 = kafka(&topic, Some("k"), &"x".repeat(2_000_000));
    all[40].1 = kafka("", Some("k"), "x");
    all[41].1 = kafka(&narrow, Some("k"), "42");
    outbox.give(all.clone());
    outbox.start(KafkaSink::new(Options {
        unknown_topic_patience: Duration::from_secs(1),
        ..options(&brokers, &lineage)
    }));
    outbox.until_empty().await;
    let refused = |outbox: &Outbox| outbox.rejected().keys().copied().collect::<Vec<_>>();
    assert_eq!(refused(&outbox), [20, 21, 40, 41]);
    outbox.crash().await;

    // No snapshot holds what was heard, so neither the dead letters: they must be told again.
    let mut outbox = Outbox::new();
    outbox.give(all);
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    assert_eq!(refused(&outbox), [20, 21, 40, 41]);
    outbox.stop().await.unwrap();
    assert_once(&brokers, &topic, (1..=60).filter(|n| ![20, 21, 40, 41, 42].contains(n)));
    assert_once(&brokers, &narrow, [42]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_in_the_middle_costs_time_only() {
    if given_broker().is_none() {
        return;
    }
    let own = OwnBroker::reserve();
    own.start();
    make_topic(&own.brokers, "receipts", 3, &[]).await;
    let mut outbox = Outbox::new();
    outbox.start(sink(&own.brokers, "abc"));
    for round in 0..5_u64 {
        let from = round * 20_000 + 1;
        give(&mut outbox, "receipts", from..from + 10_000);
        outbox.hand_over();
        // While a transaction is open or being committed.
        tokio::time::sleep(Duration::from_millis(round * 15)).await;
        own.kill();
        give(&mut outbox, "receipts", from + 10_000..from + 20_000);
        outbox.hand_over();
        if round == 2 {
            tokio::time::sleep(TIMEOUT * 3 / 2).await;
        }
        if round == 3 {
            // The sink dies too.
            outbox.crash().await;
            outbox.forget();
            outbox.start(sink(&own.brokers, "abc"));
        }
        own.start();
        outbox.until_empty().await;
    }
    outbox.stop().await.unwrap();
    assert_once(&own.brokers, "receipts", 1..100_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_past_the_transaction_timeout_leaves_nobody_knowing_and_nothing_doubled() {
    if given_broker().is_none() {
        return;
    }
    let own = HangingBroker::start();
    make_topic(&own.brokers, "receipts", 3, &[]).await;
    let mut outbox = Outbox::new();
    give(&mut outbox, "receipts", 1..2);
    outbox.start(sink(&own.brokers, "abc"));
    outbox.until_empty().await;
    let rounds = 8_u64;
    for round in 0..rounds {
        let from = round * 10_000 + 2;
        give(&mut outbox, "receipts", from..from + 10_000);
        outbox.hand_over();
        tokio::time::sleep(Duration::from_millis(round * 12)).await;
        own.hang(TIMEOUT * 3 / 2).await;
        outbox.until_empty().await;
    }
    outbox.stop().await.unwrap();
    assert_once(&own.brokers, "receipts", 1..rounds * 10_000 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_topic_that_would_forget_is_refused() {
    let Some(brokers) = given_broker() else { return };
    let forgetful = unique("forgetful");
    make_topic(&brokers, &forgetful, 1, &[("cleanup.policy", "delete")]).await;
    let delivery = Delivery::ExactlyOnce {
        transaction_timeout: TIMEOUT,
        lineage: unique("lineage"),
        control_topic: forgetful.clone(),
    };
    let mut outbox = Outbox::new();
    outbox.start(KafkaSink::new(Options { delivery, ..options(&brokers, "") }));
    let error = outbox.end().await.unwrap_err();
    assert!(!error.retryable && error.message.contains("cleanup.policy=delete"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_a_stop_leaves_records_owed_and_a_start_only_waits() {
    let mut outbox = Outbox::new();
    give(&mut outbox, "t", 1..11);
    outbox
        .start(KafkaSink::new(Options { stop_patience: Duration::from_millis(200), ..options("127.0.0.1:1", "abc") }));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(outbox.heard().is_empty());
    outbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_records_to_a_transaction_pass_quickly() {
    let Some(brokers) = given_broker() else { return };
    let (topic, lineage) = (unique("pace"), unique("lineage"));
    make_topic(&brokers, &topic, 3, &[]).await;
    let mut outbox = Outbox::new();
    give(&mut outbox, &topic, 1..2);
    outbox.start(sink(&brokers, &lineage));
    outbox.until_empty().await;
    let began = Instant::now();
    let transactions = 100;
    for n in 0..transactions {
        // The next thousand only when these are published: one transaction for each.
        give(&mut outbox, &topic, n * 1000 + 2..(n + 1) * 1000 + 2);
        outbox.hand_over();
        outbox.until_empty().await;
    }
    let took = began.elapsed();
    println!(
        "{transactions} transactions of 1000 records: {:.0} records/s, {:.1} ms each",
        transactions as f64 * 1000.0 / took.as_secs_f64(),
        took.as_secs_f64() * 1000.0 / transactions as f64
    );
    outbox.stop().await.unwrap();
    assert_eq!(read_committed(&brokers, &topic).len(), 100_001);
    assert!(took < Duration::from_millis(100 * transactions), "librdkafka's own waiting would take as long: {took:?}");
}
