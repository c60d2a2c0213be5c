//! Callers who come back: with the same `Idempotency-Key`, or for a late answer; over kills and rescaling, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use integration_tests::harness::functions::{Answer, Call, counter};
use integration_tests::harness::ports::free_port;
use integration_tests::harness::{Application, Documents, FunctionServer, Http, Response, eventually};

const SOON: Duration = Duration::from_secs(20);

struct Shop {
    application: Application,
    server: FunctionServer,
    base: String,
    http: Http,
    /// While closed, every call takes a second and is then tried again.
    is_open: Arc<AtomicBool>,
}

impl Shop {
    fn new(more: &str) -> Self {
        let is_open = Arc::new(AtomicBool::new(true));
        let gate = Arc::clone(&is_open);
        let server =
            FunctionServer::start(
                move |call: &Call| {
                    if gate.load(Ordering::Relaxed) { counter(call) } else { Answer::Status(503) }
                },
            );
        let door = free_port();
        let ingress = format!("port: {door}\n{more}");
        let module =
            Documents::new().endpoint("it/*", server.port, "").document("io.statefun.http.v1/ingress", &ingress);
        let application = Application::new(&module);
        Self { application, server, base: format!("http://127.0.0.1:{door}"), http: Http::default(), is_open }
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    fn post(&self, path: &str, key: &str, body: &str) -> Response {
        let mut headers = vec![("content-type", "text/plain")];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        let url = format!("{}/it/counter/{path}", self.base);
        self.http.ask("POST", &url, &headers, Some(body.as_bytes())).unwrap()
    }

    /// Where a 202 says that the answer will be.
    fn location(&self, answer: &Response) -> String {
        assert_eq!(answer.status, 202, "{}", answer.text());
        format!("{}{}", self.base, answer.header("location").unwrap())
    }

    fn await_reply(&self, location: &str, reply: &str) {
        eventually(SOON, "the reply is there", || {
            let answer = self.http.get(location);
            assert!(matches!(answer.status, 200 | 202), "{} {}", answer.status, answer.text());
            (answer.status == 200).then(|| assert_eq!(answer.text(), reply))
        });
    }
}

#[test]
fn a_message_is_handled_once_under_its_key_over_kills_and_rescaling() {
    let shop = Shop::new("");
    let mut node = shop.application.start();
    for _ in 0..3 {
        let answer = shop.post("ann?wait=10s", "order 1", "pen");
        assert_eq!((answer.status, answer.text().as_str()), (200, "1"));
        assert_eq!(shop.post("bob", "order 1", "pen").status, 200, "another instance, another key");
    }
    let conflict = shop.post("ann?wait=10s", "order 1", "ink");
    assert_eq!((conflict.status, conflict.json()["code"].as_str()), (422, Some("idempotency-conflict")));
    assert_eq!(shop.post("ann?wait=10s", "order 2", "ink").text(), "2");

    for shards in ["1", "4", "2"] {
        node.kill();
        let application = shop.application.again(&["--shards", shards]);
        node = application.start();
        assert_eq!(shop.post("ann?wait=10s", "order 1", "pen").text(), "1", "{shards} shards");
        assert_eq!(shop.post("ann", "order 2", "ink").text(), "2", "the stored answer, whoever asks");
        assert_eq!(shop.post("ann?wait=10s", "order 1", "ink").status, 422);
        assert_eq!(shop.post("bob", "order 1", "pen").status, 200);
    }
    node.await_state(SOON, "it/counter", "ann", "seen", 2);
    node.await_state(SOON, "it/counter", "bob", "seen", 1);
}

#[test]
fn a_repetition_in_flight_waits_for_the_reply_to_the_first_after_a_kill_too() {
    let shop = Shop::new("");
    let node = shop.application.start();
    shop.close();
    let first = shop.location(&shop.post("ann?wait=2s", "k", "pen"));
    let second = shop.location(&shop.post("ann?wait=2s", "k", "pen"));
    assert_eq!(first, second, "one request, one place for its answer");
    assert_eq!(shop.post("ann", "k", "pen").status, 200, "it is durable, and nobody asked for more");
    node.kill();
    let node = shop.application.start();
    let waiting = std::thread::spawn({
        let (http, url) = (shop.http.clone(), format!("{}/it/counter/ann?wait=30s", shop.base));
        let headers = [("content-type", "text/plain"), ("idempotency-key", "k")];
        move || http.ask("POST", &url, &headers, Some(b"pen")).unwrap()
    });
    std::thread::sleep(Duration::from_millis(500));
    shop.open();
    let answer = waiting.join().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "1"));
    shop.await_reply(&first, "1");
    node.await_state(SOON, "it/counter", "ann", "seen", 1);
}

#[test]
fn a_late_answer_is_found_where_the_202_says_over_kills_before_and_after_it() {
    let shop = Shop::new("");
    let mut node = shop.application.start();
    shop.close();
    let location = shop.location(&shop.post("ann?wait=2s", "", "pen"));
    let pending = shop.http.get(&location);
    assert_eq!((pending.status, pending.json()["state"].as_str()), (202, Some("pending")));
    node.kill();
    node = shop.application.start();
    assert_eq!(shop.http.get(&location).status, 202, "what is durable says that it is pending");
    let admin = node.admin(location.strip_prefix(&shop.base).unwrap());
    assert_eq!(admin["state"], "pending");
    shop.open();
    shop.await_reply(&location, "1");
    let calls = shop.server.calls();
    node.kill();
    node = shop.application.start();
    assert_eq!(shop.http.get(&location).text(), "1", "the reply is durable");
    assert_eq!(node.admin(location.strip_prefix(&shop.base).unwrap())["state"], "answered");
    assert_eq!(shop.server.calls(), calls, "nothing was handled again");
    let nobody = format!("{}/v1/requests/{:032x}-{:016x}", shop.base, 1, 1);
    let unknown = shop.http.get(&nobody);
    assert_eq!((unknown.status, unknown.json()["code"].as_str()), (404, Some("unknown-request")));
}

#[test]
fn keys_and_late_answers_are_forgotten_when_their_time_is_over() {
    let shop = Shop::new("idempotencyRetention: 4 s");
    let application = shop.application.again(&[]).with_env("STATEFUN__HTTP__REPLY_RETENTION", "1s");
    let _node = application.start();
    assert_eq!(shop.post("ann?wait=3s", "k", "pen").text(), "1");
    assert_eq!(shop.post("ann?wait=3s", "k", "pen").text(), "1");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(shop.post("ann?wait=10s", "k", "pen").text(), "2", "a key of that name is new again");
    shop.close();
    let location = shop.location(&shop.post("ann?wait=3s", "", "pen"));
    shop.open();
    shop.await_reply(&location, "3");
    eventually(SOON, "the reply is forgotten", || (shop.http.get(&location).status == 404).then_some(()));
}

#[test]
fn without_room_for_keys_a_new_one_is_refused_and_an_old_one_still_honoured() {
    let shop = Shop::new("");
    let application = shop.application.again(&["--shards", "1"]).with_env("STATEFUN__LIMITS__REQUESTS_BYTES", "1000B");
    let node = application.start();
    let mut refused = 0;
    for key in 0..6 {
        let answer = shop.post("ann", &format!("key {key}"), "pen");
        match answer.status {
            200 => assert_eq!(refused, 0),
            429 => {
                refused += 1;
                assert_eq!(answer.json()["code"], "too-many-keys");
                assert!(answer.header("retry-after").is_some());
            }
            other => panic!("{other} {}", answer.text()),
        }
    }
    assert!((1..6).contains(&refused), "{refused} of 6");
    assert_eq!(shop.post("ann", "key 0", "pen").status, 200);
    assert_eq!(shop.post("ann", "key 0", "ink").status, 422);
    assert_eq!(shop.post("bob?wait=10s", "", "pen").text(), "1", "without a key there is no limit");
    node.await_state(SOON, "it/counter", "ann", "seen", 6 - refused);
}
