//! `kill -9` under load: what was acknowledged is counted exactly once, whatever happened in between.
//!
//! Five kills in the gate, a hundred with `STATEFUN_TEST_FULL=1`. Moments are drawn from `STATEFUN_TEST_SEED` (printed).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Application, Broker, Documents, Draws, FunctionServer, Http, KafkaClient, eventually, is_full,
};

const CLIENTS: usize = 8;
const KEYS_OF_TOPIC: usize = 16;
const REST: Duration = Duration::from_secs(60);

/// What a client knows of its key: how often it was told yes, and whether the last post got no answer.
#[derive(Clone, Copy, Default)]
struct Told {
    acknowledged: i64,
    unanswered: i64,
}

/// Posts to its own key, one after the other, until the server does not answer any more.
fn client(url: &str, is_over: &AtomicBool) -> Told {
    let http = Http::with_timeout(Duration::from_secs(20));
    let mut told = Told::default();
    while !is_over.load(Ordering::Relaxed) {
        match http.ask("POST", url, &[("content-type", "text/plain")], Some(b"x")) {
            Ok(answer) if answer.status == 200 => told.acknowledged += 1,
            Ok(answer) => panic!("{url}: {} {}", answer.status, answer.text()),
            // Refused before anything was sent, or cut off after: nobody can tell from here.
            Err(_) => {
                told.unanswered = 1;
                break;
            }
        }
    }
    told
}

#[test]
fn no_acknowledged_event_and_no_record_is_lost_or_counted_twice() {
    let rounds = if is_full() { 100 } else { 5 };
    let mut moments = Draws::seeded();
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("tallies", 4);
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door).kafka_in(
        &broker.address(),
        "kills",
        &[("tallies", "it/record", "it/tally")],
        "startupPosition: {type: earliest}",
    );
    let application = Application::new(&module).with(&["--epoch", "50ms"]);
    let produced = Arc::new(AtomicI64::new(0));
    let is_done = Arc::new(AtomicBool::new(false));
    let producer = std::thread::spawn({
        let (produced, is_done) = (Arc::clone(&produced), Arc::clone(&is_done));
        move || produce(&kafka, &produced, &is_done)
    });

    let mut counted: BTreeMap<String, i64> = BTreeMap::new();
    let (mut acknowledged, mut unanswered, mut recoveries) = (0, 0, Vec::new());
    let mut node = application.start();
    for round in 1..=rounds {
        let is_over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client_number| {
                let is_over = Arc::clone(&is_over);
                let url = format!("http://127.0.0.1:{door}/it/counter/client{client_number}");
                std::thread::spawn(move || client(&url, &is_over))
            })
            .collect();
        std::thread::sleep(moments.within(100, 700));
        node.kill();
        is_over.store(true, Ordering::Relaxed);
        let told: Vec<Told> = clients.into_iter().map(|client| client.join().unwrap()).collect();

        let begun = Instant::now();
        node = application.start();
        recoveries.push(begun.elapsed());
        for (number, told) in told.iter().enumerate() {
            let id = format!("client{number}");
            let before = counted.get(&id).copied().unwrap_or(0);
            let least = before + told.acknowledged;
            let most = least + told.unanswered;
            let seen = eventually(REST, &format!("round {round}: {id} counts at least {least}"), || {
                let seen = node.state("it/counter", &id, "seen").and_then(|seen| seen.as_i64()).unwrap_or(0);
                (seen >= least).then_some(seen)
            });
            assert!(seen <= most, "round {round}: {id} counts {seen}, more than the {most} that were sent");
            acknowledged += told.acknowledged;
            unanswered += told.unanswered;
        }
        // What got no answer may still be on its way from a recording to its function.
        node.await_rest_of("it/counter", REST);
        for (number, told) in told.iter().enumerate() {
            let id = format!("client{number}");
            let before = counted.get(&id).copied().unwrap_or(0);
            let seen = node.state("it/counter", &id, "seen").and_then(|seen| seen.as_i64()).unwrap_or(0);
            let allowed = before + told.acknowledged..=before + told.acknowledged + told.unanswered;
            assert!(allowed.contains(&seen), "round {round}: {id} counts {seen} and not {allowed:?}");
            counted.insert(id, seen);
        }
    }

    is_done.store(true, Ordering::Relaxed);
    producer.join().unwrap();
    let expected = produced.load(Ordering::Relaxed);
    let tallies = eventually(REST, &format!("all {expected} records are counted"), || {
        let tallies = node.counts("it/tally", "seen");
        (tallies.values().sum::<i64>() >= expected).then_some(tallies)
    });
    node.await_rest(REST);
    assert_eq!(node.counts("it/tally", "seen"), tallies, "and stay so");
    for (key, count) in &tallies {
        let number: i64 = key.trim_start_matches("key").parse().unwrap();
        let of_key = (expected - number + KEYS_OF_TOPIC as i64 - 1) / KEYS_OF_TOPIC as i64;
        assert_eq!(*count, of_key, "records of {key}");
    }
    recoveries.sort();
    println!(
        "{rounds} kills: {acknowledged} acknowledged events and {expected} records, each counted once; \
         {unanswered} posts got no answer; back after {:?} in the middle, {:?} at most",
        recoveries[recoveries.len() / 2],
        recoveries[recoveries.len() - 1]
    );
    assert!(acknowledged > 0 && expected > 0, "a test without load shows nothing");
}

#[test]
fn a_process_killed_while_it_starts_or_stops_leaves_its_state_whole() {
    let rounds = if is_full() { 200 } else { 15 };
    let mut moments = Draws::seeded();
    let server = FunctionServer::start(counter);
    let door = free_port();
    let application = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(door));
    let http = Http::default();
    let post = || {
        for id in 0..20 {
            let url = format!("http://127.0.0.1:{door}/it/counter/{id}");
            assert_eq!(http.post_text(&url, "x").status, 200);
        }
    };
    let node = application.start();
    post();
    node.await_rest(REST);
    node.kill();
    for round in 1..=rounds {
        // Somewhere between exec and ready.
        let node = application.launch();
        std::thread::sleep(moments.within(0, 40));
        node.kill();
        // Somewhere between being told to stop and the end, with work under way.
        let mut node = application.start();
        post();
        node.process().signal("TERM");
        std::thread::sleep(moments.within(0, 30));
        node.kill();
        if round % 5 == 0 {
            let node = application.start();
            for id in 0..20 {
                node.await_state(REST, "it/counter", &id.to_string(), "seen", round as i64 + 1);
            }
            node.kill();
        }
    }
}

/// Produces records until it is over, a few thousand in a second.
fn produce(kafka: &KafkaClient, produced: &AtomicI64, is_done: &AtomicBool) {
    while !is_done.load(Ordering::Relaxed) {
        for _ in 0..20 {
            let number = produced.fetch_add(1, Ordering::Relaxed);
            let key = format!("key{}", number as usize % KEYS_OF_TOPIC);
            kafka.produce("tallies", None, Some(&key), number.to_string().as_bytes());
        }
        std::thread::sleep(Duration::from_millis(8));
    }
    kafka.flush();
}
