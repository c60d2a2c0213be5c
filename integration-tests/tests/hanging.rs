//! What does not answer costs the others nothing: epochs do not wait for it, do not grow by it, and all else goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Broker, Call, Documents, Effects, FunctionServer, HangingServer, Http, Node, Percentiles,
    eventually, is_full,
};

const MIB: u64 = 1 << 20;
const SOON: Duration = Duration::from_secs(60);

fn generator(per_second: u64, keys: u64, target: &str) -> String {
    format!("id: it/steady\nratePerSecond: {per_second}\nkeys: {keys}\nvalueType: it/event\ntargets: [{target}]")
}

#[test]
fn a_tenth_of_the_keys_that_hangs_holds_no_epoch_up() {
    let (keys, length) = if is_full() { (10_000, Duration::from_secs(150)) } else { (500, Duration::from_secs(12)) };
    let server = FunctionServer::start(|call: &Call| {
        let answer = counter(call);
        let hangs = call.id.parse::<u64>().expect("keys are numbers").is_multiple_of(10);
        if hangs { Answer::Late(Duration::from_secs(60), Box::new(answer)) } else { answer }
    });
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .document("io.statefun.generator.v1/ingress", &generator(2_000, keys, "it/counter"));
    let node = Application::new(&module).with(&["--epoch", "200ms"]).start();
    std::thread::sleep(length);
    let (received, handled) =
        (node.metric("statefun_function_in_total", ""), node.metric("statefun_function_invocations_total", ""));
    let hanging = node.metric("statefun_function_inflight", "");
    let duration = |quantile: &str| node.metric("statefun_epoch_duration_us", &format!("\"{quantile}\"")) / 1000.0;
    println!(
        "{keys} keys, {hanging} calls hang: {handled} of {received} messages handled, {} epochs, {:.1} ms in the middle, \
         p99 {:.1} ms, longest {:.1} ms",
        node.metric("statefun_epochs_written", ""),
        duration("0.5"),
        duration("0.99"),
        duration("1")
    );
    assert!(hanging >= keys as f64 / 20.0, "only {hanging} calls hang");
    assert!(handled > received * 0.8, "{handled} of {received}: the others were held up");
    assert!(node.metric("statefun_epochs_written", "") > length.as_secs_f64(), "epochs went on");
    assert_eq!(node.metric("statefun_epochs_abandoned", ""), 0.0);
    assert!(duration("0.99") < 1000.0, "epochs take {} ms", duration("0.99"));
}

/// `timers N` sends itself N messages in an hour, `calls FROM TO` a message to each of these ids of `hang/on`.
fn maker(call: &Call) -> Answer {
    let effects = call.messages.iter().fold(Effects::new(), |effects, message| {
        let text = message.text();
        let words: Vec<_> = text.split(' ').collect();
        let number = |index: usize| words[index].parse::<u64>().expect("a number");
        match words[0] {
            "timers" => (0..number(1)).fold(effects, |effects, _| {
                effects.send_after(Duration::from_secs(3600), ("make/maker", &call.id), ("it/reminder", b"x"), "")
            }),
            _ => (number(1)..number(2)).fold(effects, |effects, id| effects.send_text("hang/on", &id.to_string(), "x")),
        }
    });
    effects.into()
}

/// The bytes of an epoch in the middle of those within so long.
fn bytes_per_epoch(node: &Node, over: Duration) -> f64 {
    let figures = || (node.metric("statefun_epochs_written", ""), node.metric("statefun_epoch_bytes", ""));
    let (begun, mut before, mut epochs) = (Instant::now(), figures(), Vec::new());
    while begun.elapsed() < over {
        std::thread::sleep(Duration::from_millis(50));
        let after = figures();
        // The first one began before anybody looked.
        if after.0 > before.0 {
            epochs.push((after.1 - before.1) / (after.0 - before.0));
            before = after;
        }
    }
    epochs.sort_by(f64::total_cmp);
    epochs[epochs.len() / 2]
}

#[test]
fn idle_timers_and_hanging_calls_add_nothing_to_an_epoch() {
    let (timers, calls) = if is_full() { (1_000_000, 30_000) } else { (100_000, 3_000) };
    let over = Duration::from_secs(if is_full() { 20 } else { 10 });
    let server = FunctionServer::start(|call: &Call| match call.function.as_str() {
        "make/maker" => maker(call),
        _ => counter(call),
    });
    let hanging = HangingServer::start(16);
    let door = free_port();
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .endpoint("make/*", server.port, "")
        .endpoint(
            "hang/*",
            hanging.port,
            "transport:\n  type: io.statefun.transports.v1/async\n  pool_size: 12000\n  timeouts: {call: 10min}\n",
        )
        .door(door)
        // So few keys that nearly all are in every epoch, so many that a few messages under way make no difference.
        .document("io.statefun.generator.v1/ingress", &generator(2_500, 1_000, "it/counter"));
    let mut node = Application::new(&module).with_env("STATEFUN__LIMITS__CALLS", "30000").start();
    eventually(SOON, "the load is on", || (node.metric("statefun_addresses", "") >= 990.0).then_some(()));
    let rss_before = node.process().peak_rss_bytes();
    let without = bytes_per_epoch(&node, over);

    let http = Http::default();
    let ask = |id: &str, text: &str| {
        let answer = http.post_text(&format!("http://127.0.0.1:{door}/make/maker/{id}"), text);
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    // A function whose states nobody knows is asked by one call at a time. Sixteen ids live on both shards.
    ask("acquaintance", "calls 1000000 1000016");
    eventually(SOON, "the states of the function that will hang are known", || {
        (node.metric("statefun_function_invocations_total", "\"hang/on\"") >= 16.0).then_some(())
    });
    for number in 0..timers / 1_000 {
        ask(&number.to_string(), "timers 1000");
    }
    for number in 0..calls / 1_000 {
        ask("calls", &format!("calls {} {}", number * 1_000, (number + 1) * 1_000));
    }
    eventually(SOON, "all timers are set and all calls hang", || {
        let is_set = node.metric("statefun_delayed_messages", "") == timers as f64;
        (is_set && node.metric("statefun_function_inflight", "\"hang/on\"") >= calls as f64 * 0.9).then_some(())
    });
    let rss_after = node.process().peak_rss_bytes();
    // What was new is in an epoch, and that one is over.
    let epoch = node.metric("statefun_epochs_written", "");
    eventually(SOON, "it is durable", || (node.metric("statefun_epochs_written", "") >= epoch + 2.0).then_some(()));
    // What waits for a function at a cut is in it too, and on a busy machine more waits; what timers and hanging calls add
    // would be in every epoch, so one measurement without it shows that they add nothing.
    let with = (0..4).map(|_| bytes_per_epoch(&node, over)).find(|with| *with <= without * 1.1).unwrap_or(f64::MAX);
    println!(
        "bytes per epoch: {without:.0} without, {with:.0} with {timers} timers and {calls} hanging calls on {} \
         connections ({:+.1} %); longest epoch {:.1} ms, peak RSS {} MiB, {} MiB more, delayed messages {} MiB",
        hanging.connections(),
        (with / without - 1.0) * 100.0,
        node.metric("statefun_epoch_duration_us", "\"1\"") / 1000.0,
        rss_after / MIB,
        (rss_after - rss_before) / MIB,
        node.metric("statefun_delayed_bytes", "") as u64 / MIB,
    );
    assert!(with <= without * 1.1, "{with} bytes against {without}");
    // Delayed messages count, though not as work that waits.
    assert!(node.metric("statefun_delayed_bytes", "") > timers as f64 * 100.0);
    assert!(node.metric("statefun_waiting_messages", "") < calls as f64 * 1.5);
}

#[test]
fn delayed_messages_over_their_limit_stop_the_sources_until_some_have_left() {
    let server = FunctionServer::start(|call: &Call| {
        let effects = call.messages.iter().fold(Effects::new(), |effects, message| match message.typename.as_str() {
            "it/reminder" => effects,
            _ => effects.send_after(Duration::from_secs(4), ("it/snooze", &call.id), ("it/reminder", b"x"), ""),
        });
        effects.into()
    });
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .document("io.statefun.generator.v1/ingress", &generator(5_000, 100, "it/snooze"));
    let node = Application::new(&module).with_env("STATEFUN__LIMITS__DELAYED_BYTES", "1MiB").start();
    let http = Http::default();
    let ready = format!("http://{}/readyz", node.admin_address());
    let told = eventually(SOON, "it is overloaded", || {
        let answer = http.get(&ready);
        (answer.status == 503 && answer.text().contains("overloaded")).then(|| answer.text())
    });
    assert!(told.contains("delayed messages"), "{told}");
    let held = node.metric("statefun_delayed_bytes", "");
    assert!(held < (2 * MIB) as f64, "{held} bytes of delayed messages against a limit of 1 MiB");
    let received = node.metric("statefun_ingress_records_total", "");
    eventually(SOON, "the input goes on when they have left", || {
        (node.metric("statefun_ingress_records_total", "") > received + 1_000.0).then_some(())
    });
}

#[test]
fn without_its_broker_everything_else_goes_on_and_the_outbox_leaves_in_order() {
    let (away, pause) = if is_full() { (Duration::from_secs(600), 20) } else { (Duration::from_secs(20), 10) };
    let mut broker = Broker::start();
    broker.client().create_topic("late", 3);
    broker.kill();
    let server = FunctionServer::start(|call: &Call| {
        let effects = call.messages.iter();
        effects
            .fold(Effects::new(), |effects, message| effects.kafka("it/out", "late", &call.id, &message.text()))
            .into()
    });
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door).kafka_out(
        "it/out",
        &broker.address(),
        "exactly-once",
    );
    let application = Application::new(&module).with(&["--epoch", "100ms"]);
    let begun = Instant::now();
    let node = application.start();
    let started = begun.elapsed();
    let clients: Vec<_> = (0..4)
        .map(|client| {
            std::thread::spawn(move || {
                let http = Http::default();
                let (mut sent, mut latencies) = (0u32, Vec::new());
                while begun.elapsed() < away {
                    let asked = Instant::now();
                    let url = format!("http://127.0.0.1:{door}/it/writer/client{client}");
                    assert_eq!(http.post_text(&url, &sent.to_string()).status, 200);
                    latencies.push(asked.elapsed());
                    sent += 1;
                    std::thread::sleep(Duration::from_millis(pause));
                }
                (sent, latencies)
            })
        })
        .collect();
    let (sent, latencies): (Vec<u32>, Vec<_>) = clients.into_iter().map(|client| client.join().unwrap()).unzip();
    let latencies = Percentiles::of(latencies.into_iter().flatten().collect());
    let total: u32 = sent.iter().sum();
    let owed = node.metric("statefun_egress_outbox_records", "it/out");
    let ready = Http::default().get(&format!("http://{}/readyz", node.admin_address())).status;

    broker.restart();
    let back = Instant::now();
    let records = broker.client().read("late", total as usize, Duration::from_secs(120));
    let drained = back.elapsed();
    println!(
        "the broker is away for {away:?}: ready after {started:.1?}, {total} posts answered, p50 {:.1?}, p99 {:.1?}, \
         longest {:.1?}; {owed} records owed, all read {drained:.1?} after its return",
        latencies.at(0.5),
        latencies.at(0.99),
        latencies.at(1.0)
    );
    let mut of_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for record in &records {
        of_key.entry(record.key.clone().unwrap()).or_default().push(record.text().parse().unwrap());
    }
    for (client, sent) in sent.into_iter().enumerate() {
        assert_eq!(of_key[&format!("client{client}")], (0..sent).collect::<Vec<_>>(), "each once, in order");
    }
    assert!(started < Duration::from_secs(10), "the start waited for the broker: {started:?}");
    assert!(latencies.at(0.99) < Duration::from_secs(1), "posts waited for the broker");
    assert_eq!((owed, ready), (f64::from(total), 200));
}
