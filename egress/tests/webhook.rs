//! A webhook, with a receiver that answers as told.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use statefun_egress::http::{Options, WebhookSink};
use statefun_protocol::types;
use support::{Said, json, start, symbol, value};

#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A status, and what `Retry-After` says.
type Answer = (u16, Option<&'static str>);

/// Answers with the statuses it was told, then with 200.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), seen: Arc::default() }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn bodies(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.body).collect()
    }

    /// Listens on `port`, or one the system chooses; returns which.
    fn listen(&self, port: u16) -> u16 {
        let receiver = self.clone();
        let app = move || App::new().app_data(web::Data::new(receiver.clone())).default_service(web::to(receive));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", port)).unwrap();
        let port = server.addrs()[0].port();
        tokio::spawn(server.run());
        port
    }
}

async fn receive(receiver: web::Data<Receiver>, request: HttpRequest, body: String) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    receiver.seen.lock().unwrap().push(Seen { at: Instant::now(), headers, body });
    let (status, retry_after) = receiver.answers.lock().unwrap().pop_front().unwrap_or((200, None));
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(seconds) = retry_after {
        response.insert_header(("Retry-After", seconds));
    }
    response.body("said the receiver")
}

fn options(port: u16) -> Options {
    Options {
        backoff_initial: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        ..Options::new(symbol("shop/hook"), format!("http://127.0.0.1:{port}/in"), "7f")
    }
}

#[actix_web::test]
async fn records_are_posted_in_order_with_a_key_that_tells_repetitions() {
    let receiver = Receiver::default();
    let mut options = options(receiver.listen(0));
    options.headers.insert("Authorization".to_owned(), "Bearer x".to_owned());
    let mut running = start(WebhookSink::new(options));
    let text = value(types::STRING, types::encode_string("hi").to_vec());
    running.publish([(7, json(r#"{"n": 1}"#)), (8, text), (9, value("shop/blob", vec![b'?', 1]))]);
    assert_eq!(running.published(3).await, [7, 8, 9]);
    let seen = receiver.seen();
    assert_eq!(receiver.bodies(), [r#"{"n": 1}"#, r#""hi""#, "?\u{1}"]);
    let keys: Vec<_> = seen.iter().map(|seen| seen.header("idempotency-key")).collect();
    assert_eq!(keys, ["7f-shop/hook-7", "7f-shop/hook-8", "7f-shop/hook-9"]);
    let types: Vec<_> = seen.iter().map(|seen| seen.header("content-type")).collect();
    assert_eq!(types, ["application/json", "application/json", "application/octet-stream"]);
    assert_eq!(seen[2].header("statefun-typename"), "shop/blob");
    assert_eq!(seen[0].header("statefun-source"), "shop/cart/ann");
    assert_eq!(seen[0].header("authorization"), "Bearer x");
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn what_may_pass_is_posted_again_under_the_same_key_and_nothing_overtakes_it() {
    let receiver = Receiver::answering([(500, None), (503, None), (429, None)]);
    let mut running = start(WebhookSink::new(options(receiver.listen(0))));
    running.publish([(1, json("1")), (2, json("2"))]);
    assert_eq!(running.published(2).await, [1, 2]);
    assert_eq!(receiver.bodies(), ["1", "1", "1", "1", "2"]);
    assert!(receiver.seen()[..4].iter().all(|seen| seen.header("idempotency-key") == "7f-shop/hook-1"));
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn a_receiver_that_names_a_time_is_left_alone_until_then() {
    let receiver = Receiver::answering([(429, Some("1"))]);
    let mut running = start(WebhookSink::new(options(receiver.listen(0))));
    running.publish([(1, json("1"))]);
    running.published(1).await;
    let seen = receiver.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn a_refusal_rejects_the_record_and_the_next_one_follows() {
    let receiver = Receiver::answering([(422, None), (302, None)]);
    let mut running = start(WebhookSink::new(options(receiver.listen(0))));
    running.publish([(1, json("1")), (2, json("2")), (3, json("3"))]);
    assert!(matches!(running.said().await, Said::Rejected(1, why) if why.contains("422") && why.contains("said the")));
    assert!(matches!(running.said().await, Said::Rejected(2, why) if why.contains("302")));
    assert_eq!(running.published(1).await, [3]);
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn retries_that_are_spent_reject_the_record() {
    let receiver = Receiver::answering([(500, None), (500, None), (500, None)]);
    let mut running = start(WebhookSink::new(Options { retries: Some(2), ..options(receiver.listen(0)) }));
    running.publish([(1, json("1")), (2, json("2"))]);
    assert!(matches!(running.said().await, Said::Rejected(1, why) if why.contains("given up after 3 attempts")));
    assert_eq!(running.published(1).await, [2]);
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn a_receiver_that_is_away_costs_time_only_and_a_stop_does_not_wait_for_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut running = start(WebhookSink::new(options(port)));
    running.publish([(1, json("1"))]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(running.silent());
    let receiver = Receiver::default();
    receiver.listen(port);
    assert_eq!(running.published(1).await, [1]);
    running.stop().await.unwrap();

    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let running = start(WebhookSink::new(options(away)));
    running.publish([(2, json("2"))]);
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn a_header_that_cannot_be_sent_is_named() {
    let mut options = options(1);
    options.headers.insert("no header".to_owned(), "x".to_owned());
    let error = start(WebhookSink::new(options)).end().await.unwrap_err();
    assert!(!error.retryable && error.message.contains("\"no header\""), "{error}");
}
