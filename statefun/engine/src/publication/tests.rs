use super::*;

const NOW: ProcessingTime = ProcessingTime(1000);

fn publication(run: &str) -> Publication {
    Publication::new(Terms {
        run: run.to_owned(),
        started_at_ms: 5,
        control_topic: "control".to_owned(),
        records_max: 4,
        bytes_max: 100,
        unknown_topic_patience: Duration::from_secs(30),
    })
}

fn pending(seq: u64) -> Pending {
    Pending {
        seq,
        record: KafkaRecord { topic: "t".to_owned(), key: None, value: bytes::Bytes::from_static(b"12345") },
    }
}

fn claim(run: &str) -> Claim {
    Claim { run: run.to_owned(), started_at_ms: 5 }
}

fn view(claimed: &str, last_seq: u64, mark: Option<Mark>) -> View {
    View { claim: Some(claim(claimed)), commit: Some(Commit { last_seq, refused: Vec::new() }), mark }
}

fn transaction(publication: &mut Publication) -> Arc<Transaction> {
    match publication.next_action() {
        Action::Transact(transaction) => transaction,
        other => panic!("{other:?}"),
    }
}

fn committed() -> Outcome {
    Outcome::Committed { is_slow: false }
}

/// Opens, when the topic says that so much was published.
fn open(publication: &mut Publication, last_seq: u64) {
    assert_eq!(publication.next_action(), Action::Connect);
    publication.done(NOW, Outcome::Done);
    assert_eq!(publication.next_action(), Action::Init);
    publication.done(NOW, Outcome::Done);
    transaction(publication);
    publication.done(NOW, committed());
    let Action::Read { until: Some(mark) } = publication.next_action() else { panic!("it reads the topic") };
    let run = mark.run.clone();
    publication.done(NOW, Outcome::Read(view(&run, last_seq, Some(mark))));
}

fn published(publication: &mut Publication) -> Vec<u64> {
    let seqs = publication.news().flat_map(|news| match news {
        News::Published { seqs, .. } => seqs,
        News::Refused { .. } => Vec::new(),
    });
    seqs.collect()
}

#[test]
fn others_are_shut_out_and_the_egress_is_claimed_before_the_topic_is_asked() {
    let mut publication = publication("a");
    publication.give((1..=3).map(pending));
    assert_eq!(publication.next_action(), Action::Connect);
    publication.done(NOW, Outcome::Done);
    assert_eq!(publication.next_action(), Action::Init);
    publication.done(NOW, Outcome::Done);
    let opening = transaction(&mut publication);
    let mark = Mark { run: "a".to_owned(), number: 1 };
    assert_eq!(opening.control, [ControlRecord::Claim(claim("a")), ControlRecord::Mark(mark.clone())]);
    assert_eq!(opening.to_write().count(), 0);
    publication.done(NOW, committed());
    assert_eq!(publication.next_action(), Action::Read { until: Some(mark.clone()) });
    assert!(!publication.is_claimed());
    publication.done(NOW, Outcome::Read(view("a", 2, Some(mark))));
    assert!(publication.is_claimed());
    let rest = transaction(&mut publication);
    assert_eq!(published(&mut publication), [1, 2], "what the topic says was published before");
    assert_eq!(rest.records, [pending(3)]);
    assert_eq!(rest.control, [ControlRecord::Commit(Commit { last_seq: 3, refused: Vec::new() })]);
}

#[test]
fn records_are_reported_when_they_are_committed_and_not_before() {
    let mut publication = publication("a");
    publication.give((1..=6).map(pending));
    open(&mut publication, 0);
    assert_eq!(transaction(&mut publication).records.len(), 4);
    assert_eq!((published(&mut publication), publication.owed()), (Vec::new(), 6));
    publication.done(NOW, committed());
    assert_eq!((published(&mut publication), publication.owed()), (vec![1, 2, 3, 4], 2));
    assert_eq!(transaction(&mut publication).records, [pending(5), pending(6)]);
    publication.done(NOW, committed());
    assert_eq!(publication.next_action(), Action::Wait);
    publication.give([pending(9)]);
    assert_eq!(transaction(&mut publication).records, [pending(9)]);
}

#[test]
fn a_commit_with_an_unknown_outcome_is_asked_about_and_not_repeated() {
    let mut publication = publication("a");
    publication.give((1..=2).map(pending));
    open(&mut publication, 0);
    transaction(&mut publication);
    publication.done(NOW, Outcome::Trouble(Trouble::Passing("no answer".to_owned())));
    assert_eq!(publication.next_action(), Action::Pause(Pause::BackOff));
    publication.done(NOW, Outcome::Done);
    assert_eq!(publication.next_action(), Action::Connect);
    publication.done(NOW, Outcome::Done);
    publication.done(NOW, Outcome::Done);
    let mark = Mark { run: "a".to_owned(), number: 2 };
    assert_eq!(transaction(&mut publication).control, [ControlRecord::Mark(mark.clone())], "it is not claimed again");
    publication.done(NOW, committed());
    publication.done(NOW, Outcome::Read(view("a", 2, Some(mark))));
    assert_eq!(publication.next_action(), Action::Wait, "it had arrived");
    assert_eq!(published(&mut publication), [1, 2]);
}

#[test]
fn a_newer_claim_ends_it_after_a_fence_and_after_every_init() {
    let superseded = |publication: &mut Publication| match publication.next_action() {
        Action::End(End::Superseded { by }) => assert!(by.contains("run b")),
        other => panic!("{other:?}"),
    };
    let mut fenced = publication("a");
    open(&mut fenced, 0);
    fenced.give([pending(1)]);
    transaction(&mut fenced);
    fenced.done(NOW, Outcome::Trouble(Trouble::Fenced("fenced".to_owned())));
    assert_eq!(fenced.next_action(), Action::Pause(Pause::Fenced));
    fenced.done(NOW, Outcome::Done);
    assert_eq!(fenced.next_action(), Action::Read { until: None });
    fenced.done(NOW, Outcome::Read(view("b", 0, None)));
    superseded(&mut fenced);

    let mut woken = publication("a");
    open(&mut woken, 0);
    woken.give([pending(1)]);
    transaction(&mut woken);
    woken.done(NOW, Outcome::Trouble(Trouble::Passing("slept".to_owned())));
    woken.done(NOW, Outcome::Done);
    woken.done(NOW, Outcome::Done);
    woken.done(NOW, Outcome::Done);
    transaction(&mut woken);
    woken.done(NOW, committed());
    let Action::Read { until: mark } = woken.next_action() else { panic!("it reads the topic") };
    woken.done(NOW, Outcome::Read(view("b", 0, mark)));
    superseded(&mut woken);
}

#[test]
fn a_topic_that_has_forgotten_is_not_believed() {
    let mut publication = publication("a");
    open(&mut publication, 7);
    publication.give([pending(8)]);
    transaction(&mut publication);
    publication.done(NOW, Outcome::Trouble(Trouble::Passing("away".to_owned())));
    publication.done(NOW, Outcome::Done);
    open(&mut publication, 3);
    assert!(matches!(publication.next_action(), Action::End(End::Hopeless(why)) if why.contains("forgotten")));
}

#[test]
fn slow_transactions_become_smaller_and_trouble_halves_them() {
    let mut publication = publication("a");
    publication.give((1..=20).map(pending));
    open(&mut publication, 0);
    assert_eq!(transaction(&mut publication).records.len(), 4);
    publication.done(NOW, Outcome::Committed { is_slow: true });
    assert_eq!(transaction(&mut publication).records.len(), 2);
    publication.done(NOW, Outcome::Trouble(Trouble::Passing("away".to_owned())));
    publication.done(NOW, Outcome::Done);
    open(&mut publication, 4);
    assert_eq!(transaction(&mut publication).records.len(), 1);
    publication.done(NOW, committed());
    assert_eq!(transaction(&mut publication).records.len(), 2, "confidence grows again");
}

#[test]
fn a_refused_record_is_left_out_and_told_with_the_commit_that_passes_over_it() {
    let mut publication = publication("a");
    publication.give((1..=2).map(pending));
    open(&mut publication, 0);
    transaction(&mut publication);
    let refusal = Refusal { kind: RefusalKind::OfTopic, why: "not allowed".to_owned() };
    publication.done(NOW, Outcome::Aborted(Failures { of_records: vec![(0, refusal)], of_all: None }));
    let again = transaction(&mut publication);
    assert_eq!(again.to_write().map(|(at, _)| at).collect::<Vec<_>>(), [1]);
    assert_eq!(publication.news().count(), 0);
    publication.done(NOW, committed());
    let news: Vec<_> = publication.news().collect();
    assert!(matches!(&news[0], News::Refused { seq: 1, why, bytes: 5 } if why.contains("not allowed")));
    assert_eq!(news[1], News::Published { seqs: vec![2], bytes: 5 });
}
