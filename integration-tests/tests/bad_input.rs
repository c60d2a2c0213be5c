//! Wrong modules, wrong requests, and functions that answer wrongly: each is named, and nobody else suffers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Call, Documents, FunctionServer, Http, Node, eventually, statefun,
};

const SOON: Duration = Duration::from_secs(20);

/// A module with one fault, where it is reported, and a word of the report.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "kind: io.statefun.endpoints.v2/htp\nspec: {}\n",
        "1:7: error[spec::unknown_kind]",
        "io.statefun.endpoints.v2/http",
    ),
    (
        "kind: io.statefun.http.v1/ingress\nspec:\n  adress: 127.0.0.1:1\n",
        "3:3: error[spec::unknown_field]",
        "did you mean `address`",
    ),
    ("kind: io.statefun.http.v1/ingress\nspec:\n  port: many\n", "3:9: error[spec::", "many"),
    (
        "kind: io.statefun.http.v1/ingress\nspec:\n  waitMax: 3 parsecs\n",
        "3:12: error[spec::invalid_duration]",
        "parsecs",
    ),
    (
        "kind: io.statefun.http.v1/ingress\nspec:\n  waitMax: 0s\n",
        "3:12: error[spec::invalid_duration]",
        "spec.waitMax",
    ),
    ("kind: io.statefun.http.v1/ingress\nspec:\n  port: 1\n  port: 2\n", "4:3: error[spec::duplicate_key]", "port"),
    (
        "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: cart\n  urlPathTemplate: http://a/\n",
        "3:14: error[spec::invalid_selector]",
        "cart",
    ),
    ("kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n", "error[spec::missing_field]", "urlPathTemplate"),
    (
        "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: ftp://a/\n",
        "4:20: error[spec::invalid_url]",
        "ftp",
    ),
    (
        "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://a/{name}\n",
        "4:20: error[spec::invalid_url]",
        "{function.name}",
    ),
    (
        "kind: io.statefun.kafka.v1/ingress\nspec:\n  id: a/b\n  address: k:1\n  consumerGroupId: g\n  startupPosition: {type: erliest}\n  topics:\n    - {topic: t, valueType: a/v, targets: [a/f]}\n",
        "6:27: error[spec::invalid_value]",
        "did you mean `earliest`",
    ),
    (
        "kind: io.statefun.stdout.v1/egress\nspec: {id: a/b}\n---\nkind: io.statefun.stdout.v1/egress\nspec: {id: a/b}\n",
        "5:12: error[spec::duplicate_id]",
        "a/b",
    ),
    ("kind: io.statefun.http.v1/ingress\nspec: [port, 1]\n", "2:7: error[spec::wrong_type]", "spec"),
    ("kind: io.statefun.http.v1/ingress\nspec:\n  port: \"1\n", "error[spec::syntax]", "module.yaml:"),
];

#[test]
fn a_wrong_module_is_refused_with_file_line_column_and_the_word_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.yaml");
    for (module, place, word) in FAULTS {
        std::fs::write(&path, module).unwrap();
        for command in [&["check"][..], &["run", "--data-dir", "must-not-be-made"]] {
            let output = statefun(&[command, &[path.to_str().unwrap()]].concat());
            assert_eq!(output.code, Some(2), "{command:?} of {module}\n{}", output.stderr);
            let line = output.stderr.lines().find(|line| line.contains("module.yaml:") && line.contains(place));
            let line = line.unwrap_or_else(|| panic!("no {place} for {module}\n{}", output.stderr));
            assert!(line.contains(word), "no {word:?} in {line:?}");
        }
    }
    assert!(!std::path::Path::new("must-not-be-made").exists());
}

#[test]
fn every_fault_of_a_module_is_reported_at_once_and_as_json_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.yaml");
    let module = "kind: io.statefun.http.v1/ingress\nspec:\n  port: x\n  waitMax: y\n  maxBodyBytes: z\n";
    std::fs::write(&path, module).unwrap();
    let output = statefun(&["check", "-o", "json", path.to_str().unwrap()]);
    assert_eq!(output.code, Some(2));
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert!(report["diagnostics"].as_array().unwrap().len() >= 3, "{report}");
}

#[test]
fn an_unknown_field_of_an_inherited_kind_warns_and_fails_only_when_strict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.yaml");
    let module = Documents::new().endpoint("a/*", 1, "maxNumBatchRequest: 3\n").door(1);
    std::fs::write(&path, module.text()).unwrap();
    let path = path.to_str().unwrap();
    let lenient = statefun(&["check", path]);
    assert_eq!(lenient.code, Some(0), "{}", lenient.stderr);
    assert!(lenient.stderr.contains("maxNumBatchRequests"), "{}", lenient.stderr);
    assert_eq!(statefun(&["check", "--strict", path]).code, Some(2));
}

#[test]
fn kinesis_is_understood_and_refused_with_a_sentence() {
    let spec = "id: it/in\nawsRegion: {type: specific, id: eu-west-1}\nstreams:\n  - {stream: s, valueType: it/v, targets: [it/f]}";
    let module = Documents::new().endpoint("it/*", 1, "").document("io.statefun.kinesis.v1/ingress", spec);
    let application = Application::new(&module);
    let checked = statefun(&["check", application.module().to_str().unwrap()]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stderr.contains("spec::not_served"), "{}", checked.stderr);
    let refused = application.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("Kinesis is understood but not served yet"), "{}", refused.stderr);
}

#[test]
fn wrong_settings_and_wrong_usage_exit_with_two() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("statefun.toml");
    std::fs::write(&config, "[epochs]\nintervall = \"1s\"\n").unwrap();
    let refused = statefun(&["run", "module.yaml", "--config", config.to_str().unwrap()]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("epochs.interval?"), "{}", refused.stderr);
    assert_eq!(statefun(&["run"]).code, Some(2), "no module");
    assert_eq!(statefun(&["fly"]).code, Some(2), "no such command");
    assert_eq!(statefun(&["check", "/nowhere/module.yaml"]).code, Some(2));
    let nobody = statefun(&["functions", "list", "--admin", &format!("127.0.0.1:{}", free_port())]);
    assert_eq!(nobody.code, Some(1), "nobody answers: it failed while running");
}

#[test]
fn a_door_refuses_what_it_cannot_take_and_says_why() {
    let server = FunctionServer::start(counter);
    let port = free_port();
    let module = Documents::new()
        .endpoint("it/counter", server.port, "")
        .document("io.statefun.http.v1/ingress", &format!("port: {port}\nmaxBodyBytes: 1 KiB"));
    let node = Application::new(&module).start();
    let http = Http::default();
    let base = format!("http://127.0.0.1:{port}");
    let text = &[("content-type", "text/plain")][..];
    let large = vec![b'x'; 1025];
    let cases: [(&str, &str, &[u8], u16, &str); 9] = [
        ("POST", "/it/nobody/a", b"x", 404, "unknown-function"),
        ("POST", "/other/counter/a", b"x", 404, "unknown-function"),
        ("POST", "/it/counter", b"x", 404, "bad-path"),
        ("POST", "/it/counter/a/b", b"x", 404, "bad-path"),
        ("POST", "/it/counter/%ff", b"x", 400, "bad-path"),
        ("POST", "/it/counter/a?wait=soon", b"x", 400, "bad-wait"),
        ("POST", "/it/counter/a", b"\xff", 400, "not-text"),
        ("PUT", "/it/counter/a", b"x", 405, "method-not-allowed"),
        ("POST", "/it/counter/a", &large, 413, "body-too-large"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = http.ask(method, &format!("{base}{path}"), text, Some(body)).unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert_eq!(answer.json()["code"], code, "{method} {path}");
    }
    let long = "k".repeat(256);
    for key in ["", &long] {
        let keyed = &[("content-type", "text/plain"), ("idempotency-key", key)][..];
        let answer = http.ask("POST", &format!("{base}/it/counter/a"), keyed, Some(b"x")).unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad-idempotency-key")), "{key:?}");
    }
    let answer = http.get(&format!("{base}/v1/requests/nonsense"));
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("unknown-request")));
    assert_eq!(server.calls(), 0, "none of them became a message");
    assert_eq!(http.ask("POST", &format!("{base}/it/counter/a"), text, Some(&large[..1024])).unwrap().status, 200);
    node.await_state(SOON, "it/counter", "a", "seen", 1);
}

#[test]
fn the_admin_api_is_for_local_programs_and_not_for_pages() {
    let server = FunctionServer::start(counter);
    let node = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(free_port())).start();
    let http = Http::default();
    let url = format!("http://{}/v1/functions/it/counter/a", node.admin_address());
    let body = Some(&br#"{"text": "x"}"#[..]);
    let json = ("content-type", "application/json");
    let ask = |headers: &[(&str, &str)]| http.ask("POST", &url, headers, body).unwrap();
    assert_eq!(ask(&[("content-type", "text/plain")]).status, 415);
    assert_eq!(ask(&[json, ("host", "evil.example")]).status, 403);
    assert_eq!(ask(&[json, ("origin", "http://evil.example")]).status, 403);
    assert!(ask(&[json]).status < 300);
    node.await_state(SOON, "it/counter", "a", "seen", 1);
}

/// Misbehaves until it is told to stop, and counts from then on.
fn ailing(answer: Answer, is_well: &Arc<AtomicBool>) -> FunctionServer {
    let is_well = Arc::clone(is_well);
    FunctionServer::start(
        move |call: &Call| if is_well.load(Ordering::Relaxed) { counter(call) } else { answer.clone() },
    )
}

#[test]
fn an_endpoint_that_misbehaves_is_called_again_and_shown_while_others_go_on() {
    let is_well = Arc::new(AtomicBool::new(false));
    let absent_port = free_port();
    let ailments = [
        ("garbage", Answer::Garbage),
        ("failing", Answer::Status(500)),
        ("gone", Answer::Status(404)),
        ("flooding", Answer::Flood(10 << 20)),
        ("silent", Answer::Hang),
        ("closing", Answer::Close),
        // A server that reports an error with an empty 200 does so without the content type; here it is there, so a
        // late answer beyond the call's budget stands for the slow ones.
        ("late", Answer::Late(Duration::from_millis(1500), Box::new(Answer::Status(503)))),
    ];
    let servers: Vec<_> = ailments.iter().map(|(name, answer)| (*name, ailing(answer.clone(), &is_well))).collect();
    let healthy = FunctionServer::start(counter);
    let door = free_port();
    let transport =
        "transport:\n  type: io.statefun.transports.v1/async\n  call: 400ms\n  payload_max_bytes: 1048576\n";
    let mut module = Documents::new().door(door).endpoint("healthy/*", healthy.port, "");
    module = module.endpoint("absent/*", absent_port, transport);
    for (name, server) in &servers {
        module = module.endpoint(&format!("{name}/*"), server.port, transport);
    }
    let node = Application::new(&module).start();
    let http = Http::default();
    let names: Vec<&str> = servers.iter().map(|(name, _)| *name).chain(["absent"]).collect();
    for name in &names {
        let taken = http.post_text(&format!("http://127.0.0.1:{door}/{name}/counter/a"), "x");
        assert_eq!(taken.status, 200, "{name}: a message is durable even if its function fails");
    }

    for name in &names {
        let function = format!("{name}/counter");
        eventually(SOON, &format!("{name} is called again"), || {
            (node.metric("statefun_remote_invocation_failures_total", &function) >= 2.0).then_some(())
        });
        let shown = node.function(&function);
        assert_eq!(shown["invocations"], 0, "{name}");
        assert_eq!(shown["backlog"], 1, "{name}");
        assert!(shown["last_failure"].as_str().is_some_and(|failure| !failure.is_empty()), "{name}: {shown}");
        println!("{name}: {}", shown["last_failure"]);
    }
    let listed = statefun(&["functions", "list", "--admin", node.admin_address()]).stdout;
    assert!(names.iter().all(|name| listed.contains(&format!("{name}/counter"))), "{listed}");
    for number in 1..=20 {
        let reply = http.post_text(&format!("http://127.0.0.1:{door}/healthy/counter/a?wait=5s"), "x");
        assert_eq!((reply.status, reply.text()), (200, number.to_string()), "others are not affected");
    }

    is_well.store(true, Ordering::Relaxed);
    let _present = FunctionServer::start_at(absent_port, counter);
    for name in &names {
        node.await_state(Duration::from_secs(60), &format!("{name}/counter"), "a", "seen", 1);
    }
}

#[test]
fn a_poison_message_holds_only_its_key_until_the_function_is_mended() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let server = {
        let is_mended = Arc::clone(&is_mended);
        FunctionServer::start(move |call: &Call| {
            let is_poisoned = call.messages.iter().any(|message| message.text() == "poison");
            if is_poisoned && !is_mended.load(Ordering::Relaxed) { Answer::Status(500) } else { counter(call) }
        })
    };
    let door = free_port();
    let node = Application::new(&Documents::new().endpoint("it/*", server.port, "").door(door)).start();
    let http = Http::default();
    let post = |id: &str, text: &str| {
        assert_eq!(http.post_text(&format!("http://127.0.0.1:{door}/it/counter/{id}"), text).status, 200)
    };
    post("held", "fine");
    node.await_state(SOON, "it/counter", "held", "seen", 1);
    post("held", "poison");
    post("held", "fine");
    post("free", "fine");
    node.await_state(SOON, "it/counter", "free", "seen", 1);
    assert_eq!(node.state("it/counter", "held", "seen"), Some(1.into()));
    is_mended.store(true, Ordering::Relaxed);
    node.await_state(SOON, "it/counter", "held", "seen", 3);
    assert!(node.dead_letters().is_empty());
}

#[test]
fn a_poison_message_is_parked_after_its_attempts_where_the_endpoint_says_so() {
    let server = FunctionServer::start(move |call: &Call| {
        let is_poisoned = call.messages.iter().any(|message| message.text() == "poison");
        if is_poisoned { Answer::Status(500) } else { counter(call) }
    });
    let door = free_port();
    let policy = "onFailure:\n  maxAttempts: 3\n  then: park\n";
    let application = Application::new(&Documents::new().endpoint("it/*", server.port, policy).door(door));
    let node = application.start();
    let http = Http::default();
    for text in ["fine", "poison", "fine"] {
        assert_eq!(http.post_text(&format!("http://127.0.0.1:{door}/it/counter/ann"), text).status, 200);
    }
    node.await_state(SOON, "it/counter", "ann", "seen", 2);
    let parked = node.dead_letters();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["target"], "it/counter/ann");
    let text = parked[0].to_string();
    assert!(text.contains("500"), "the letter says why: {text}");
    assert_eq!(node.metric("statefun_function_parked_total", "it/counter"), 1.0);
    // Once an epoch holds it, it is part of the state: there again after a crash, without another attempt.
    let epoch = |node: &Node| node.admin("/v1/status")["epoch"].as_u64();
    let parked_in = epoch(&node);
    eventually(SOON, "an epoch holds it", || (epoch(&node) > parked_in.map(|epoch| epoch + 1)).then_some(()));
    let calls = server.calls();
    node.kill();
    let node = application.start();
    eventually(SOON, "the letter is there again", || (!node.dead_letters().is_empty()).then_some(()));
    node.await_rest(SOON);
    assert_eq!(node.dead_letters().len(), 1);
    assert_eq!(node.state("it/counter", "ann", "seen"), Some(2.into()));
    assert_eq!(server.calls(), calls);
}
