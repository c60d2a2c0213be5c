use std::time::Duration;

use statefun::{Address, EgressRecord, Envelope, Epoch, Id, Symbol, TypedValue, ValueType, Verdict};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, SinkCommand, SinkInput};
use statefun_ports::source::{SourceEvent, SourceOutput, SourceRecord};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::mpsc;

use super::*;

/// The engine behind a door, played by hand.
struct Engine {
    records: mpsc::Receiver<Vec<SourceRecord>>,
    events: mpsc::UnboundedSender<SourceEvent>,
    commands: mpsc::UnboundedSender<SinkCommand>,
    published: mpsc::UnboundedReceiver<Vec<u64>>,
    next_seq: AtomicU64,
}

struct Output(mpsc::Sender<Vec<SourceRecord>>, mpsc::UnboundedReceiver<SourceEvent>);

impl SourceOutput for Output {
    fn send(&mut self, records: Vec<SourceRecord>) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.0.send(records).await.is_ok() })
    }

    fn event(&mut self) -> BoxFuture<'_, SourceEvent> {
        Box::pin(async move { self.1.recv().await.unwrap_or(SourceEvent::Stop) })
    }

    fn try_event(&mut self) -> Option<SourceEvent> {
        self.1.try_recv().ok()
    }
}

struct Input(mpsc::UnboundedReceiver<SinkCommand>, mpsc::UnboundedSender<Vec<u64>>);

impl SinkInput for Input {
    fn next(&mut self) -> BoxFuture<'_, SinkCommand> {
        Box::pin(async move { self.0.recv().await.unwrap_or(SinkCommand::Stop) })
    }

    fn try_next(&mut self) -> Option<SinkCommand> {
        self.0.try_recv().ok()
    }

    fn published(&mut self, seqs: Vec<u64>) {
        let _ = self.1.send(seqs);
    }

    fn rejected(&mut self, seqs: Vec<u64>, why: String) {
        panic!("{seqs:?} {why}")
    }
}

fn open() -> (Door, Engine) {
    let door = Door::new(Symbol::intern("test/door").unwrap());
    let (records_in, records) = mpsc::channel(1);
    let (events, events_out) = mpsc::unbounded_channel();
    let (commands, commands_out) = mpsc::unbounded_channel();
    tokio::spawn(door.source().run(Vec::new(), Box::new(Output(records_in, events_out))));
    let (published_in, published) = mpsc::unbounded_channel();
    tokio::spawn(door.replies().run(Box::new(Input(commands_out, published_in))));
    (door, Engine { records, events, commands, published, next_seq: AtomicU64::new(1) })
}

impl Engine {
    /// The next request: its ticket and who asks.
    async fn request(&mut self) -> (u64, Option<Id>) {
        match self.records.recv().await.unwrap().as_slice() {
            [SourceRecord::Addressed { envelope, ticket: Some(ticket), .. }] => {
                (*ticket, envelope.caller.as_ref().map(|caller| caller.id.clone()))
            }
            [SourceRecord::Asked { ask, ticket: Some(ticket) }] => {
                assert!(ask.envelope.caller.as_ref().is_none_or(|caller| caller.id == ask.request.to_id()));
                (*ticket, Some(ask.request.to_id()))
            }
            other => panic!("one request at a time: {other:?}"),
        }
    }

    fn durable(&self, ticket: u64) {
        self.events.send(SourceEvent::Durable { ticket }).unwrap();
    }

    fn reply(&self, request: Id) {
        self.publish(EgressRecord::Reply { request, value: value() });
    }

    fn verdict(&self, request: &Id, verdict: Verdict) {
        self.publish(EgressRecord::Verdict { request: RequestId::parse(request).unwrap(), verdict });
    }

    fn publish(&self, record: EgressRecord) {
        let seq = self.next_seq.fetch_add(1, Relaxed);
        self.commands.send(SinkCommand::Publish(vec![OutboxRecord { seq, record }])).unwrap();
        self.commands.send(SinkCommand::Completed(Epoch(1))).unwrap();
    }
}

fn value() -> TypedValue {
    TypedValue::new(ValueType::named("test/text").unwrap(), b"hi".as_slice())
}

fn message() -> Envelope {
    Envelope::new(Address::parse("shop/cart/ann").unwrap(), value())
}

fn asks(door: &Door, wait: Duration) -> tokio::task::JoinHandle<Result<Answer, Closed>> {
    let door = door.clone();
    tokio::spawn(async move { door.ask(message(), wait, terms(None)).await })
}

fn terms(key: Option<&str>) -> Terms {
    Terms { key: key.map(Into::into), keep: LONG }
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_caller_is_answered_when_the_message_is_durable_and_not_before() {
    let (door, mut engine) = open();
    let post = tokio::spawn({
        let door = door.clone();
        async move { door.submit(message()).await }
    });
    let (ticket, caller) = engine.request().await;
    assert_eq!(caller, None);
    tokio::task::yield_now().await;
    assert!(!post.is_finished());
    engine.durable(ticket);
    assert_eq!(post.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_caller_who_waits_gets_the_reply() {
    let (door, mut engine) = open();
    let asked = asks(&door, LONG);
    let (_, caller) = engine.request().await;
    engine.reply(caller.unwrap());
    assert_eq!(asked.await.unwrap(), Ok(Answer::Reply(value())));
    assert!(door.waiting().is_empty());
}

#[tokio::test]
async fn patience_ends_while_nothing_is_taken_in_too() {
    let (door, engine) = open();
    // Whatever there is room for on the way is taken by those before.
    for _ in 0..8 + REQUESTS_AHEAD + BATCH {
        drop(asks(&door, LONG));
        tokio::task::yield_now().await;
    }
    assert_eq!(door.ask(message(), Duration::from_millis(1), terms(None)).await, Ok(Answer::Unknown));
    drop(engine);
}

#[tokio::test]
async fn a_stop_tells_those_who_wait_what_is_known() {
    let (door, mut engine) = open();
    let in_the_last_epoch = asks(&door, LONG);
    let (ticket, _) = engine.request().await;
    engine.events.send(SourceEvent::Stop).unwrap();
    engine.durable(ticket);
    while !door.is_closed() {
        tokio::task::yield_now().await;
    }
    engine.commands.send(SinkCommand::Stop).unwrap();
    assert!(matches!(in_the_last_epoch.await.unwrap(), Ok(Answer::Accepted { .. })));
    assert_eq!(door.submit(message()).await, Err(Closed));
}

#[tokio::test]
async fn a_request_too_late_for_the_last_epoch_takes_nobody_else_s_answer() {
    let (door, mut engine) = open();
    let post = tokio::spawn({
        let door = door.clone();
        async move { door.submit(message()).await }
    });
    let (ticket, _) = engine.request().await;
    // The engine takes nothing more before the door hears the word to stop.
    engine.records.close();
    let late = tokio::spawn({
        let door = door.clone();
        async move { door.submit(message()).await }
    });
    while !door.is_closed() {
        tokio::task::yield_now().await;
    }
    engine.events.send(SourceEvent::Stop).unwrap();
    engine.durable(ticket);
    assert_eq!(post.await.unwrap(), Ok(()));
    drop(engine);
    assert_eq!(late.await.unwrap(), Err(Closed));
}

#[tokio::test]
async fn a_reply_that_nobody_waits_for_is_kept_and_stays_with_the_engine() {
    let (door, mut engine) = open();
    let asked = asks(&door, Duration::from_millis(20));
    let (ticket, caller) = engine.request().await;
    engine.durable(ticket);
    let Ok(Answer::Accepted { request }) = asked.await.unwrap() else { panic!("it is durable and not answered") };
    assert_eq!(Some(request.to_id()), caller);
    assert_eq!(door.late_reply(request), None);
    engine.reply(request.to_id());
    // A verdict is done with at once, and behind the reply.
    engine.verdict(&request.to_id(), Verdict::Accepted);
    assert_eq!(engine.published.recv().await, Some(vec![2]), "the reply is not reported as published");
    assert_eq!(door.late_reply(request), Some(value()));
    // After a restart it is given again, under its old number; what was given twice is done with.
    engine.reply(request.to_id());
    assert_eq!(engine.published.recv().await, Some(vec![3]));
}

#[tokio::test]
async fn a_late_reply_is_forgotten_when_its_time_is_over() {
    let (door, mut engine) = open();
    door.keep_late_replies(Duration::from_millis(30));
    let request = RequestId::new(1, statefun::IdHash(1));
    engine.reply(request.to_id());
    assert_eq!(engine.published.recv().await, Some(vec![1]), "after its time");
    assert_eq!(door.late_reply(request), None);
}

#[tokio::test]
async fn a_plain_message_with_a_key_is_answered_by_the_verdict_alone() {
    for (verdict, answer) in
        [(Verdict::Accepted, Answer::Durable), (Verdict::Conflict, Answer::Conflict), (Verdict::Full, Answer::Full)]
    {
        let (door, mut engine) = open();
        let post = tokio::spawn({
            let door = door.clone();
            async move { door.submit_once(message(), LONG, terms(Some("k"))).await }
        });
        let (ticket, request) = engine.request().await;
        engine.durable(ticket);
        tokio::task::yield_now().await;
        assert!(!post.is_finished());
        engine.verdict(&request.unwrap(), verdict);
        assert_eq!(post.await.unwrap(), Ok(answer));
    }
}

#[tokio::test]
async fn without_a_verdict_a_message_with_a_key_is_unknown_though_its_ticket_is_durable() {
    let (door, mut engine) = open();
    let asks = |wait| {
        let door = door.clone();
        tokio::spawn(async move { door.ask(message(), wait, terms(Some("k"))).await })
    };
    let asked = asks(Duration::from_millis(20));
    let (ticket, _) = engine.request().await;
    engine.durable(ticket);
    assert_eq!(asked.await.unwrap(), Ok(Answer::Unknown));

    let asked = asks(Duration::from_millis(50));
    let (_, request) = engine.request().await;
    let first = RequestId::new(1, statefun::IdHash(1));
    engine.verdict(&request.unwrap(), Verdict::Awaited { request: first });
    assert_eq!(asked.await.unwrap(), Ok(Answer::Accepted { request: first }));
    assert!(door.waiting().is_empty());
}

#[tokio::test]
async fn a_repetition_gets_the_reply_to_the_first() {
    let (door, mut engine) = open();
    let asked = {
        let door = door.clone();
        tokio::spawn(async move { door.ask(message(), LONG, terms(Some("k"))).await })
    };
    let (_, request) = engine.request().await;
    let first = RequestId::new(1, statefun::IdHash(1));
    engine.verdict(&request.unwrap(), Verdict::Awaited { request: first });
    engine.reply(first.to_id());
    assert_eq!(asked.await.unwrap(), Ok(Answer::Reply(value())));
}
