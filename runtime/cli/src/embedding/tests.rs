use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use statefun_sdk::prelude::*;
use statefun_sdk::{AsyncContext, AsyncFunction};

use super::{Runtime, RuntimeBuilder, RuntimeError};

struct Counter {
    seen: Value<i64>,
}

static TOTALS: EgressName = EgressName::new("test/totals");

impl StatefulFunction for Counter {
    const TYPE: &'static str = "test/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let more: i64 = message.get()?;
        let total = self.seen.update(context, |seen| *seen += more)?;
        context.egress(&TOTALS, &total)?;
        context.reply(&total)?;
        Ok(())
    }
}

fn counter() -> RuntimeBuilder {
    Runtime::builder()
        .functions(Functions::new().with(|states| Counter { seen: states.value("seen") }))
        .egress("test/totals", |_, _: i64| {})
        .shards(2)
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn messages_are_answered_and_state_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let running = counter().data_dir(dir.path()).start().unwrap();
    assert_eq!(running.ask::<_, i64>("test/counter/ann", &2_i64, SOON), Ok(2));
    running.send("test/counter/ann", &3_i64).unwrap();
    let summary = running.stop().unwrap();
    assert_eq!(summary.handled, 2);
    let running = counter().data_dir(dir.path()).start().unwrap();
    assert_eq!(running.ask::<_, i64>("test/counter/ann", &1_i64, SOON), Ok(6));
}

#[test]
fn events_are_read_once_over_restarts_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let run = |events: i64| {
        let totals = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&totals);
        let summary = Runtime::builder()
            .functions(Functions::new().with(|states| Counter { seen: states.value("seen") }))
            .data_dir(dir.path())
            .shards(1)
            .events("test/numbers", Counter::TYPE, move || (0..events).map(|n| ((n % 10).to_string(), 1_i64)))
            .egress("test/totals", move |from, total: i64| received.lock().unwrap().push((from.id.to_string(), total)))
            .run()
            .unwrap();
        let totals = std::mem::take(&mut *totals.lock().unwrap());
        (summary.read, totals)
    };
    let (read, totals) = run(1000);
    assert_eq!((read, totals.len()), (1000, 1000));
    assert_eq!(totals.iter().filter(|(_, total)| *total == 100).count(), 10);
    let (read, totals) = run(1010);
    assert_eq!(read, 10, "what an epoch holds is skipped");
    assert!(totals.iter().all(|(_, total)| *total == 101), "{} came again", totals.len());
}

#[test]
fn what_cannot_be_done_is_said() {
    let running = counter().in_memory().start().unwrap();
    let unknown = running.send("test/nobody/ann", &1_i64).unwrap_err();
    assert_eq!(unknown.to_string(), "no function test/nobody is served");
    let no_address = running.send("test", &1_i64).unwrap_err();
    assert!(matches!(no_address, RuntimeError::Usage(_)), "{no_address}");
    drop(running);
    let bad = counter().in_memory().setting("limits.message", "1").start().unwrap_err();
    assert!(bad.to_string().contains("did you mean limits.messages?"), "{bad}");
    let bad = counter().in_memory().egress("totals", |_, _: i64| {}).start().unwrap_err();
    assert!(bad.to_string().contains("<namespace>/<name>"), "{bad}");
}

#[test]
fn a_message_nobody_answers_is_durable_all_the_same() {
    struct Silent;
    impl StatefulFunction for Silent {
        const TYPE: &'static str = "test/silent";
        fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
            Ok(())
        }
    }
    let running = Runtime::builder()
        .functions(Functions::new().with(|_| Silent))
        .in_memory()
        .epoch(Duration::from_millis(20))
        .start()
        .unwrap();
    let answer = running.ask::<_, i64>("test/silent/ann", &1_i64, Duration::from_millis(500));
    assert_eq!(answer, Err(RuntimeError::NoAnswer { durable: true }));
}

/// Asks somebody outside, who takes his time, and fails now and then.
struct Awaits {
    total: Value<i64>,
}

impl AsyncFunction for Awaits {
    const TYPE: &'static str = "test/awaits";

    async fn invoke(&self, home: &mut AsyncContext, message: &Message<'_>) -> Result<(), FunctionError> {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let more: i64 = message.get()?;
        if more < 0 {
            return Err(FunctionError::Reject("less than nothing".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        if CALLS.fetch_add(1, Relaxed) % 4 == 1 {
            return Err(FunctionError::Retry("the other side is away".to_owned()));
        }
        let mut context = home.context();
        let total = self.total.update(&mut context, |total| *total += more)?;
        context.reply(&total)?;
        Ok(())
    }
}

#[test]
fn a_function_that_awaits_keeps_its_key_waiting_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let build = || {
        Runtime::builder()
            .functions(Functions::new().with_async(|states| Awaits { total: states.value("total") }))
            .data_dir(dir.path())
            .shards(1)
            .epoch(Duration::from_millis(10))
    };
    let running = build().start().unwrap();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for id in 0..40 {
            let running = &running;
            scope.spawn(move || {
                assert_eq!(running.ask(&format!("test/awaits/{id}"), &2_i64, SOON), Ok(2_i64));
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(3), "40 keys waited one after the other: {:?}", begun.elapsed());
    running.send("test/awaits/0", &-1_i64).unwrap();
    assert_eq!(running.ask("test/awaits/0", &1_i64, SOON), Ok(3_i64), "a rejected message holds nobody up");
    running.stop().unwrap();
    let running = build().start().unwrap();
    assert_eq!(running.ask("test/awaits/0", &1_i64, SOON), Ok(4_i64));
}
