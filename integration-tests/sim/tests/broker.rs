//! The modelled broker does what a broker does; otherwise what runs against it proves nothing.

use bytes::Bytes;
use statefun_engine::publication::{Claim, Commit, ControlRecord};
use statefun_sim::broker::{Broker, Happened, Refused, Written};
use statefun_sim::rng::Rng;

fn record(text: &'static str) -> Written {
    Written { key: Bytes::from_static(b"k"), value: Bytes::from_static(text.as_bytes()) }
}

fn write(broker: &mut Broker, now: u64, epoch: u64, text: &'static str) -> Result<(), Refused> {
    broker.write(now, epoch, std::iter::once(record(text)))
}

fn settle(broker: &mut Broker, now: u64) -> Vec<Happened> {
    let mut rng = Rng::new(1, 1);
    std::iter::from_fn(|| broker.happen(now, &mut rng)).collect()
}

fn seen(broker: &Broker) -> Vec<Bytes> {
    broker.committed().map(|record| record.value.clone()).collect()
}

#[test]
fn a_transaction_is_seen_when_it_is_committed_and_every_partition_has_heard() {
    let mut broker = Broker::new(100);
    let epoch = broker.init().unwrap();
    write(&mut broker, 0, epoch, "one").unwrap();
    broker.note(0, epoch, &[ControlRecord::Commit(Commit { last_seq: 1, refused: Vec::new() })]).unwrap();
    assert!(seen(&broker).is_empty() && broker.view().commit.is_none());
    broker.end(epoch, true).unwrap();
    assert!(seen(&broker).is_empty() && broker.is_ending());
    assert_eq!(write(&mut broker, 0, epoch, "two"), Err(Refused::NotYet));
    settle(&mut broker, 0);
    assert_eq!(seen(&broker), ["one"]);
    assert_eq!(broker.view().commit.map(|commit| commit.last_seq), Some(1));
}

#[test]
fn a_newer_producer_ends_what_the_older_left_open_and_shuts_it_out() {
    let mut broker = Broker::new(100);
    let old = broker.init().unwrap();
    write(&mut broker, 0, old, "old").unwrap();
    assert_eq!(broker.init(), Err(Refused::NotYet), "the open transaction has to be ended first");
    settle(&mut broker, 0);
    let new = broker.init().unwrap();
    assert_eq!(write(&mut broker, 0, old, "older"), Err(Refused::Fenced));
    assert_eq!(broker.end(old, true), Err(Refused::Fenced));
    write(&mut broker, 0, new, "new").unwrap();
    broker.end(new, true).unwrap();
    settle(&mut broker, 0);
    assert_eq!(seen(&broker), ["new"]);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_a_late_commit_of_it_is_refused() {
    let mut broker = Broker::new(100);
    let epoch = broker.init().unwrap();
    write(&mut broker, 0, epoch, "slow").unwrap();
    broker.end_late(150, epoch);
    assert_eq!(broker.deadline(), Some(100));
    assert_eq!(settle(&mut broker, 120)[0], Happened::TimedOut);
    assert_eq!(settle(&mut broker, 150), [Happened::LateRequestRefused]);
    assert!(seen(&broker).is_empty());
    assert_eq!(write(&mut broker, 160, epoch, "later"), Err(Refused::Fenced));
}

#[test]
fn a_late_commit_of_a_transaction_that_stands_open_is_done() {
    let mut broker = Broker::new(100);
    let epoch = broker.init().unwrap();
    write(&mut broker, 0, epoch, "late").unwrap();
    broker.end_late(50, epoch);
    assert_eq!(settle(&mut broker, 50)[0], Happened::LateRequest);
    assert_eq!(seen(&broker), ["late"]);
}

#[test]
fn compaction_keeps_the_newest_of_each_kind() {
    let mut broker = Broker::new(100);
    let claim = |run: &str| ControlRecord::Claim(Claim { run: run.to_owned(), started_at_ms: 0 });
    for run in ["a", "b"] {
        let epoch = broker.init().unwrap();
        broker.note(0, epoch, &[claim(run)]).unwrap();
        broker.end(epoch, true).unwrap();
        settle(&mut broker, 0);
    }
    let before = broker.view();
    broker.compact();
    assert_eq!(broker.view(), before);
    assert_eq!(before.claim.map(|claim| claim.run).as_deref(), Some("b"));
}
