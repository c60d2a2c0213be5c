//! Savepoints: taken while work goes on, begun with by another number of shards, by another module, in another place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Broker, Call, Documents, Effects, FunctionServer, Http, Node, statefun,
};
use statefun_protocol::types;

const REST: Duration = Duration::from_secs(60);
const CLIENTS: usize = 6;

/// Takes a savepoint and says where it is.
fn create(application: &Application, node: &Node, more: &[&str]) -> PathBuf {
    let arguments = [&["savepoint", "create", "--admin", node.admin_address(), "-o", "json"], more].concat();
    let output = statefun(&arguments);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    application.data_dir().join(answer["path"].as_str().unwrap())
}

/// The same module in a new folder, begun with a savepoint.
fn begun_with(savepoint: &Path, module: &Documents, more: &[&str]) -> Application {
    Application::new(module).with(&["--from-savepoint", savepoint.to_str().unwrap()]).with(more)
}

/// Counts, and tells `it/total` at once and `it/late` later, so that a cut has to hold what is on its way.
fn teller(call: &Call) -> Answer {
    if let Some(incomplete) = call.missing(&[("seen", types::INT)]) {
        return incomplete;
    }
    let mut effects = Effects::new().set_int("seen", call.int("seen") + call.messages.len() as i32);
    let text = types::encode_string("x");
    for _ in call.messages.iter().filter(|_| call.function == "it/first") {
        let (later, late) = (Duration::from_millis(300), ("it/late", "all"));
        effects = effects.send_text("it/total", "all", "x").send_after(later, late, (types::STRING, &text), "");
    }
    effects.into()
}

#[test]
fn what_was_acknowledged_is_in_and_what_was_on_its_way_arrives_with_other_shards() {
    let server = FunctionServer::start(teller);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module).with(&["--epoch", "20ms", "--shards", "2"]);
    let node = application.start();
    let is_over = Arc::new(AtomicBool::new(false));
    let acknowledged: Vec<_> = (0..CLIENTS).map(|_| Arc::new(AtomicI64::new(0))).collect();
    let clients: Vec<_> = acknowledged
        .iter()
        .enumerate()
        .map(|(number, acknowledged)| {
            let (is_over, acknowledged) = (Arc::clone(&is_over), Arc::clone(acknowledged));
            std::thread::spawn(move || {
                let http = Http::default();
                let url = format!("http://127.0.0.1:{door}/it/first/{number}");
                while !is_over.load(Ordering::Relaxed) {
                    let answer = http.post_text(&url, "x");
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    let told = || acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let before = told();
    let savepoint = create(&application, &node, &[]);
    let after = told();
    is_over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    node.kill();

    for shards in ["1", "5"] {
        let restored = begun_with(&savepoint, &module, &["--shards", shards]);
        let node = restored.start();
        let counts = node.counts("it/first", "seen");
        for number in 0..CLIENTS {
            let count = counts[&number.to_string()];
            let bounds = before[number]..=after[number] + 1;
            assert!(bounds.contains(&count), "client {number} counts {count}, acknowledged were {bounds:?}");
        }
        let sum = counts.values().sum();
        println!("{shards} shards: {sum} events in the savepoint");
        node.await_state(REST, "it/total", "all", "seen", sum);
        node.await_state(REST, "it/late", "all", "seen", sum);
        assert_eq!(node.stop().code(), Some(0));
        // What it has now is its own, and a second start goes on from that.
        let refused = restored.refused();
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("holds state already"), "{}", refused.stderr);
    }
}

#[test]
fn an_ingress_goes_on_from_the_savepoints_positions_so_that_counts_are_exact() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("saved", 3);
    let server = FunctionServer::start(counter);
    let module = Documents::new().endpoint("it/*", server.port, "").kafka_in(
        &broker.address(),
        "saved",
        &[("saved", "it/record", "it/tally")],
        "startupPosition: {type: earliest}",
    );
    let application = Application::new(&module).with(&["--epoch", "20ms"]);
    let node = application.start();
    let produce = |count: i64| {
        for number in 0..count {
            kafka.produce("saved", None, Some(&format!("key{}", number % 7)), b"x");
        }
        kafka.flush();
    };
    produce(500);
    node.await_state(REST, "it/tally", "key0", "seen", 72);
    let savepoint = create(&application, &node, &["--path", "savepoints/by-name"]);
    assert!(savepoint.ends_with("data/savepoints/by-name"));
    produce(200);
    node.await_state(REST, "it/tally", "key0", "seen", 72 + 29);
    node.kill();

    let node = begun_with(&savepoint, &module, &["--shards", "3"]).start();
    let counts = |total: i64| -> BTreeMap<String, i64> {
        (0..7).map(|key| (format!("key{key}"), (total + 6 - key) / 7)).collect()
    };
    let expected: BTreeMap<_, _> =
        counts(500).into_iter().zip(counts(200)).map(|((key, a), (_, b))| (key, a + b)).collect();
    node.await_state(REST, "it/tally", "key0", "seen", expected["key0"]);
    node.await_rest(REST);
    assert_eq!(node.counts("it/tally", "seen"), expected);
}

#[test]
fn functions_may_come_and_those_that_go_are_listed_and_left_behind_only_if_that_is_allowed() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = |functions: &[&str]| {
        let bound = |module: Documents, function: &&str| module.endpoint(function, server.port, "");
        functions.iter().fold(Documents::new().door(door), bound)
    };
    let application = Application::new(&module(&["it/a", "it/b"]));
    let node = application.start();
    let http = Http::default();
    let post = |function: &str, id: u32| {
        let answer = http.post_text(&format!("http://127.0.0.1:{door}/{function}/{id}?wait=10s"), "x");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    };
    for id in 0..20 {
        post("it/a", id);
    }
    for id in 0..7 {
        post("it/b", id);
    }
    let savepoint = create(&application, &node, &[]);
    let listed = node.admin("/v1/savepoints");
    assert_eq!(listed["savepoints"].as_array().unwrap().len(), 1, "{listed}");
    node.kill();

    let inspected = statefun(&["savepoint", "inspect", savepoint.to_str().unwrap(), "-o", "json"]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    let addresses: Vec<_> =
        inspected["functions"].as_array().unwrap().iter().map(|of| (&of["function"], &of["addresses"])).collect();
    assert_eq!(format!("{addresses:?}"), r#"[(String("it/a"), Number(20)), (String("it/b"), Number(7))]"#);

    let more = begun_with(&savepoint, &module(&["it/a", "it/b", "it/c"]), &[]).start();
    assert_eq!((post("it/a", 3), post("it/c", 3)), ("2".to_owned(), "1".to_owned()));
    more.kill();

    let fewer = begun_with(&savepoint, &module(&["it/a"]), &[]);
    let refused = fewer.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("it/b: 7 addresses with state"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("it/a:"), "{}", refused.stderr);
    let fewer = fewer.with(&["--allow-dropped-state"]).start();
    assert_eq!(post("it/a", 3), "2");
    assert_eq!(fewer.counts("it/b", "seen"), BTreeMap::new());
}

#[test]
fn a_savepoint_that_cannot_be_used_is_refused_before_anything_is_made() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module);
    let node = application.start();
    let nothing = statefun(&["savepoint", "create", "--admin", node.admin_address()]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.stderr.contains("nothing to save"), "{}", nothing.stderr);
    assert_eq!(Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/1"), "x").status, 200);
    let savepoint = create(&application, &node, &["savepoints/one"]);
    let again = statefun(&["savepoint", "create", "savepoints/one", "--admin", node.admin_address()]);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    let outside = statefun(&["savepoint", "create", "../one", "--admin", node.admin_address()]);
    assert_eq!((outside.code, outside.stderr.contains("does not lie below")), (Some(1), true), "{}", outside.stderr);
    node.kill();

    let refused = |application: &Application, why: &str| {
        let refused = application.refused();
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    };
    let nowhere = begun_with(Path::new("/nowhere/at/all"), &module, &[]);
    refused(&nowhere, "is no savepoint");
    assert!(!nowhere.data_dir().exists());
    let other_groups = begun_with(&savepoint, &module, &[]).with_env("STATEFUN__NODE__KEY_GROUPS", "64");
    refused(&other_groups, "configure node.key_groups = 128");

    let part = savepoint.join("part-00000");
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    let damaged = begun_with(&savepoint, &module, &[]);
    refused(&damaged, "part-00000");
    bytes[middle] ^= 1;
    std::fs::write(&part, &bytes).unwrap();
    // The same directory, for nothing of the damaged one was taken.
    let node = damaged.start();
    assert_eq!(node.state("it/a", "1", "seen"), Some(1.into()));
}

#[test]
fn records_that_are_not_published_are_waited_for_unless_that_is_waived() {
    let server = FunctionServer::start(|call: &Call| {
        let told = Effects::new().kafka("it/out", "topic", &call.id, "x");
        told.into()
    });
    let door = free_port();
    // Nobody listens there.
    let broker = format!("127.0.0.1:{}", free_port());
    let module =
        Documents::new().endpoint("it/*", server.port, "").door(door).kafka_out("it/out", &broker, "at-least-once");
    let application = Application::new(&module).with_env("STATEFUN__SAVEPOINTS__WAIT", "500ms");
    let node = application.start();
    for id in 0..3 {
        assert_eq!(Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/{id}"), "x").status, 200);
    }
    node.await_rest_of("it/a", REST);
    let refused = statefun(&["savepoint", "create", "--admin", node.admin_address()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("not published, of it/out"), "{}", refused.stderr);
    let arguments = ["savepoint", "create", "--allow-unpublished", "--admin", node.admin_address(), "-o", "json"];
    let answer: serde_json::Value = serde_json::from_str(&statefun(&arguments).stdout).unwrap();
    assert_eq!(answer["unpublished"], serde_json::json!([{"egress": "it/out", "records": 3}]));
    let savepoint = application.data_dir().join(answer["path"].as_str().unwrap());
    node.kill();
    let node = begun_with(&savepoint, &module, &[]).start();
    assert_eq!(node.metric("statefun_egress_outbox_records", "it/out"), 3.0);
}

#[test]
fn what_is_exported_and_imported_again_is_the_same_and_wrong_lines_are_told() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let application = Application::new(&module);
    let node = application.start();
    for id in 0..30 {
        assert_eq!(Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/{id}"), "x").status, 200);
    }
    node.await_rest_of("it/a", REST);
    let savepoint = create(&application, &node, &[]);
    node.kill();
    let folder = application.folder().to_path_buf();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let done = |arguments: &[&str]| {
        let output = statefun(arguments);
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    };
    done(&["savepoint", "export", savepoint.to_str().unwrap(), "--to", &path("one.jsonl")]);
    done(&["savepoint", "import", &path("one.jsonl"), "--to", &path("copy")]);
    done(&["savepoint", "export", &path("copy"), "--to", &path("two.jsonl")]);
    let lines = std::fs::read_to_string(path("one.jsonl")).unwrap();
    assert_eq!(lines, std::fs::read_to_string(path("two.jsonl")).unwrap());
    for part in ["part-00000", "part-00001"] {
        let (one, two) = (savepoint.join(part), folder.join("copy").join(part));
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap(), "{part}");
    }
    assert!(lines.contains(r#""kind":"value""#) && lines.contains(r#""value":1"#), "{lines}");

    // In any order, in several files, dealt anew.
    let (head, rows) = lines.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().filter(|line| line.contains("\"value\"")).collect();
    rows.reverse();
    std::fs::write(path("a.jsonl"), rows[..10].join("\n")).unwrap();
    std::fs::write(path("b.jsonl"), rows[10..].join("\n")).unwrap();
    let (one, other) = (path("a.jsonl"), path("b.jsonl"));
    done(&["savepoint", "import", &one, &other, "--to", &path("dealt"), "--key-groups", "16"]);
    let other =
        begun_with(&folder.join("dealt"), &module, &["--shards", "3"]).with_env("STATEFUN__NODE__KEY_GROUPS", "16");
    let node = other.start();
    assert_eq!(node.counts("it/a", "seen"), (0..30).map(|id| (id.to_string(), 1)).collect());
    node.kill();

    for (line, why) in [
        (r#"{"kind":"clock","participant":"node","time_ms":1,"tiem":2}"#, "field `tiem` is unknown"),
        (r#"{"kind":"clock","participant":"node"}"#, "field `time_ms` is missing"),
        (rows[0], "it says the same thing as"),
        ("{", "no JSON"),
    ] {
        std::fs::write(path("bad.jsonl"), format!("{head}\n{}\n{line}\n", rows[0])).unwrap();
        let refused = statefun(&["savepoint", "import", &path("bad.jsonl"), "--to", &path("bad")]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(&format!("{}:3: ", path("bad.jsonl"))), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert!(!folder.join("bad").exists());
    }
}

#[test]
fn the_clock_goes_on_from_the_time_that_the_state_has_seen() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().endpoint("it/*", server.port, "").door(door);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // As after a day for which the machine's clock was ahead.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let tomorrow = since.as_millis() as u64 + 86_400_000;
    std::fs::write(path("clock.jsonl"), format!(r#"{{"kind":"clock","participant":"node","time_ms":{tomorrow}}}"#))
        .unwrap();
    assert_eq!(statefun(&["savepoint", "import", &path("clock.jsonl"), "--to", &path("saved")]).code, Some(0));

    let touched = |savepoint: &Path, to: &str| -> Vec<u64> {
        assert_eq!(statefun(&["savepoint", "export", savepoint.to_str().unwrap(), "--to", &path(to)]).code, Some(0));
        let lines = std::fs::read_to_string(path(to)).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter_map(|line| line["touched_ms"].as_u64().or_else(|| line["time_ms"].as_u64())).collect()
    };
    let application = Application::new(&module);
    let first = begun_with(&folder.path().join("saved"), &module, &[]);
    let node = first.start();
    assert_eq!(Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/1?wait=10s"), "x").status, 200);
    let saved = create(&first, &node, &[]);
    node.kill();
    let times = touched(&saved, "one.jsonl");
    assert_eq!(times.len(), 2, "a value and the clock");
    assert!(times.iter().all(|&time| time >= tomorrow), "{times:?} and {tomorrow}");
    let greatest = times.into_iter().max().unwrap();

    // The same state, and nothing but a row of the clock that says so once the value is gone.
    let lines = std::fs::read_to_string(path("one.jsonl")).unwrap();
    let clock: Vec<&str> = lines.lines().filter(|line| line.contains("clock")).collect();
    std::fs::write(path("two.jsonl"), clock.join("\n")).unwrap();
    assert_eq!(statefun(&["savepoint", "import", &path("two.jsonl"), "--to", &path("again")]).code, Some(0));
    drop(application);
    let second = begun_with(&folder.path().join("again"), &module, &[]);
    let node = second.start();
    assert_eq!(Http::default().post_text(&format!("http://127.0.0.1:{door}/it/a/2?wait=10s"), "x").status, 200);
    let saved = create(&second, &node, &[]);
    assert!(touched(&saved, "three.jsonl").iter().all(|&time| time >= greatest));
}
