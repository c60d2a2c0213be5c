use super::*;
use bytes::Bytes;
use statefun::KafkaRecord;

const NOW: ProcessingTime = ProcessingTime(1000);
const PATIENCE: Duration = Duration::from_secs(30);

fn chunk(seqs: std::ops::RangeInclusive<u64>) -> Vec<Pending> {
    seqs.map(|seq| Pending { seq, record: KafkaRecord { topic: "t".to_owned(), key: None, value: Bytes::new() } })
        .collect()
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, why: "no".to_owned() }
}

fn of_records(failures: &[(usize, RefusalKind)]) -> Failures {
    Failures { of_records: failures.iter().map(|(at, kind)| (*at, refusal(*kind))).collect(), of_all: None }
}

/// Publishes as the publisher does, with a broker that refuses every batch that holds a bad record.
fn publish(records: &[Pending], bad: &[u64]) -> (Vec<u64>, Vec<u64>, usize) {
    let (mut refusals, mut published, mut refused, mut transactions) = (Refusals::default(), vec![], vec![], 0);
    let (mut at, mut limit) = (0, 100);
    while at < records.len() {
        transactions += 1;
        let chunk = &records[at..records.len().min(at + limit)];
        let tried: Vec<usize> = (0..chunk.len()).filter(|n| !refusals.is_doomed(chunk[*n].seq)).collect();
        if tried.iter().any(|n| bad.contains(&chunk[*n].seq)) {
            let failures: Vec<_> = tried.iter().map(|n| (*n, RefusalKind::OfRecord)).collect();
            match refusals.learn(chunk, &of_records(&failures), NOW, PATIENCE) {
                Next::Try(next) => limit = next,
                other => panic!("{other:?}"),
            }
            continue;
        }
        for pending in chunk {
            match refusals.settle(pending.seq, 0) {
                Some(_) => refused.push(pending.seq),
                None => published.push(pending.seq),
            }
        }
        at += chunk.len();
        limit = refusals.after_commit(chunk.len()).min(100);
    }
    (published, refused, transactions)
}

#[test]
fn a_bad_record_is_found_among_its_neighbours_which_are_published_in_order() {
    let records = chunk(1..=100);
    for bad in [vec![1], vec![100], vec![37], vec![37, 38, 90], vec![]] {
        let (published, refused, transactions) = publish(&records, &bad);
        let good: Vec<u64> = (1..=100).filter(|seq| !bad.contains(seq)).collect();
        assert_eq!((published, &refused), (good, &bad));
        assert!(transactions <= 1 + 20 * bad.len(), "{transactions} transactions for {bad:?}");
    }
}

#[test]
fn an_unknown_topic_is_waited_for_and_its_records_are_refused_when_patience_ends() {
    let (mut refusals, records, now) = (Refusals::default(), chunk(1..=3), NOW);
    let failures = of_records(&[(1, RefusalKind::UnknownTopic)]);
    assert_eq!(refusals.learn(&records, &failures, now, PATIENCE), Next::Wait(vec!["t".to_owned()]));
    assert_eq!(refusals.learn(&records, &failures, now.after(PATIENCE), PATIENCE), Next::Try(3));
    assert!(refusals.is_doomed(2) && !refusals.is_doomed(1));
}

#[test]
fn a_topic_that_may_not_be_written_says_so_of_each_record_itself() {
    let (mut refusals, records) = (Refusals::default(), chunk(1..=3));
    let failures = of_records(&[(0, RefusalKind::OfTopic), (2, RefusalKind::OfTopic)]);
    assert_eq!(refusals.learn(&records, &failures, NOW, PATIENCE), Next::Try(3));
    assert_eq!([1, 2, 3].map(|seq| refusals.is_doomed(seq)), [true, false, true]);
}

#[test]
fn what_no_record_says_is_found_by_halving_and_what_passes_only_waits() {
    let (mut refusals, records, now) = (Refusals::default(), chunk(1..=8), NOW);
    let all = |kind| Failures { of_records: Vec::new(), of_all: Some(refusal(kind)) };
    assert_eq!(refusals.learn(&records, &all(RefusalKind::OfTopic), now, PATIENCE), Next::Try(4));
    assert_eq!(refusals.learn(&records[..1], &all(RefusalKind::OfTopic), now, PATIENCE), Next::Try(1));
    assert!(refusals.is_doomed(1));
    assert_eq!(refusals.learn(&records, &all(RefusalKind::Passing), now, PATIENCE), Next::Reopen);
    let passing = of_records(&[(0, RefusalKind::Passing)]);
    assert_eq!(refusals.learn(&records, &passing, now, PATIENCE), Next::Wait(Vec::new()));
}

#[test]
fn a_refusal_is_remembered_until_snapshots_surely_hold_its_dead_letter() {
    let mut refusals = Refusals::default();
    let records = chunk(5..=5);
    refusals.learn(&records, &of_records(&[(0, RefusalKind::OfRecord)]), NOW, PATIENCE);
    let commit = refusals.commit(5);
    assert_eq!(commit.refused.iter().map(|it| it.seq).collect::<Vec<_>>(), [5]);
    assert!(refusals.commit(4).refused.is_empty(), "it lies beyond that commit");

    let mut after_a_crash = Refusals::default();
    after_a_crash.restore(&commit, 0);
    assert!(after_a_crash.settle(5, 0).is_some_and(|why| why.contains("for good")));
    assert_eq!(after_a_crash.settle(4, 0), None, "it was published");
    after_a_crash.forget(EPOCHS_REMEMBERED - 1);
    assert_eq!(after_a_crash.commit(6).refused.len(), 1);
    after_a_crash.forget(EPOCHS_REMEMBERED);
    assert!(after_a_crash.commit(6).refused.is_empty());
}
