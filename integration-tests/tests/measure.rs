//! Figures, printed with what they were measured on. What is asserted is only that they are sane.
//!
//! `cargo test --release -p integration-tests --test measure -- --nocapture --test-threads 1`, long runs with
//! `STATEFUN_TEST_FULL=1`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Application, Broker, Call, Documents, Effects, FunctionServer, Http, Node, Percentiles, eventually, is_full,
};

const KEYS: u64 = 10_000;
const MIB: u64 = 1 << 20;

/// From exec to the reply of a function, asked as soon as the port answers.
fn time_to_first_event(application: &Application, door: u16, id: &str) -> (Duration, Node) {
    let url = format!("http://127.0.0.1:{door}/it/counter/{id}?wait=30s");
    let http = Http::default();
    let begun = Instant::now();
    let node = application.launch();
    loop {
        if let Ok(answer) = http.ask("POST", &url, &[("content-type", "text/plain")], Some(b"x")) {
            assert_eq!(answer.status, 200, "{}", answer.text());
            return (begun.elapsed(), node);
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it never answers");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn from_exec_to_the_first_event_processed() {
    let server = FunctionServer::start(counter);
    let mut empty = Vec::new();
    for _ in 0..if is_full() { 20 } else { 5 } {
        let door = free_port();
        let application = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(door));
        let (taken, _node) = time_to_first_event(&application, door, "first");
        empty.push(taken);
    }
    let empty = Percentiles::of(empty);
    println!("exec to first event, empty data directory: median {:.1?}, longest {:.1?}", empty.at(0.5), empty.at(1.0));
    assert!(empty.at(0.5) < Duration::from_secs(1));

    let keys: u64 = if is_full() { 1_000_000 } else { 50_000 };
    let door = free_port();
    // The generator draws keys at random: twice as many draws as keys meet 86 of 100 keys, so there are more to draw from.
    let (drawn_from, draws) = (keys * 6 / 5, keys * 12 / 5);
    let generator =
        format!("id: it/fill\ncount: {draws}\nkeys: {drawn_from}\nvalueType: it/event\ntargets: [it/counter]");
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .door(door)
        .document("io.statefun.generator.v1/ingress", &generator);
    let application = Application::new(&module);
    let node = application.start();
    let begun = Instant::now();
    eventually(Duration::from_secs(1200), "every key has state", || {
        (node.metric("statefun_function_invocations_total", "it/counter") >= draws as f64).then_some(())
    });
    let keys = node.metric("statefun_addresses", "");
    println!("{keys} keys filled with {draws} events in {:.1?}", begun.elapsed());
    assert_eq!(node.stop().code(), Some(0));
    let mut full = Vec::new();
    for _ in 0..3 {
        let (taken, mut node) = time_to_first_event(&application, door, "0");
        full.push(taken);
        println!("  peak RSS {} MiB with {keys} keys", node.process().peak_rss_bytes() / MIB);
        node.kill();
    }
    let full = Percentiles::of(full);
    println!("exec to first event, {keys} keys of state: median {:.1?}, longest {:.1?}", full.at(0.5), full.at(1.0));
    assert!(full.at(0.5) < Duration::from_secs(10));
}

#[test]
fn a_process_that_idles_takes_little_memory() {
    let door = free_port();
    let server = FunctionServer::start(counter);
    let mut node = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(door)).start();
    // Let some epochs pass.
    std::thread::sleep(Duration::from_secs(3));
    let rss = node.process().rss_bytes();
    println!("an idle process has {:.1} MiB resident", rss as f64 / MIB as f64);
    assert!(rss < 30 * MIB, "{rss} bytes");
}

#[test]
fn from_kafka_to_kafka_exactly_once() {
    let broker = Broker::start();
    let kafka = broker.client();
    let server = FunctionServer::start(|call: &Call| {
        let effects = call.messages.iter();
        let topic = format!("out-{}", call.function.trim_start_matches("it/"));
        effects
            .fold(Effects::new(), |effects, message| effects.kafka("it/out", &topic, &call.id, &message.text()))
            .into()
    });
    let (rate, seconds) = (200, if is_full() { 30 } else { 6 });
    for epoch in ["10ms", "100ms", "1s"] {
        let (input, output) = (format!("in-{epoch}"), format!("out-{epoch}"));
        kafka.create_topic(&input, 4);
        kafka.create_topic(&output, 4);
        let function = format!("it/{epoch}");
        let module = Documents::new()
            .endpoint("it/*", server.port, "")
            .kafka_in(
                &broker.address(),
                &input,
                &[(&input, "it/event", &function)],
                "startupPosition: {type: earliest}",
            )
            .kafka_out("it/out", &broker.address(), "exactly-once");
        let node = Application::new(&module).with(&["--epoch", epoch]).start();
        let follower = kafka.follow(&output);
        // Connections, topics and the function's states are known once a first record has gone all the way.
        kafka.produce(&input, None, Some("first"), b"0");
        eventually(Duration::from_secs(30), "the first record is read", || (!follower.is_empty()).then_some(()));
        // Open loop: the clock starts when a record is due, whether or not the one before has arrived.
        let begun = Instant::now();
        for number in 0..rate * seconds {
            let due = Duration::from_secs_f64(f64::from(number) / f64::from(rate));
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let key = format!("key{}", number % 100);
            kafka.produce(&input, None, Some(&key), due.as_micros().to_string().as_bytes());
        }
        let count = (rate * seconds) as usize + 1;
        eventually(Duration::from_secs(60), "all records are read", || (follower.len() >= count).then_some(()));
        let arrivals = follower.arrivals();
        assert_eq!(arrivals.len(), count);
        let latencies = arrivals.into_iter().skip(1).map(|(at, record)| {
            let due = Duration::from_micros(record.text().parse().unwrap());
            at.duration_since(begun).saturating_sub(due)
        });
        let latencies = Percentiles::of(latencies.collect());
        println!(
            "Kafka to Kafka through a remote function, exactly once, read_committed, {rate} records/s, epochs of {epoch}: \
             p50 {:.1?}, p99 {:.1?}, longest {:.1?}; {} epochs written",
            latencies.at(0.5),
            latencies.at(0.99),
            latencies.at(1.0),
            node.metric("statefun_epochs_written", "")
        );
        assert!(latencies.at(0.5) < Duration::from_secs(5));
    }
}

/// What a run through the door gave.
struct Throughput {
    events: u64,
    seconds: f64,
    latencies: Percentiles,
}

/// Posts from so many connections, each answered before the next, over 10,000 keys.
fn drive(door: u16, connections: usize, query: &str, length: Duration) -> Throughput {
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let next = Arc::clone(&next);
            let query = query.to_owned();
            std::thread::spawn(move || {
                let http = Http::default();
                let mut latencies = Vec::new();
                while begun.elapsed() < length {
                    let key = next.fetch_add(1, Ordering::Relaxed) * 7919 % KEYS;
                    let sent = Instant::now();
                    let answer = http.post_text(&format!("http://127.0.0.1:{door}/it/counter/{key}{query}"), "x");
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let latencies: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    let seconds = begun.elapsed().as_secs_f64();
    Throughput { events: latencies.len() as u64, seconds, latencies: Percentiles::of(latencies) }
}

#[test]
fn remote_calls_with_every_event_durable_before_its_answer() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let mut node = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(door)).start();
    let length = Duration::from_secs(if is_full() { 15 } else { 5 });
    drive(door, 64, "", Duration::from_secs(1));
    let mut posted = 0;
    let crowds: &[usize] = if is_full() { &[1, 16, 64, 256] } else { &[64] };
    for connections in crowds {
        for (what, query) in [("answered when durable", ""), ("answered with the durable reply", "?wait=30s")] {
            node.await_rest(Duration::from_secs(60));
            let calls_before = server.calls();
            let run = drive(door, *connections, query, length);
            node.await_rest(Duration::from_secs(60));
            posted += run.events;
            println!(
                "{connections} connections, {KEYS} keys, {what}: {:.0} events/s, {:.0} remote calls/s, \
                 p50 {:.1?}, p99 {:.1?}, p999 {:.1?}",
                run.events as f64 / run.seconds,
                (server.calls() - calls_before) as f64 / run.seconds,
                run.latencies.at(0.5),
                run.latencies.at(0.99),
                run.latencies.at(0.999)
            );
        }
    }
    let counted: i64 = node.counts("it/counter", "seen").values().sum();
    assert!(counted as u64 >= posted, "{counted} counted of {posted} and a second of warming up");
    let status = node.admin("/v1/status");
    println!(
        "epochs {}, bytes written {}, peak RSS {} MiB, function calls {}",
        status["epochs_completed"],
        status["epoch_bytes"],
        node.process().peak_rss_bytes() / MIB,
        server.calls()
    );
}
