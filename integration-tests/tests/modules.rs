//! What a module may say, seen from outside: formats, bindings, batches, states, large values, ends of input.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Broker, Call, Documents, Effects, FunctionServer, Http, eventually,
};
use statefun_protocol::types;

const SOON: Duration = Duration::from_secs(20);

/// Tells the caller which function was called, at which path, by which server.
fn named(name: &'static str) -> FunctionServer {
    FunctionServer::start(move |call: &Call| {
        let said = format!("{name} {} {}", call.function, call.path);
        let effects = call.messages.iter().fold(Effects::new(), |effects, message| match &message.caller {
            Some((function, id)) => effects.send_text(function, id, &said),
            None => effects,
        });
        effects.into()
    })
}

#[test]
fn exact_bindings_win_over_namespaces_and_new_types_need_no_restart() {
    let (all, one) = (named("all"), named("one"));
    let door = free_port();
    let url = |port| format!("urlPathTemplate: http://127.0.0.1:{port}/at/{{function.name}}/x?y=1");
    let module = Documents::new()
        .door(door)
        .document("io.statefun.endpoints.v2/http", &format!("functions: it/*\n{}", url(all.port)))
        .document("io.statefun.endpoints.v1/http", &format!("functions: it/special\n{}", url(one.port)));
    let _node = Application::new(&module).start();
    let http = Http::default();
    for (function, expected) in [
        ("special", "one it/special /at/special/x?y=1"),
        ("plain", "all it/plain /at/plain/x?y=1"),
        ("made-up-just-now", "all it/made-up-just-now /at/made-up-just-now/x?y=1"),
    ] {
        let reply = http.post_text(&format!("http://127.0.0.1:{door}/it/{function}/a?wait=10s"), "x");
        assert_eq!((reply.status, reply.text().as_str()), (200, expected));
    }
}

#[test]
fn several_files_make_one_module() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let application = Application::new(&Documents::new().endpoint("it/*", server.port, ""));
    let second = application.folder().join("second.yaml");
    std::fs::write(&second, Documents::new().door(door).text()).unwrap();
    let application = application.with(&[second.to_str().unwrap()]);
    let _node = application.start();
    let reply = Http::default().post_text(&format!("http://127.0.0.1:{door}/it/counter/a?wait=10s"), "x");
    assert_eq!((reply.status, reply.text().as_str()), (200, "1"));
}

#[test]
fn a_module_in_the_format_of_version_3_0_runs() {
    let broker = Broker::shared();
    let kafka = broker.client();
    kafka.create_topic("legacy-in", 1);
    kafka.create_topic("legacy-out", 1);
    kafka.produce("legacy-in", None, Some("ann"), b"hello");
    kafka.flush();
    let server = FunctionServer::start(|call: &Call| {
        Effects::new().kafka("it/out", "legacy-out", &call.id, &call.messages[0].text()).into()
    });
    let module = format!(
        r#"version: "3.0"
module:
  meta:
    type: remote
  spec:
    endpoints:
      - endpoint:
          meta:
            kind: http
          spec:
            functions: it/*
            urlPathTemplate: http://127.0.0.1:{port}/statefun
    ingresses:
      - ingress:
          meta:
            type: io.statefun.kafka/ingress
            id: it/in
          spec:
            address: {address}
            consumerGroupId: legacy
            startupPosition:
              type: earliest
            topics:
              - topic: legacy-in
                valueType: it/text
                targets: [it/echo]
    egresses:
      - egress:
          meta:
            type: io.statefun.kafka/egress
            id: it/out
          spec:
            address: {address}
            deliverySemantic:
              type: at-least-once
"#,
        port = server.port,
        address = broker.address()
    );
    let _node = Application::new(&Documents::from_text(&module)).start();
    let records = kafka.read("legacy-out", 1, SOON);
    assert_eq!((records[0].key.as_deref(), records[0].text().as_str()), (Some("ann"), "hello"));
}

#[test]
fn one_call_is_in_flight_per_address_and_what_waits_travels_together() {
    let in_flight: Arc<[AtomicUsize; 2]> = Arc::default();
    let batches: Arc<Mutex<Vec<usize>>> = Arc::default();
    let server = {
        let (in_flight, batches) = (Arc::clone(&in_flight), Arc::clone(&batches));
        FunctionServer::start(move |call: &Call| {
            let of_id = &in_flight[usize::from(call.id == "b")];
            assert_eq!(of_id.fetch_add(1, Ordering::SeqCst), 0, "two calls at once for {}", call.id);
            std::thread::sleep(Duration::from_millis(20));
            let answer = counter(call);
            batches.lock().unwrap().push(call.messages.len());
            of_id.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    };
    let door = free_port();
    let module = Documents::new().door(door).endpoint("it/*", server.port, "maxNumBatchRequests: 7\n");
    let node = Application::new(&module).start();
    let posting: Vec<_> = (0..16)
        .map(|thread| {
            let url = format!("http://127.0.0.1:{door}/it/counter/{}", if thread % 2 == 0 { "a" } else { "b" });
            std::thread::spawn(move || {
                (0..20).for_each(|_| assert_eq!(Http::default().post_text(&url, "x").status, 200))
            })
        })
        .collect();
    posting.into_iter().for_each(|posting| posting.join().unwrap());
    for id in ["a", "b"] {
        node.await_state(SOON, "it/counter", id, "seen", 160);
    }
    let batches = batches.lock().unwrap();
    println!("320 messages in {} calls, the largest of {:?}", batches.len(), batches.iter().max());
    assert!(batches.iter().all(|size| *size <= 7) && batches.iter().any(|size| *size > 1), "{batches:?}");
}

#[test]
fn a_state_that_a_new_version_declares_is_asked_for_and_the_others_stay() {
    let is_new = Arc::new(AtomicBool::new(false));
    let server = {
        let is_new = Arc::clone(&is_new);
        FunctionServer::start(move |call: &Call| {
            if !is_new.load(Ordering::Relaxed) {
                return counter(call);
            }
            let declared = [("seen", types::INT), ("twice", types::INT)];
            call.missing(&declared).unwrap_or_else(|| {
                let seen = call.int("seen") + call.messages.len() as i32;
                Effects::new().set_int("seen", seen).set_int("twice", seen * 2).into()
            })
        })
    };
    let door = free_port();
    let node = Application::new(&Documents::new().door(door).endpoint("it/*", server.port, "")).start();
    let http = Http::default();
    let post = || assert_eq!(http.post_text(&format!("http://127.0.0.1:{door}/it/counter/a"), "x").status, 200);
    post();
    node.await_state(SOON, "it/counter", "a", "seen", 1);
    is_new.store(true, Ordering::Relaxed);
    post();
    node.await_state(SOON, "it/counter", "a", "twice", 4);
    assert_eq!(node.state("it/counter", "a", "seen"), Some(2.into()));
}

#[test]
fn a_state_of_another_type_is_refused_clearly_and_only_there() {
    let is_new = Arc::new(AtomicBool::new(false));
    let server = {
        let is_new = Arc::clone(&is_new);
        FunctionServer::start(move |call: &Call| {
            if call.function == "it/changed" && is_new.load(Ordering::Relaxed) {
                return Answer::incomplete(&[("seen", types::STRING)]);
            }
            counter(call)
        })
    };
    let door = free_port();
    let application = Application::new(&Documents::new().door(door).endpoint("it/*", server.port, ""));
    let node = application.start();
    let http = Http::default();
    let post = |function: &str| {
        let url = format!("http://127.0.0.1:{door}/it/{function}/a");
        assert_eq!(http.post_text(&url, "x").status, 200);
    };
    post("changed");
    node.await_state(SOON, "it/changed", "a", "seen", 1);
    assert_eq!(node.stop().code(), Some(0));
    is_new.store(true, Ordering::Relaxed);
    let node = application.start();
    post("changed");
    post("other");
    node.await_state(SOON, "it/other", "a", "seen", 1);
    let failure = eventually(SOON, "the failure is shown", || {
        let shown = node.function("it/changed");
        shown["last_failure"].as_str().map(str::to_owned)
    });
    println!("{failure}");
    assert!(failure.contains("seen") && failure.contains(types::INT) && failure.contains(types::STRING), "{failure}");
    assert_eq!(node.state("it/changed", "a", "seen"), Some(1.into()), "what was stored stays");
}

#[test]
fn large_values_pass_through_messages_states_and_replies() {
    let size = 30 << 20;
    let server = FunctionServer::start(|call: &Call| {
        let declared = [("kept", "it/blob")];
        call.missing(&declared).unwrap_or_else(|| {
            let message = &call.messages[0];
            match (&message.caller, call.states["kept"].as_ref()) {
                (Some((function, id)), Some(kept)) => {
                    Effects::new().send_text(function, id, &kept.len().to_string()).into()
                }
                _ => Effects::new().set("kept", "it/blob", &message.value).into(),
            }
        })
    });
    let door = free_port();
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .document("io.statefun.http.v1/ingress", &format!("port: {door}\nmaxBodyBytes: 32 MiB"));
    let application = Application::new(&module);
    let mut node = application.start();
    let http = Http::default();
    let url = format!("http://127.0.0.1:{door}/it/keeper/a");
    let body = vec![b'x'; size];
    assert_eq!(http.send_value("POST", &url, "it/blob", &body).status, 200);
    let reply = http.post_text(&format!("{url}?wait=20s"), "how much?");
    assert_eq!((reply.status, reply.text()), (200, size.to_string()));
    println!("peak RSS {} MiB", node.process().peak_rss_bytes() >> 20);
    node.kill();
    let _node = application.start();
    let reply = http.post_text(&format!("{url}?wait=20s"), "still?");
    assert_eq!((reply.status, reply.text()), (200, size.to_string()), "after a crash");
}

#[test]
fn state_follows_when_the_number_of_shards_changes() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let module = Documents::new().door(door).endpoint("it/*", server.port, "");
    let mut application = Application::new(&module);
    let http = Http::default();
    for (turn, shards) in ["1", "4", "3"].into_iter().enumerate() {
        application = application.with_env("STATEFUN__NODE__SHARDS", shards);
        let node = application.start();
        for id in 0..50 {
            let reply = http.post_text(&format!("http://127.0.0.1:{door}/it/counter/{id}?wait=10s"), "x");
            assert_eq!((reply.status, reply.text()), (200, (turn + 1).to_string()), "with {shards} shards");
        }
        assert_eq!(node.stop().code(), Some(0));
    }
}

#[test]
fn bounded_input_ends_the_process_with_a_summary_and_files_hold_what_functions_wrote() {
    let server = FunctionServer::start(|call: &Call| {
        let written = call.messages.iter().fold(Effects::new(), |effects, message| {
            effects.egress("it/file", types::STRING, &types::encode_string(&format!("{} {}", call.id, message.text())))
        });
        written.into()
    });
    let module = Documents::new()
        .endpoint("it/*", server.port, "")
        .document(
            "io.statefun.file.v1/ingress",
            "id: it/in\npath: in.jsonl\nformat: jsonl\nkey: who\nvalueType: it/line\ntargets: [it/writer]",
        )
        .document("io.statefun.file.v1/egress", "id: it/file\npath: out.txt\nformat: text");
    let application = Application::new(&module);
    std::fs::write(
        application.folder().join("in.jsonl"),
        "{\"who\":\"ann\"}\n{\"who\":\"bob\"}\n{\"nobody\":1}\n{\"who\":\"ann\"}\n",
    )
    .unwrap();
    let mut node = application.launch();
    let status = node.process().wait(SOON);
    assert_eq!(status.code(), Some(0), "{}", node.process().tail(20));
    let summary = node.process().lines().into_iter().find(|line| line.starts_with("stopped at")).unwrap();
    println!("{summary}");
    let mut written: Vec<_> =
        std::fs::read_to_string(application.folder().join("out.txt")).unwrap().lines().map(str::to_owned).collect();
    written.sort();
    assert_eq!(written, [r#"ann {"who":"ann"}"#, r#"ann {"who":"ann"}"#, r#"bob {"who":"bob"}"#]);
}
