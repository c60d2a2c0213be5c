//! Kafka's refusals, with a mock broker that refuses on command.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod support;

use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::RDKafkaRespErr;
use statefun_egress::kafka::{KafkaSink, Options};
use support::{Said, kafka, start, symbol};

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["good", "bad"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    cluster
}

fn options(cluster: &MockCluster<'static, DefaultProducerContext>) -> Options {
    let mut options = Options::new(symbol("shop/receipts"), cluster.bootstrap_servers());
    options.unknown_topic_patience = Duration::from_millis(500);
    for (name, value) in
        [("topic.metadata.propagation.max.ms", "100"), ("topic.metadata.refresh.fast.interval.ms", "50")]
    {
        options.properties.insert(name.to_owned(), value.to_owned());
    }
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_may_not_be_written_rejects_its_records_and_others_go_on() {
    let cluster = cluster();
    cluster.topic_error("bad", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
    let mut running = start(KafkaSink::new(options(&cluster)));
    running.publish([(1, kafka("bad", Some("a"), "x")), (2, kafka("good", Some("a"), "y"))]);
    let mut said = vec![running.said().await, running.said().await];
    said.sort_by_key(|said| matches!(said, Said::Published(_)));
    assert!(matches!(&said[0], Said::Rejected(1, why) if why.contains("uthoriz")), "{said:?}");
    assert_eq!(said[1], Said::Published(2));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_stays_unknown_rejects_its_records_after_a_while_and_meanwhile_others_go_on() {
    let cluster = cluster();
    cluster.topic_error("bad", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let mut running = start(KafkaSink::new(options(&cluster)));
    running.publish([(1, kafka("bad", Some("a"), "x")), (2, kafka("good", Some("a"), "y"))]);
    assert_eq!(running.said().await, Said::Published(2));
    running.publish([(3, kafka("good", Some("a"), "z"))]);
    assert_eq!(running.said().await, Said::Published(3));
    assert!(matches!(running.said().await, Said::Rejected(1, why) if why.contains("\"bad\"")));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_unknown_for_a_moment_costs_time_only() {
    let cluster = cluster();
    cluster.topic_error("bad", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let mut options = options(&cluster);
    options.unknown_topic_patience = Duration::from_secs(30);
    let mut running = start(KafkaSink::new(options));
    running.publish((1..=20).map(|n| (n, kafka("bad", Some("a"), "x"))));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(running.silent());
    cluster.topic_error("bad", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    assert_eq!(running.published(20).await, (1..=20).collect::<Vec<_>>(), "in order");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_expire_because_somebody_limited_their_time_are_produced_again_in_order() {
    let cluster = cluster();
    cluster.broker_down(1).unwrap();
    let mut options = options(&cluster);
    options.properties.insert("message.timeout.ms".to_owned(), "300".to_owned());
    options.properties.insert("linger.ms".to_owned(), "1".to_owned());
    let mut running = start(KafkaSink::new(options));
    running.publish((1..=50).map(|n| (n, kafka("good", Some("a"), "x"))));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(running.silent());
    cluster.broker_up(1).unwrap();
    assert_eq!(running.published(50).await, (1..=50).collect::<Vec<_>>());
    running.stop().await.unwrap();
}
