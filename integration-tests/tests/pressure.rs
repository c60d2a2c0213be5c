//! More work than a function can do: nothing is lost, order holds per key, and memory stays bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{Answer, Application, Call, Documents, FunctionServer, eventually, is_full};

const MIB: u64 = 1 << 20;

fn generator(id: &str, count: u64, keys: u64, target: &str) -> String {
    format!(
        "id: it/{id}\ncount: {count}\nkeys: {keys}\nvalueType: it/event\ntargets: [{target}]\njson:\n  n: \"{{{{sequence}}}}\""
    )
}

/// Remembers, per id, the sequence numbers it saw in the calls that it answered.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<BTreeMap<String, Vec<u64>>>>);

impl Witness {
    fn slow_counter(&self, call: &Call, pause: Duration) -> Answer {
        let answer = counter(call);
        // The first call of a type only says which states are missing.
        if call.states.contains_key("seen") {
            let mut seen = self.0.lock().unwrap();
            let numbers = call.messages.iter().map(|message| {
                let event: serde_json::Value = serde_json::from_slice(&message.value).unwrap();
                event["n"].as_u64().unwrap()
            });
            seen.entry(call.id.clone()).or_default().extend(numbers);
        }
        Answer::Late(pause, Box::new(answer))
    }
}

#[test]
fn a_slow_function_slows_itself_and_a_crowd_of_keys_fits_into_memory() {
    let (slow_events, crowd) = if is_full() { (10_000, 100_000) } else { (2_000, 20_000) };
    // The generator draws keys at random: twice as many draws as keys meet 86 of 100 keys, so there are more to draw from.
    let draws = crowd * 12 / 5;
    let witness = Witness::default();
    let slow = {
        let witness = witness.clone();
        FunctionServer::start(move |call| witness.slow_counter(call, Duration::from_millis(100)))
    };
    let fast = FunctionServer::start(counter);
    let module = Documents::new()
        .endpoint("slow/*", slow.port, "maxNumBatchRequests: 20\n")
        .endpoint("fast/*", fast.port, "")
        .document("io.statefun.generator.v1/ingress", &generator("trickle", slow_events, 64, "slow/counter"))
        .document("io.statefun.generator.v1/ingress", &generator("crowd", draws, crowd * 6 / 5, "fast/counter"))
        // Keeps the process alive when the bounded inputs have ended, so that it can be asked.
        .door(free_port());
    let begun = Instant::now();
    let mut node = Application::new(&module).start();
    let patience = Duration::from_secs(if is_full() { 300 } else { 90 });
    let total = |node: &integration_tests::harness::Node, function: &str| -> f64 {
        node.metric("statefun_function_invocations_total", &format!("\"{function}\""))
    };
    eventually(patience, "the crowd is counted", || (total(&node, "fast/counter") >= draws as f64).then_some(()));
    let fast_done = begun.elapsed();
    eventually(patience, "the slow function is done", || {
        (total(&node, "slow/counter") >= slow_events as f64).then_some(())
    });
    let slow_done = begun.elapsed();

    let counts = node.counts("slow/counter", "seen");
    assert_eq!((counts.len(), counts.values().sum::<i64>()), (64, slow_events as i64), "nothing lost, nothing twice");
    for (id, numbers) in &*witness.0.lock().unwrap() {
        assert!(numbers.is_sorted_by(|a, b| a < b), "{id} was called out of order: {numbers:?}");
    }
    let keys = node.metric("statefun_addresses", "") as u64 - 64;
    assert!(keys >= crowd, "{keys} keys have state");
    assert_eq!(total(&node, "fast/counter") as u64, draws, "nothing lost, nothing twice");
    let peak = node.process().peak_rss_bytes();
    println!(
        "{slow_events} events to 64 slow keys in {slow_done:.1?} ({} calls), {draws} to {keys} keys of a fast one in \
         {fast_done:.1?}; \
         peak RSS {} MiB",
        slow.calls(),
        peak / MIB
    );
    assert!(peak < 512 * MIB, "peak RSS is {} MiB", peak / MIB);
}

#[test]
fn input_waits_while_a_function_is_down_and_goes_on_when_it_is_back() {
    let port = free_port();
    let door = free_port();
    let module = Documents::new()
        .endpoint("slow/*", port, "")
        .document("io.statefun.generator.v1/ingress", &generator("flood", 1_000_000, 1000, "slow/counter"))
        .door(door);
    let application = Application::new(&module)
        .with_env("STATEFUN__LIMITS__MESSAGES", "5000")
        .with_env("STATEFUN__LIMITS__BYTES", "4MiB");
    let mut node = application.start();
    let received = |node: &integration_tests::harness::Node| node.metric("statefun_ingress_records_total", "it/flood");
    let held = eventually(Duration::from_secs(20), "the source stops", || {
        let before = received(&node);
        std::thread::sleep(Duration::from_millis(300));
        (before > 0.0 && received(&node) == before).then_some(before)
    });
    assert!(held < 100_000.0, "{held} records were taken in against a limit of 5000 waiting messages");
    let http = integration_tests::harness::Http::default();
    let ready = http.get(&format!("http://{}/readyz", node.admin_address()));
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("overloaded") && ready.text().contains("slow/counter"),
        "it names who: {}",
        ready.text()
    );
    let refused = http.post_text(&format!("http://127.0.0.1:{door}/slow/counter/a"), "x");
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true), "{}", refused.text());
    println!("{held} records taken in while nobody serves them; readyz: {} {}", ready.status, ready.text());
    let peak = node.process().peak_rss_bytes();

    let _server = FunctionServer::start_at(port, counter);
    eventually(Duration::from_secs(60), "the input goes on", || (received(&node) > held + 20_000.0).then_some(()));
    eventually(Duration::from_secs(60), "the door is open again", || {
        (http.post_text(&format!("http://127.0.0.1:{door}/slow/counter/a"), "x").status == 200).then_some(())
    });
    println!("peak RSS {} MiB while held, {} MiB after", peak / MIB, node.process().peak_rss_bytes() / MIB);
    assert!(node.process().peak_rss_bytes() < 512 * MIB);
}
