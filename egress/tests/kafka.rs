//! Kafka topics, with a real broker.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

#[path = "support/kafka.rs"]
mod kafka_support;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_support::{OwnBroker, given_broker, make_topic, read_all, unique};
use statefun::EgressRecord;
use statefun_egress::kafka::{Delivery, KafkaSink, Options};
use support::{Running, Said, kafka, start, symbol};

fn options(brokers: &str) -> Options {
    Options::new(symbol("shop/receipts"), brokers)
}

fn sink(options: Options) -> Running {
    start(KafkaSink::new(options))
}

/// Records `from..to`, ten keys, the number as value.
fn numbered(topic: &str, numbers: std::ops::Range<u64>) -> impl Iterator<Item = (u64, EgressRecord)> {
    numbers.map(move |n| (n, kafka(topic, Some(&format!("{}", n % 10)), &n.to_string())))
}

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_with_their_keys_and_a_missing_key_is_null() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("keys");
    make_topic(&brokers, &topic, 1, &[]).await;
    let mut running = sink(options(&brokers));
    running.publish([
        (1, kafka(&topic, Some("ann"), "one")),
        (2, kafka(&topic, None, "two")),
        (3, kafka(&topic, Some("ann"), "")),
    ]);
    assert_eq!(running.published(3).await, [1, 2, 3]);
    running.stop().await.unwrap();
    let all: Vec<_> = read_all(&brokers, &topic).into_iter().map(|read| (read.key, read.value)).collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(all, [(Some(text("ann")), text("one")), (None, text("two")), (Some(text("ann")), text(""))]);
}

/// The hash of Kafka's Java clients, written down from its published description: MurmurHash2, 32 bits, little-endian,
/// seed 0x9747b28c; the sign bit is cleared before the remainder is taken.
fn java_partition(key: &[u8], partitions: u32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(word.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (n, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * n);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    ((hash & 0x7fff_ffff) % partitions) as i32
}

#[test]
fn the_reference_hash_is_javas() {
    // Values that Java's clients give, as their own tests record them; `& 0x7fffffff` clears the sign.
    for (key, hash) in [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        let wanted = (hash as u32 & 0x7fff_ffff) % 1_000_003;
        assert_eq!(java_partition(key.as_bytes(), 1_000_003), wanted as i32, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_dealt_to_partitions_as_java_deals_them() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("murmur");
    make_topic(&brokers, &topic, 7, &[]).await;
    let keys: Vec<String> = (0..200).map(|n| "k".repeat(n % 9) + &n.to_string()).chain(["foobar".to_owned()]).collect();
    let mut running = sink(options(&brokers));
    running.publish((1..).zip(keys.iter().map(|key| kafka(&topic, Some(key), "v"))));
    running.published(keys.len()).await;
    running.stop().await.unwrap();
    let all = read_all(&brokers, &topic);
    assert_eq!(all.len(), keys.len());
    for read in all {
        let key = read.key.unwrap();
        assert_eq!(read.partition, java_partition(key.as_bytes(), 7), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_refuses_for_good_is_rejected_and_everything_else_arrives() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("limits");
    make_topic(&brokers, &topic, 1, &[("max.message.bytes", "2000")]).await;
    let mut running = sink(options(&brokers));
    let (large, huge) = ("x".repeat(10_000), "x".repeat(2_000_000));
    running.publish([(1, kafka(&topic, Some("a"), "before"))]);
    assert_eq!(running.published(1).await, [1]);
    running.publish([(2, kafka(&topic, Some("a"), &large))]);
    assert!(
        matches!(running.said().await, Said::Rejected(2, why) if why.contains("MessageSizeTooLarge")),
        "by the broker"
    );
    running.publish([
        (3, kafka(&topic, Some("a"), &huge)),
        (4, kafka("no such/topic name", None, "x")),
        (5, kafka("", None, "x")),
        (6, kafka("a\0b", None, "x")),
        (7, support::json("{}")),
        (8, kafka(&topic, Some("a"), "after")),
    ]);
    let mut rejected = BTreeMap::new();
    let mut published = Vec::new();
    while rejected.len() + published.len() < 6 {
        match running.said().await {
            Said::Rejected(seq, why) => drop(rejected.insert(seq, why)),
            Said::Published(seq) => published.push(seq),
        }
    }
    assert_eq!((published, rejected.keys().copied().collect::<Vec<_>>()), (vec![8], vec![3, 4, 5, 6, 7]));
    running.stop().await.unwrap();
    let values: Vec<_> = read_all(&brokers, &topic).into_iter().map(|read| read.value).collect();
    assert_eq!(values, ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_at_the_start_or_crashes_in_the_middle_costs_time_only() {
    if given_broker().is_none() {
        return;
    }
    let own = OwnBroker::reserve();
    let topic = "receipts";
    own.start();
    make_topic(&own.brokers, topic, 3, &[]).await;
    own.kill();
    let mut running = sink(options(&own.brokers));
    running.publish(numbered(topic, 0..100));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(running.silent(), "there is no broker");
    own.start();
    let mut published = running.published(100).await;

    for round in 1..=3_u64 {
        // Killed while records are under way, so that some are written and not acknowledged.
        running.publish(numbered(topic, round * 1000..round * 1000 + 500));
        tokio::time::sleep(Duration::from_millis(5)).await;
        own.kill();
        running.publish(numbered(topic, round * 1000 + 500..round * 1000 + 1000));
        own.start();
        published.extend(running.published(1000).await);
    }
    running.stop().await.unwrap();

    let wanted: Vec<u64> = (0..100).chain(1000..4000).collect();
    published.sort_unstable();
    assert_eq!(published, wanted, "each record is acknowledged once");
    let all = read_all(&own.brokers, topic);
    let mut per_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for read in all {
        per_key.entry(read.key.unwrap()).or_default().push(read.value.parse().unwrap());
    }
    let mut arrived: Vec<u64> = per_key.values().flatten().copied().collect();
    for (key, numbers) in &per_key {
        assert!(numbers.is_sorted(), "key {key} is in order: {numbers:?}");
    }
    arrived.sort_unstable();
    arrived.dedup();
    assert_eq!(arrived, wanted, "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_publishes_what_there_is_and_without_a_broker_leaves_it_owed() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("stop");
    make_topic(&brokers, &topic, 1, &[]).await;
    let running = sink(options(&brokers));
    running.publish(numbered(&topic, 0..5000));
    running.stop().await.unwrap();
    assert_eq!(read_all(&brokers, &topic).len(), 5000);

    let mut away = options("127.0.0.1:1");
    away.stop_patience = Duration::from_millis(100);
    let running = sink(away);
    running.publish(numbered(&topic, 0..10));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_delivery_none_nobody_waits_for_the_broker() {
    let Some(brokers) = given_broker() else { return };
    let mut away = Options { delivery: Delivery::None, ..options("127.0.0.1:1") };
    away.stop_patience = Duration::from_millis(100);
    let mut running = sink(away);
    running.publish(numbered("t", 0..10));
    assert_eq!(running.published(10).await.len(), 10);
    running.stop().await.unwrap();

    let topic = unique("none");
    make_topic(&brokers, &topic, 1, &[]).await;
    let running = sink(Options { delivery: Delivery::None, ..options(&brokers) });
    running.publish(numbered(&topic, 0..100));
    running.stop().await.unwrap();
    assert_eq!(read_all(&brokers, &topic).len(), 100, "a stop waits a little all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_that_exclude_idempotence_are_honoured_and_wrong_ones_are_named() {
    let Some(brokers) = given_broker() else { return };
    let topic = unique("acks");
    make_topic(&brokers, &topic, 1, &[]).await;
    let with = |name: &str, value: &str| {
        let mut options = options(&brokers);
        options.properties.insert(name.to_owned(), value.to_owned());
        options
    };
    let mut running = sink(with("acks", "1"));
    running.publish(numbered(&topic, 0..10));
    assert_eq!(running.published(10).await.len(), 10);
    running.stop().await.unwrap();

    let error = sink(with("linger.ms", "soon")).end().await.unwrap_err();
    assert!(!error.retryable && error.message.contains("linger.ms"), "{error}");
}
