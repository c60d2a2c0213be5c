//! The first minutes with the binary: start, send, look, stop, start again; and what it says when it cannot start.

use std::time::{Duration, Instant};

use integration_tests::harness::functions::counter;
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{
    Answer, Application, Call, Documents, FunctionServer, Http, Output, eventually, statefun,
};

const SOON: Duration = Duration::from_secs(10);

struct Playground {
    application: Application,
    ingress: u16,
    egress: u16,
    http: Http,
}

impl Playground {
    /// The greeter of the examples, compiled into the binary, behind ports of our own.
    fn greeter() -> Self {
        let (ingress, egress) = (free_port(), free_port());
        let module = Documents::new().document("io.statefun.embedded.v1/functions", "functions: example/*").playground(
            ingress,
            egress,
            &["greetings"],
        );
        Self { application: Application::new(&module), ingress, egress, http: Http::default() }
    }

    fn greet(&self, name: &str) {
        let url = format!("http://127.0.0.1:{}/example/person/{name}", self.ingress);
        let body = format!(r#"{{"name": "{name}"}}"#);
        let answer = self.http.send_value("PUT", &url, "example/GreetRequest", body.as_bytes());
        assert_eq!((answer.status, answer.header("status")), (200, Some("200")), "{}", answer.text());
    }

    fn take_greeting(&self) -> String {
        let url = format!("http://127.0.0.1:{}/greetings", self.egress);
        eventually(SOON, "a greeting", || {
            let answer = self.http.get(&url);
            (answer.status == 200).then(|| answer.text())
        })
    }
}

/// A module of one remote function type behind our HTTP door.
fn counting(server: &FunctionServer, door: u16) -> Documents {
    Documents::new().endpoint("it/*", server.port, "").door(door)
}

#[test]
fn the_greeter_greets_and_remembers_across_a_restart() {
    let playground = Playground::greeter();
    let node = playground.application.start();
    for _ in 0..3 {
        playground.greet("Bob");
    }
    let greetings: Vec<_> = (0..3).map(|_| playground.take_greeting()).collect();
    assert_eq!(greetings, ["Welcome Bob", "Nice to see you again Bob", "Third time is a charm Bob"]);
    assert_eq!(node.state("example/person", "Bob", "visits"), Some(3.into()));
    assert_eq!(node.stop().code(), Some(0));

    let node = playground.application.start();
    playground.greet("Bob");
    assert_eq!(playground.take_greeting(), "Nice to see you at the 4-nth time Bob!");
    // And so does one that had no time to say goodbye. What it published last may be published again: the playground's
    // egress is at-least-once.
    node.kill();
    let _node = playground.application.start();
    playground.greet("Bob");
    let fifth = std::iter::repeat_with(|| playground.take_greeting())
        .find(|greeting| greeting != "Nice to see you at the 4-nth time Bob!");
    assert_eq!(fifth.as_deref(), Some("Nice to see you at the 5-nth time Bob!"));
}

#[test]
fn the_playground_answers_with_real_status_codes_and_the_header_scripts_know() {
    let playground = Playground::greeter();
    let _node = playground.application.start();
    let read = |topic: &str| playground.http.get(&format!("http://127.0.0.1:{}/{topic}", playground.egress));
    let empty = read("greetings");
    assert_eq!((empty.status, empty.header("status")), (404, Some("404")));
    let unknown = read("nothing");
    assert_eq!((unknown.status, unknown.header("status")), (405, Some("405")));
    let refused = playground.http.send_value(
        "PUT",
        &format!("http://127.0.0.1:{}/example/person", playground.ingress),
        "example/GreetRequest",
        b"{}",
    );
    assert_eq!(refused.status, 404, "a path without an id");
}

#[test]
fn the_command_line_sends_asks_and_looks() {
    let server = FunctionServer::start(counter);
    let node = Application::new(&counting(&server, free_port())).start();
    let admin = node.admin_address().to_owned();
    let run = |arguments: &[&str]| -> Output {
        let output = statefun(&[arguments, &["--admin", &admin]].concat());
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        output
    };
    assert_eq!(run(&["send", "it/counter/ann", "\"one\""]).stdout.trim(), "durable");
    let answered = run(&["send", "it/counter/ann", "\"two\"", "--wait"]);
    assert_eq!(answered.stdout.trim(), "\"2\"");
    let state = run(&["state", "get", "it/counter/ann"]).stdout;
    assert!(state.lines().any(|line| line.contains("seen") && line.trim_end().ends_with('2')), "{state}");
    let functions = run(&["functions", "list", "-o", "json"]).stdout;
    let functions: serde_json::Value = serde_json::from_str(&functions).unwrap();
    assert_eq!(functions["functions"][0]["function"], "it/counter");
    assert_eq!(functions["functions"][0]["invocations"], 2);
}

#[test]
fn a_door_answers_when_the_message_is_durable_or_with_the_reply() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let application = Application::new(&counting(&server, door));
    let node = application.start();
    let http = Http::default();
    let url = format!("http://127.0.0.1:{door}/it/counter/ann");
    assert_eq!(http.post_text(&url, "one").status, 200);
    // Answered means durable: it is not lost with the process.
    node.kill();
    let _node = application.start();
    let reply = http.post_text(&format!("{url}?wait=10s"), "two");
    assert_eq!((reply.status, reply.text().as_str()), (200, "2"));
}

#[test]
fn a_wait_that_is_too_short_says_whether_the_message_is_safe() {
    let server =
        FunctionServer::start(|call: &Call| Answer::Late(Duration::from_millis(1500), Box::new(counter(call))));
    // A waiting caller does not hurry epochs before there is a reply, so it depends on them what is known in time.
    for (epoch, status) in [("50ms", 202), ("1min", 504)] {
        let door = free_port();
        let node = Application::new(&counting(&server, door)).with(&["--epoch", epoch]).start();
        let late = Http::default().post_text(&format!("http://127.0.0.1:{door}/it/counter/ann?wait=700ms"), "x");
        assert_eq!(late.status, status, "{}", late.text());
        match status {
            202 => assert!(late.header("location").is_some_and(|at| at.starts_with("/v1/requests/")), "{late:?}"),
            _ => assert_eq!(late.json()["code"], "outcome-unknown"),
        }
        node.await_state(SOON, "it/counter", "ann", "seen", 1);
    }
}

#[test]
fn told_to_stop_under_load_it_answers_everybody_and_loses_nothing() {
    let server = FunctionServer::start(counter);
    let door = free_port();
    let application = Application::new(&counting(&server, door));
    let node = application.start();
    let posting: Vec<_> = (0..8)
        .map(|thread| {
            let url = format!("http://127.0.0.1:{door}/it/counter/client{thread}");
            std::thread::spawn(move || {
                let http = Http::default();
                let post = || http.ask("POST", &url, &[("content-type", "text/plain")], Some(b"x"));
                std::iter::repeat_with(post)
                    .take_while(|answer| matches!(answer, Ok(answer) if answer.status == 200))
                    .count()
            })
        })
        .collect();
    eventually(SOON, "there is load", || (server.calls() > 200).then_some(()));
    let begun = Instant::now();
    assert_eq!(node.stop().code(), Some(0));
    println!("stopped under load in {:.1?}", begun.elapsed());
    let acknowledged: Vec<usize> = posting.into_iter().map(|posting| posting.join().unwrap()).collect();
    let node = application.start();
    for (thread, count) in acknowledged.into_iter().enumerate() {
        let seen = || node.state("it/counter", &format!("client{thread}"), "seen").and_then(|seen| seen.as_u64());
        // At most the one that was cut off may be counted without an answer.
        let allowed = count as u64..=count as u64 + 1;
        eventually(SOON, &format!("client{thread} counts {allowed:?}"), || {
            seen().filter(|seen| allowed.contains(seen))
        });
    }
}

#[test]
fn a_second_process_on_a_data_directory_is_refused_and_told_who_has_it() {
    let server = FunctionServer::start(counter);
    let application = Application::new(&counting(&server, free_port()));
    let mut node = application.start();
    let pid = node.process().id().to_string();
    let refused = application.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(refused.stderr.contains(&pid) && refused.stderr.contains(host.trim()), "{}", refused.stderr);
    // The owner goes on as if nothing had happened.
    assert_eq!(node.admin("/readyz")["status"], "ready");
    assert_eq!(node.stop().code(), Some(0));
}

#[test]
fn a_port_in_use_is_named() {
    let server = FunctionServer::start(counter);
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for module in [
        counting(&server, port),
        counting(&server, free_port()).playground(port, free_port(), &["t"]),
        counting(&server, free_port()).playground(free_port(), port, &["t"]),
    ] {
        let refused = Application::new(&module).refused();
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(&port.to_string()), "{}", refused.stderr);
    }
}

#[test]
fn a_data_directory_that_cannot_be_used_is_a_sentence() {
    let server = FunctionServer::start(counter);
    let application = Application::new(&counting(&server, free_port()));
    std::fs::write(application.data_dir(), "a file, not a directory").unwrap();
    let refused = application.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains(&application.data_dir().display().to_string()), "{}", refused.stderr);
}

#[test]
fn what_is_in_effect_can_be_shown_with_its_origin() {
    let shown = statefun(&["run", "nothing.yaml", "--print-config", "--shards", "3"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let line = shown.stdout.lines().find(|line| line.starts_with("node.shards")).unwrap();
    assert!(line.contains("\"3\"") && line.contains("flag --shards"), "{line}");
}
