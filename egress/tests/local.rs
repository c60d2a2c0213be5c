//! Sinks that need no network: files, standard output, stores.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use statefun::{DeadLetter, DeadLetterCause, EgressRecord};
use statefun_egress::dead_letters::{self, DeadLetterSink, DeadLetters};
use statefun_egress::file::{self, FileSink};
use statefun_egress::playground::{PlaygroundSink, PlaygroundStore, Take, serve};
use statefun_egress::render;
use statefun_egress::stdout::{self, StdoutSink};
use statefun_protocol::types;
use support::{Running, Said, json, kafka, start, symbol, value};

// ---- Rendering ------------------------------------------------------------------------------------------------------

#[test]
fn built_in_values_become_json_scalars_json_passes_through_and_the_rest_is_base64() {
    let lines = [
        (value(types::BOOL, types::encode_bool(true).to_vec()), "true", "true"),
        (value(types::INT, types::encode_int(-2).to_vec()), "-2", "-2"),
        (value(types::LONG, types::encode_long(1 << 60).to_vec()), "1152921504606846976", "1152921504606846976"),
        (value(types::FLOAT, types::encode_float(0.1).to_vec()), "0.1", "0.1"),
        (value(types::DOUBLE, types::encode_double(f64::INFINITY).to_vec()), r#""inf""#, "inf"),
        (value(types::STRING, types::encode_string("hé\n").to_vec()), r#""hé\n""#, r"hé\n"),
        (json("{\n \"a\": 1 }\n"), r#"{"a":1}"#, r#"{\n "a": 1 }"#),
        (value("shop/blob", vec![0xff, 0]), r#"{"base64":"/wA=","typename":"shop/blob"}"#, ""),
    ];
    for (record, as_json, as_text) in lines {
        assert_eq!(render::json(&record).to_string(), as_json);
        if !as_text.is_empty() {
            assert_eq!(render::text_line(&record), as_text);
        }
    }
    let key = kafka("t", Some("k"), "plain");
    assert_eq!(render::json(&key).to_string(), r#"{"key":"k","topic":"t","value":"plain"}"#);
}

// ---- Files ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_line_counts_as_published_when_it_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let options = file::Options::new(symbol("test/file"), &path, file::Format::Jsonl);
    let mut running = start(FileSink::new(options.clone()));
    running.publish([(1, json(r#"{"n":1}"#)), (2, json(r#"{"n":2}"#))]);
    assert_eq!(running.published(2).await, [1, 2]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
    running.stop().await.unwrap();

    let mut again = start(FileSink::new(options));
    again.publish([(3, json("3"))]);
    again.published(1).await;
    again.stop().await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":2}\n3\n");
}

#[tokio::test]
async fn csv_rows_follow_the_columns_and_what_has_none_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let columns = ["user", "amount"].map(str::to_owned).to_vec();
    let mut running = start(FileSink::new(file::Options::new(symbol("t/f"), &path, file::Format::Csv { columns })));
    running.publish([(1, json(r#"{"amount":2.5,"user":"a,b"}"#)), (2, json("7")), (3, json(r#"{"user":"c"}"#))]);
    assert!(matches!(running.said().await, Said::Rejected(2, why) if why.contains("JSON object")));
    assert_eq!(running.published(2).await, [1, 3]);
    running.stop().await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "user,amount\n\"a,b\",2.5\nc,\n");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_costs_time_only_and_a_stop_leaves_what_is_owed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::create_dir(&path).unwrap();
    let options = file::Options {
        backoff_max: Duration::from_millis(20),
        ..file::Options::new(symbol("test/file"), &path, file::Format::Text)
    };
    let mut running = start(FileSink::new(options.clone()));
    running.publish([(1, json("1"))]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(running.silent());
    std::fs::remove_dir(&path).unwrap();
    assert_eq!(running.published(1).await, [1]);
    running.stop().await.unwrap();

    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let running = start(FileSink::new(options));
    running.publish([(2, json("2"))]);
    running.stop().await.unwrap();
}

// ---- Standard output ------------------------------------------------------------------------------------------------

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut screen = self.0.lock().unwrap();
        screen.1 = screen.0.clone();
        Ok(())
    }
}

#[tokio::test]
async fn a_line_is_printed_and_flushed_before_it_is_published() {
    for (format, expected) in [(stdout::Format::Text, "hi\n{\"a\":1}\n"), (stdout::Format::Json, "\"hi\"\n{\"a\":1}\n")]
    {
        let screen = Screen::default();
        let options = stdout::Options { id: symbol("test/stdout"), format };
        let mut running = start(StdoutSink::to(options, Box::new(screen.clone())));
        running.publish([(1, value(types::STRING, types::encode_string("hi").to_vec())), (2, json("{\"a\":1}"))]);
        assert_eq!(running.published(2).await, [1, 2]);
        assert_eq!(String::from_utf8(screen.0.lock().unwrap().1.clone()).unwrap(), expected);
        running.stop().await.unwrap();
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_output_ends_the_sink_with_nothing_published() {
    let options = stdout::Options { id: symbol("test/stdout"), format: stdout::Format::Text };
    let mut running = start(StdoutSink::to(options, Box::new(Closed)));
    running.publish([(1, json("1"))]);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(running.silent());
    assert!(running.end().await.unwrap_err().message.contains("standard output"));
}

// ---- Playground -----------------------------------------------------------------------------------------------------

fn payload(topic: &str, text: &str) -> EgressRecord {
    EgressRecord::Playground { topic: symbol(topic), payload: Bytes::copy_from_slice(text.as_bytes()) }
}

fn playground(store: &Arc<PlaygroundStore>) -> Running {
    start(PlaygroundSink::new(symbol("io.statefun.playground/egress"), Arc::clone(store)))
}

async fn until_waiting(store: &PlaygroundStore, topic: &str, count: usize) {
    for _ in 0..1000 {
        if store.waiting(topic) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{topic} holds {}, not {count}", store.waiting(topic));
}

#[tokio::test]
async fn a_payload_is_published_when_a_reader_took_it() {
    let store = Arc::new(PlaygroundStore::new(["a", "b"].map(str::to_owned)));
    let mut running = playground(&store);
    running.publish([(1, payload("a", "1")), (2, payload("b", "2")), (3, payload("a", "3"))]);
    until_waiting(&store, "a", 2).await;
    assert!(running.silent(), "nobody has read yet");
    assert_eq!(store.take("a"), Take::Payload(Bytes::from("1")));
    assert_eq!(running.published(1).await, [1]);
    assert_eq!(store.take("a"), Take::Payload(Bytes::from("3")));
    assert_eq!(store.take("a"), Take::Empty);
    assert_eq!(store.take("x"), Take::UnknownTopic);
    assert_eq!(running.published(1).await, [3]);
    running.stop().await.unwrap();

    // After a crash the engine gives again what nobody took; it must not be there twice.
    let running = playground(&store);
    running.publish([(2, payload("b", "2"))]);
    tokio::task::yield_now().await;
    running.stop().await.unwrap();
    assert_eq!(store.take("b"), Take::Payload(Bytes::from("2")));
    assert_eq!(store.take("b"), Take::Empty);
}

#[tokio::test]
async fn a_full_topic_drops_and_an_unknown_one_rejects() {
    let store = Arc::new(PlaygroundStore::with_capacity(["a".to_owned()], 1));
    let mut running = playground(&store);
    running.publish([(1, payload("a", "1")), (2, payload("a", "2")), (3, payload("x", "3"))]);
    assert_eq!(running.said().await, Said::Published(2));
    assert!(matches!(running.said().await, Said::Rejected(3, _)));
    assert_eq!((store.dropped(), store.waiting("a")), (1, 1));
    running.stop().await.unwrap();
}

#[actix_web::test]
async fn topics_are_read_over_http_with_real_statuses_and_the_status_header() {
    let store = Arc::new(PlaygroundStore::new(["greetings".to_owned()]));
    let running = playground(&store);
    running.publish([(1, payload("greetings", "Grüße"))]);
    until_waiting(&store, "greetings", 1).await;
    let bound = serve(Arc::clone(&store), 0).unwrap();
    let handle = bound.server.handle();
    let server = tokio::spawn(bound.server);
    let base = format!("http://127.0.0.1:{}", bound.address.port());
    let get = async |path: &str| {
        let response = reqwest::get(format!("{base}/{path}")).await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(response.headers()["status"].to_str().unwrap(), status.to_string());
        (status, response.headers().contains_key("content-type"), response.text().await.unwrap())
    };
    assert_eq!(get("greetings").await, (200, false, "Grüße".to_owned()));
    assert_eq!(get("greetings").await, (404, false, String::new()));
    assert_eq!(get("elsewhere").await, (405, false, String::new()));
    handle.stop(false).await;
    server.await.unwrap().unwrap();
    running.stop().await.unwrap();
}

// ---- Dead letters ---------------------------------------------------------------------------------------------------

fn letter(n: u64) -> EgressRecord {
    EgressRecord::DeadLetter(Box::new(DeadLetter {
        cause: DeadLetterCause::Malformed,
        detail: format!("letter {n}"),
        origin: "test".to_owned(),
        envelope: None,
        raw: None,
    }))
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_and_owed_until_somebody_removes_them() {
    let letters = Arc::new(DeadLetters::new());
    let mut running = start(DeadLetterSink::new(symbol("test/letters"), Arc::clone(&letters)));
    running.publish((1..=5).map(|n| (n * 10, letter(n))));
    while letters.len() < 5 {
        tokio::task::yield_now().await;
    }
    let page = |after, limit| letters.list(after, limit).into_iter().map(|kept| kept.seq).collect::<Vec<_>>();
    assert_eq!((page(None, 2), page(Some(20), 2), page(Some(50), 2)), (vec![10, 20], vec![30, 40], vec![]));
    assert_eq!(letters.get(30).unwrap().detail, "letter 3");
    assert!(running.silent());
    assert!(letters.remove(30) && !letters.remove(30));
    assert_eq!(running.published(1).await, [30]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn newer_letters_displace_the_oldest_which_are_then_no_longer_owed() {
    let letters = Arc::new(DeadLetters::new());
    let mut running = start(DeadLetterSink::new(symbol("test/letters"), Arc::clone(&letters)));
    let count = dead_letters::CAPACITY as u64 + 3;
    running.publish((1..=count).map(|n| (n, letter(n))));
    assert_eq!(running.published(3).await, [1, 2, 3]);
    assert_eq!((letters.len(), letters.displaced()), (dead_letters::CAPACITY, 3));
    assert_eq!(letters.list(None, 1)[0].seq, 4);
    running.stop().await.unwrap();
}
