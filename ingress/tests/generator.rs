//! Made-up events.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod support;

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use statefun::EventTime;
use statefun_ingress::generator::{EventTimes, GeneratorSource, Options, Template};
use support::{keyed, position, start, symbol};

fn options(count: u64) -> Options {
    Options {
        count: Some(count),
        keys: NonZeroU64::new(5).unwrap(),
        event_times: EventTimes::Counted { start_ms: 1000, step_ms: 0.5 },
        ..Options::new(symbol("test/generator"), Template::parse(r#"{"n":{n},"key":"{key}","x":{random}}"#))
    }
}

async fn all(options: Options) -> Vec<support::Keyed> {
    let (records, end) = start(GeneratorSource::new(options), vec![]).rest().await;
    end.unwrap();
    records.into_iter().map(keyed).collect()
}

#[tokio::test]
async fn the_same_seed_says_the_same_and_another_seed_does_not() {
    let once = all(options(2000)).await;
    assert_eq!(once.len(), 2000);
    assert_eq!(once, all(options(2000)).await);
    assert_ne!(once, all(Options { seed: 1, ..options(2000) }).await);
}

#[tokio::test]
async fn keys_are_spread_and_times_are_counted() {
    let events = all(options(1000)).await;
    for key in 0..5 {
        let count = events.iter().filter(|event| event.key.as_deref() == Some(&*key.to_string())).count();
        assert!((150..=250).contains(&count), "key {key} came {count} times");
    }
    assert_eq!(events[10].event_time, EventTime(1005));
    assert_eq!(events[10].position.next, "11");
}

#[tokio::test]
async fn a_run_from_a_position_says_what_the_first_run_would_have_said() {
    let whole = all(options(700)).await;
    let resumed = start(GeneratorSource::new(options(700)), vec![position("generator", 600)]);
    let (rest, end) = resumed.rest().await;
    end.unwrap();
    assert_eq!(rest.into_iter().map(keyed).collect::<Vec<_>>(), whole[600..]);
}

#[tokio::test]
async fn a_rate_is_kept() {
    let began = Instant::now();
    assert_eq!(all(Options { rate_per_second: Some(1000.0), ..options(300) }).await.len(), 300);
    assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_endless_generator_stops_when_told_even_when_nobody_takes_its_events() {
    let mut running = start(GeneratorSource::new(Options { count: None, ..options(0) }), vec![]);
    running.take(1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_position_that_is_no_number_is_refused() {
    let error = start(GeneratorSource::new(options(1)), vec![position("generator", "x")]).end().await.unwrap_err();
    assert!(!error.retryable && error.to_string().contains("no event number"), "{error}");
}
