//! Files: read once, and followed.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use statefun::EventTime;
use statefun_ingress::file::{EventTimeField, EventTimeFormat, FileSource, Format, Options, TextKey};
use statefun_ports::source::{Position, SourceRecord};
use support::{Running, keyed, position, symbol, values};

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with(content: &str) -> Self {
        let fixture = Self::new();
        fs::write(fixture.path(), content).unwrap();
        fixture
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    fn append(&self, text: &str) {
        append(&self.path(), text);
    }

    fn options(&self, format: Format) -> Options {
        Options { poll_interval: Duration::from_millis(5), ..Options::new(symbol("test/file"), self.path(), format) }
    }

    fn start(&self, options: Options, positions: Vec<Position>) -> Running {
        support::start(FileSource::new(options), positions)
    }

    fn follow(&self, positions: Vec<Position>) -> Running {
        self.start(Options { follow: true, ..self.options(lines()) }, positions)
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn lines() -> Format {
    Format::Text { key: TextKey::Number }
}

fn jsonl() -> Format {
    Format::Jsonl { key: "user".to_owned() }
}

fn csv() -> Format {
    Format::Csv { key: "user".to_owned() }
}

async fn read(fixture: &Fixture, options: Options) -> Vec<SourceRecord> {
    let (records, end) = fixture.start(options, vec![]).rest().await;
    end.unwrap();
    records
}

#[tokio::test]
async fn a_file_read_once_is_a_stream_that_ends_with_or_without_a_last_newline() {
    for content in ["one\ntwo\r\n\nfour\n", "one\ntwo\n\nfour"] {
        let fixture = Fixture::with(content);
        let records: Vec<_> = read(&fixture, fixture.options(lines())).await.into_iter().map(keyed).collect();
        assert_eq!(values(&records), ["one", "two", "four"]);
        assert_eq!(records[2].key.as_deref(), Some("4"), "blank lines count, yet are no records");
        assert_eq!(records[2].event_time, EventTime::NONE);
    }
}

#[tokio::test]
async fn reading_goes_on_behind_any_record_exactly() {
    let content: String = (0..1500).map(|n| format!("{{\"user\":\"u{}\",\"n\":{n}}}\n", n % 7)).collect();
    let fixture = Fixture::with(&content);
    let whole: Vec<_> = read(&fixture, fixture.options(jsonl())).await.into_iter().map(keyed).collect();
    assert_eq!(whole.len(), 1500);
    for at in [0, 1, 511, 512, 1498, 1499] {
        let running = fixture.start(fixture.options(jsonl()), vec![whole[at].position.clone()]);
        let (rest, end) = running.rest().await;
        end.unwrap();
        assert_eq!(rest.into_iter().map(keyed).collect::<Vec<_>>(), whole[at + 1..]);
    }
}

#[tokio::test]
async fn what_is_malformed_is_handed_over_with_file_and_line_and_reading_goes_on() {
    let fixture = Fixture::with("{\"user\":\"ann\"}\nnonsense\n{\"user\":\"bob\"}\n");
    let records = read(&fixture, fixture.options(jsonl())).await;
    let SourceRecord::Malformed { detail, raw, position } = &records[1] else { panic!("{records:?}") };
    assert!(detail.starts_with(&format!("{}:2: not JSON", fixture.path().display())), "{detail}");
    assert_eq!(raw, "nonsense");
    assert!(position.next.starts_with("24;line=2"), "{}", position.next);
    assert_eq!(keyed(records[2].clone()).key.as_deref(), Some("bob"));
}

#[tokio::test]
async fn csv_rows_may_span_lines_and_the_header_is_known_after_a_restart() {
    let fixture = Fixture::with("\u{feff}at,user,text\r\n1,ann,\"two\nlines\"\r\n2,bob,5\" pipe\r\n3,eve,\r\n");
    let mut options = fixture.options(csv());
    options.event_time = Some(EventTimeField { field: "at".to_owned(), format: EventTimeFormat::Seconds });
    let records: Vec<_> = read(&fixture, options.clone()).await.into_iter().map(keyed).collect();
    assert_eq!(
        values(&records),
        [
            r#"{"at":"1","user":"ann","text":"two\nlines"}"#,
            r#"{"at":"2","user":"bob","text":"5\" pipe"}"#,
            r#"{"at":"3","user":"eve","text":""}"#,
        ]
    );
    assert_eq!(records[1].event_time, EventTime(2000));
    let (rest, end) = fixture.start(options, vec![records[0].position.clone()]).rest().await;
    end.unwrap();
    assert_eq!(rest.into_iter().map(keyed).collect::<Vec<_>>(), records[1..]);
}

#[tokio::test]
async fn a_quote_that_is_never_closed_costs_one_line_not_the_file() {
    let fixture = Fixture::with("user,text\nann,\"open\nbob,fine\n");
    let records = read(&fixture, fixture.options(csv())).await;
    assert!(
        matches!(&records[0], SourceRecord::Malformed { detail, .. } if detail.contains(":2: a quote")),
        "{records:?}"
    );
    assert_eq!(keyed(records[1].clone()).key.as_deref(), Some("bob"));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_malformed_and_skipped() {
    let fixture = Fixture::with(&format!("{}\nshort\n", "x".repeat(5000)));
    let options = Options { record_bytes_max: 1000, ..fixture.options(lines()) };
    let records = read(&fixture, options).await;
    assert!(matches!(&records[0], SourceRecord::Malformed { raw, .. } if raw.len() == 1001), "{records:?}");
    let second = keyed(records[1].clone());
    assert_eq!((second.value.as_deref(), second.key.as_deref()), (Some("short"), Some("2")));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_as_told_says_why() {
    let fixture = Fixture::new();
    let missing = fixture.start(fixture.options(lines()), vec![]).end().await.unwrap_err();
    assert!(!missing.retryable && missing.message.contains("there is no file"), "{missing}");

    let fixture = Fixture::with("name,amount\nann,1\n");
    let header = fixture.start(fixture.options(csv()), vec![]).end().await.unwrap_err();
    assert!(header.message.contains("no column \"user\"; the header names name, amount"), "{header}");

    let path = fixture.path().to_string_lossy().into_owned();
    let beyond = fixture.start(fixture.options(lines()), vec![position(&path, 1000)]).end().await.unwrap_err();
    assert!(!beyond.retryable && beyond.message.contains("another file took its place"), "{beyond}");
}

#[tokio::test]
async fn a_followed_file_hands_a_line_over_when_its_newline_is_there() {
    let fixture = Fixture::new();
    let mut running = fixture.follow(vec![]);
    fixture.append("one\ntw");
    assert_eq!(values(&running.take(1).await), ["one"]);
    assert!(running.is_quiet().await, "the second line is not finished");
    fixture.append("o\nthree\n");
    assert_eq!(values(&running.take(2).await), ["two", "three"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_followed_file_that_is_rotated_is_read_to_its_end_first() {
    let fixture = Fixture::with("one\n");
    let mut running = fixture.follow(vec![]);
    let first = running.take(1).await;
    fs::rename(fixture.path(), fixture.folder.path().join("events.1")).unwrap();
    append(&fixture.folder.path().join("events.1"), "two\nunfinished");
    fixture.append("three\n");
    let rest = running.take(3).await;
    assert_eq!(values(&rest), ["two", "unfinished", "three"]);
    assert_eq!(rest[2].key.as_deref(), Some("1"), "lines are counted anew");
    running.stop().await.unwrap();

    // The same while nobody is reading: the old file is found under its new name.
    let mut running = fixture.follow(vec![first[0].position.clone()]);
    assert_eq!(values(&running.take(3).await), ["two", "unfinished", "three"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_followed_file_that_is_cut_short_is_read_from_its_beginning() {
    let fixture = Fixture::with("one\ntwo\n");
    let mut running = fixture.follow(vec![]);
    running.take(2).await;
    fs::write(fixture.path(), "new\n").unwrap();
    assert_eq!(values(&running.take(1).await), ["new"]);
    running.stop().await.unwrap();
}
