//! Kafka in and out, against a real broker.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Broker, Call, Documents, Effects, FunctionServer, Http, Node, eventually,
};

const SOON: Duration = Duration::from_secs(30);
const EARLIEST: &str = "startupPosition: {type: earliest}";

/// Writes every message to the topic of the caller's choice: `<topic> <text>`, keyed by the function's id.
fn publisher(call: &Call) -> Answer {
    let effects = call.messages.iter().fold(Effects::new(), |effects, message| {
        let text = message.text();
        let (topic, text) = text.split_once(' ').expect("a topic and a text");
        effects.kafka("it/out", topic, &call.id, text)
    });
    effects.into()
}

fn sum(node: &Node, function: &str) -> i64 {
    node.counts(function, "seen").values().sum()
}

fn await_sum(node: &Node, function: &str, expected: i64) {
    let mut seen = 0;
    let begun = std::time::Instant::now();
    while begun.elapsed() < SOON {
        seen = sum(node, function);
        if seen == expected {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{function} counts {seen} and not {expected} messages");
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// A date as modules write it.
fn date(at_ms: i64) -> String {
    let at = format!("@{}", at_ms / 1000);
    let output = Command::new("date").args(["-u", "-d", &at, "+%Y-%m-%d %H:%M:%S.000 +0000"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn every_startup_position_begins_where_it_says() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("positions", 1);
    let hour = 3_600_000;
    for number in 0..10 {
        let at = now_ms() - if number < 5 { 2 * hour } else { 0 };
        kafka.produce_at("positions", at, "key", Some(number.to_string().as_bytes()));
    }
    kafka.flush();
    kafka.commit("positions-group", "positions", 0, 4);
    let positions = [
        ("earliest", "type: earliest".to_owned(), 10),
        ("group", "type: group-offsets".to_owned(), 6),
        ("specific", "type: specific-offsets\n  offsets:\n    - positions/0: 7".to_owned(), 3),
        ("date", format!("type: date\n  date: {}", date(now_ms() - hour)), 5),
        ("latest", "type: latest".to_owned(), 0),
    ];
    let server = FunctionServer::start(counter);
    let mut module = Documents::new().endpoint("it/*", server.port, "");
    for (name, position, _) in &positions {
        let spec = format!(
            "id: it/{name}\naddress: {}\nconsumerGroupId: positions-{name}\nstartupPosition:\n  {position}\ntopics:\n  - topic: positions\n    valueType: it/v\n    targets: [it/{name}]",
            broker.address()
        );
        module = module.document("io.statefun.kafka.v1/ingress", &spec);
    }
    let application = Application::new(&module).with(&["--epoch", "100ms"]);
    let node = application.start();
    for (name, _, expected) in &positions {
        await_sum(&node, &format!("it/{name}"), *expected);
    }
    // `latest` is known to be in place once the group has its mark; what comes now is for everybody.
    eventually(SOON, "latest has begun", || {
        (kafka.committed("positions-latest", "positions", 1) == [10]).then_some(())
    });
    kafka.produce("positions", None, Some("key"), b"one more");
    kafka.flush();
    for (name, _, expected) in &positions {
        await_sum(&node, &format!("it/{name}"), expected + 1);
    }
    // With a snapshot, the position no longer matters.
    node.kill();
    kafka.produce("positions", None, Some("key"), b"while nobody reads");
    kafka.flush();
    let node = application.start();
    for (name, _, expected) in &positions {
        await_sum(&node, &format!("it/{name}"), expected + 2);
    }
}

#[test]
fn a_record_goes_to_every_target_of_its_topic() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("fan-out", 3);
    for number in 0..300 {
        kafka.produce("fan-out", None, Some(&format!("key{}", number % 10)), b"v");
    }
    kafka.flush();
    let server = FunctionServer::start(counter);
    let module = Documents::new().endpoint("it/*", server.port, "").kafka_in(
        &broker.address(),
        "fan-out",
        &[("fan-out", "it/v", "it/one, it/two, it/three")],
        EARLIEST,
    );
    let node = Application::new(&module).with(&["--epoch", "100ms"]).start();
    for function in ["it/one", "it/two", "it/three"] {
        await_sum(&node, function, 300);
        assert!(node.counts(function, "seen").values().all(|count| *count == 30), "30 records for each of 10 keys");
    }
    // Offsets follow completed epochs, for operators' eyes.
    eventually(SOON, "the group has committed everything", || {
        (kafka.committed("fan-out", "fan-out", 3).iter().sum::<i64>() == 300).then_some(())
    });
}

#[test]
fn records_land_in_the_partitions_that_javas_client_chooses() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("ours", 7);
    kafka.create_topic("javas", 7);
    let keys: Vec<String> =
        (0..200).map(|number| format!("key-{number}")).chain(["ä", "日本", "x", "0"].map(String::from)).collect();
    let records: Vec<_> = keys.iter().map(|key| (key.clone(), "v".to_owned())).collect();
    broker.produce_with_java("javas", &records);

    let server = FunctionServer::start(publisher);
    let node = Application::new(
        &Documents::new()
            .endpoint("it/*", server.port, "")
            .kafka_out("it/out", &broker.address(), "at-least-once")
            .door(free_port()),
    )
    .start();
    let http = Http::default();
    for key in &keys {
        let url = format!("http://{}/v1/functions/it/publisher/{}", node.admin_address(), encoded(key));
        let sent =
            http.ask("POST", &url, &[("content-type", "application/json")], Some(br#"{"text": "ours v"}"#)).unwrap();
        assert!(sent.status < 300, "{}", sent.text());
    }
    let partitions = |topic: &str| -> BTreeMap<String, i32> {
        let records = kafka.read(topic, keys.len(), SOON);
        records.into_iter().map(|record| (record.key.unwrap(), record.partition)).collect()
    };
    assert_eq!(partitions("ours"), partitions("javas"));
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn a_record_without_key_or_value_becomes_a_dead_letter_and_the_rest_goes_on() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("keyless", 1);
    kafka.produce("keyless", None, Some("ann"), b"fine");
    kafka.produce("keyless", None, None, b"nobody's");
    kafka.produce("keyless", None, Some("ann"), b"fine");
    kafka.produce_at("keyless", now_ms(), "ann", None);
    kafka.produce("keyless", None, Some("ann"), b"fine");
    kafka.flush();
    let server = FunctionServer::start(counter);
    let module = Documents::new().endpoint("it/*", server.port, "").kafka_in(
        &broker.address(),
        "keyless",
        &[("keyless", "it/v", "it/counter")],
        EARLIEST,
    );
    let node = Application::new(&module).start();
    eventually(SOON, "the last record is counted", || {
        (node.state("it/counter", "ann", "seen").and_then(|seen| seen.as_i64()) >= Some(3)).then_some(())
    });
    let letters = node.dead_letters();
    let shown: Vec<_> = letters.iter().map(|letter| (letter["cause"].as_str(), letter["origin"].as_str())).collect();
    let expected =
        [(Some("missing-key"), Some("it/in keyless/0@2")), (Some("missing-value"), Some("it/in keyless/0@4"))];
    assert_eq!(shown, expected);
    assert_eq!(node.metric("statefun_ingress_dead_letters_total", "it/in"), 2.0);
    assert_eq!(node.state("it/counter", "ann", "seen"), Some(3.into()));
}

#[test]
fn a_partition_that_is_added_while_running_is_read_from_its_beginning() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("growing", 1);
    kafka.produce("growing", Some(0), Some("old"), b"v");
    kafka.flush();
    let server = FunctionServer::start(counter);
    let properties = format!("{EARLIEST}\nproperties:\n  - flink.partition-discovery.interval-millis: 200");
    let module = Documents::new().endpoint("it/*", server.port, "").kafka_in(
        &broker.address(),
        "growing",
        &[("growing", "it/v", "it/counter")],
        &properties,
    );
    let node = Application::new(&module).start();
    await_sum(&node, "it/counter", 1);
    kafka.grow_topic("growing", 3);
    for partition in [1, 2] {
        // The producer learns of new partitions in its own time.
        let client = broker.client();
        client.produce("growing", Some(partition), Some("new"), b"v");
        client.flush();
    }
    await_sum(&node, "it/counter", 3);
}

#[test]
fn a_broker_that_crashes_and_comes_back_costs_nothing_but_time() {
    let mut broker = Broker::start();
    let kafka = broker.client();
    kafka.create_topic("in", 2);
    kafka.create_topic("out", 2);
    let server = FunctionServer::start(|call: &Call| match call.function.as_str() {
        "it/publisher" => publisher(call),
        _ => counter(call),
    });
    let door = free_port();
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .door(door)
        .kafka_in(&broker.address(), "crash", &[("in", "it/v", "it/counter")], EARLIEST)
        .kafka_out("it/out", &broker.address(), "at-least-once");
    let node = Application::new(&module).with(&["--epoch", "100ms"]).start();
    let http = Http::default();
    let publish = |id: usize| {
        let answer = http.post_text(&format!("http://127.0.0.1:{door}/it/publisher/id{id}"), &format!("out text{id}"));
        assert_eq!(answer.status, 200, "the door does not need the broker");
    };
    for number in 0..50 {
        kafka.produce("in", None, Some(&format!("key{number}")), b"v");
        publish(number);
    }
    kafka.flush();
    await_sum(&node, "it/counter", 50);
    kafka.read("out", 50, SOON).len();

    broker.kill();
    for number in 50..100 {
        publish(number);
    }
    broker.restart();
    let kafka = broker.client();
    for number in 50..100 {
        kafka.produce("in", None, Some(&format!("key{number}")), b"v");
    }
    kafka.flush();
    await_sum(&node, "it/counter", 100);
    let texts = eventually(SOON, "all records are published", || {
        let texts: std::collections::BTreeSet<_> = kafka.read_all("out").iter().map(|record| record.text()).collect();
        (texts.len() == 100).then_some(texts)
    });
    assert!((0..100).all(|number| texts.contains(&format!("text{number}"))));
    assert!(node.counts("it/counter", "seen").values().all(|count| *count == 1), "each record counted once");
}

#[test]
fn a_broker_that_hangs_or_is_not_there_yet_is_waited_for() {
    let mut broker = Broker::start();
    let kafka = broker.client();
    kafka.create_topic("in", 1);
    kafka.produce("in", None, Some("ann"), b"v");
    kafka.flush();
    broker.kill();
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door).kafka_in(
        &broker.address(),
        "absent",
        &[("in", "it/v", "it/counter")],
        EARLIEST,
    );
    // It starts without its broker, and serves who needs none.
    let application = Application::new(&module);
    let node = application.start();
    let http = Http::default();
    let post = || assert_eq!(http.post_text(&format!("http://127.0.0.1:{door}/it/other/a"), "x").status, 200);
    post();
    broker.restart();
    await_sum(&node, "it/counter", 1);

    broker.pause();
    (0..20).for_each(|_| post());
    broker.resume();
    let kafka = broker.client();
    kafka.produce("in", None, Some("ann"), b"v");
    kafka.flush();
    await_sum(&node, "it/counter", 2);
    // A stop does not wait for a broker that hangs.
    broker.pause();
    assert_eq!(node.stop().code(), Some(0));
    broker.resume();
}

#[test]
fn at_least_once_loses_nothing_over_kills_and_none_publishes_too() {
    for (topic, delivery) in [("none", "none"), ("at-least", "at-least-once")] {
        let records = published_over_kills(topic, delivery);
        println!("{delivery}: {records} records for 200 events");
    }
}

#[test]
fn exactly_once_shows_readers_each_record_once_over_kills() {
    assert_eq!(published_over_kills("exactly", "exactly-once"), 200);
}

/// Sends 200 events whose function writes a record each, kills the node four times on the way (unless nothing is promised),
/// and waits until each record is there; how many a read_committed consumer sees.
fn published_over_kills(topic: &str, delivery: &str) -> usize {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic(topic, 3);
    let server = FunctionServer::start(publisher);
    let door = free_port();
    let module =
        Documents::new().endpoint("it/*", server.port, "").door(door).kafka_out("it/out", &broker.address(), delivery);
    let application = Application::new(&module).with(&["--epoch", "100ms"]);
    let http = Http::default();
    let mut node = application.start();
    for number in 0..200 {
        let url = format!("http://127.0.0.1:{door}/it/publisher/id{}", number % 5);
        assert_eq!(http.post_text(&url, &format!("{topic} {number}")).status, 200);
        if delivery != "none" && number % 50 == 25 {
            node.kill();
            node = application.start();
        }
    }
    let numbers = eventually(SOON, &format!("{topic} holds all records"), || {
        let records = kafka.read_all(topic);
        let numbers: std::collections::BTreeSet<u32> =
            records.iter().map(|record| record.text().parse().unwrap()).collect();
        (numbers.len() == 200).then_some(numbers)
    });
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    // What would be published twice is published before the node is at rest and stops.
    node.await_rest(SOON);
    assert_eq!(node.stop().code(), Some(0));
    kafka.read_all(topic).len()
}
