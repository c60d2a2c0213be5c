//! Publishers of the ledger: the one of this generation, and those of processes that died only for everybody else.
//!
//! A publisher does what its publication says, one request to the broker at a time. Between any two requests it may be
//! stopped and go on much later, in a world that has forgotten it.

use std::sync::Arc;

use bytes::Bytes;
use statefun::{EgressRecord, KafkaRecord, ProcessingTime};
use statefun_engine::publication::{
    Action, Claim, End, Failures, News, Outcome, Pause, Pending, Publication, Refusal, RefusalKind, Terms, Transaction,
    Trouble, View,
};
use statefun_ports::sink::OutboxRecord;

use super::World;
use super::system::Ack;
use crate::app::plan::LEDGER;
use crate::backend::Backend;
use crate::broker::{Broker, Refused, Written, partition_of};
use crate::external::{POISON, uid_of_value};
use crate::plant::Plant;
use crate::rng::Rng;

/// Which publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Which {
    /// The one of this generation.
    Living,
    /// One of a process that went on when its successor had begun.
    Zombie(usize),
}

/// A publication and how far its action has come.
pub(crate) struct PublisherNode {
    publication: Publication,
    run: String,
    /// The producer's epoch, from `Init` on.
    epoch: u64,
    action: Option<Action>,
    /// How many requests of the action were done.
    step: u64,
    /// When the action began.
    began: u64,
    /// When the next request is due.
    due: u64,
    /// The last number that was given.
    given: u64,
    /// Its process is believed to be dead.
    is_zombie: bool,
    /// What the topic said before others were shut out, for a planted bug.
    early: View,
}

impl PublisherNode {
    fn new(run: u64, started_at_ms: u64, records_max: usize) -> Self {
        let run = format!("run-{run}");
        let terms = Terms {
            run: run.clone(),
            started_at_ms,
            control_topic: "control".to_owned(),
            records_max,
            bytes_max: 1 << 20,
            unknown_topic_patience: std::time::Duration::from_secs(30),
        };
        Self {
            publication: Publication::new(terms),
            run,
            epoch: 0,
            action: None,
            step: 0,
            began: 0,
            due: 0,
            given: 0,
            is_zombie: false,
            early: View::default(),
        }
    }

    /// Takes records for the ledger, in order.
    pub(super) fn give(&mut self, records: Vec<OutboxRecord>) {
        self.given = records.last().map_or(self.given, |record| record.seq);
        self.publication.give(records.into_iter().map(|OutboxRecord { seq, record }| match record {
            EgressRecord::Kafka(record) => Pending { seq, record },
            other => unreachable!("the ledger takes Kafka records, not {other:?}"),
        }));
        self.wake();
    }

    pub(super) fn on_completed(&mut self) {
        self.publication.on_completed();
        self.wake();
    }

    /// Ends waiting.
    fn wake(&mut self) {
        if self.action == Some(Action::Wait) {
            self.action = None;
            self.due = 0;
        }
    }

    /// When it wants to go on; `None` while it waits to be given something. Zombies have nobody who gives.
    pub(super) fn due(&self) -> Option<u64> {
        (self.is_zombie || self.action != Some(Action::Wait)).then_some(self.due)
    }

    /// Whether nothing will come of it any more: it waits, and whoever lives has not claimed the egress since.
    pub(super) fn is_at_rest(&self, claim: Option<&Claim>) -> bool {
        self.action == Some(Action::Wait) && !self.is_superseded(claim)
    }

    /// Whether it has opened and is between two requests of a transaction.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.action, Some(Action::Connect | Action::Init | Action::Read { .. }))
    }

    /// Goes on when its process is believed to be dead, but not before.
    fn rise(&mut self, at: u64) {
        self.is_zombie = true;
        self.due = self.due.max(at);
    }

    fn is_superseded(&self, claim: Option<&Claim>) -> bool {
        self.publication.is_claimed() && claim.is_some_and(|claim| claim.run != self.run)
    }
}

/// What a step of an action came to.
enum Progress {
    /// The action is done.
    Done(Outcome),
    /// There is another request to make, not before.
    Next(u64),
    /// The same request again, not before.
    Again(u64),
}

fn passing(why: &str) -> Progress {
    Progress::Done(Outcome::Trouble(Trouble::Passing(why.to_owned())))
}

fn fenced() -> Progress {
    Progress::Done(Outcome::Trouble(Trouble::Fenced("fenced".to_owned())))
}

/// How often a zombie without work looks whether there is any, in milliseconds.
const IDLE_MS: u64 = 20;
/// How long a publisher tries to read the control topic, in milliseconds.
const READ_PATIENCE_MS: u64 = 300;

impl<B: Backend> World<B> {
    /// A new publisher, of a process or a connector that begins.
    pub(super) fn new_publisher(&mut self) -> PublisherNode {
        self.runs += 1;
        PublisherNode::new(self.runs, self.now, self.faults.transaction_records_max)
    }

    /// The publisher of a process that died for everybody else goes on, perhaps after a sleep.
    pub(super) fn bury_publisher(&mut self) {
        let Some(sink) = self.system.sinks.get_mut(LEDGER) else { return };
        let Some(mut publisher) = sink.publisher.take() else { return };
        if self.zombies.len() < 2 && self.rng.chance(self.faults.zombies) {
            self.cover("crash: 6.1 the process goes on as a zombie");
            let longest = self.broker.timeout_ms() * 3;
            let sleep = self.rng.between(0, longest);
            publisher.rise(self.now + sleep);
            self.zombies.push(publisher);
        }
    }

    /// Lets a publisher do its next thing. `false`: the process ends with it.
    pub(super) fn step_publisher(&mut self, which: Which) -> bool {
        let Some(mut node) = self.take_publisher(which) else { return true };
        if matches!(which, Which::Zombie(_)) {
            self.tempt(&mut node);
        } else if self.rng.chance(self.faults.sleeps) {
            // SIGSTOP, and SIGCONT later.
            self.cover("5.7 publisher: slept past the transaction timeout");
            node.due = self.now + self.broker.timeout_ms() + self.rng.between(1, 50);
            self.put_publisher(which, node);
            return true;
        }
        let end = self.drive_publisher(&mut node);
        let news: Vec<_> = node.publication.news().collect();
        if which == Which::Living {
            self.hear_publisher(news);
        }
        match (end, which) {
            (None, _) => self.put_publisher(which, node),
            (Some(End::Hopeless(why)), _) => self.external.faults.push(format!("a publisher gave up: {why}")),
            (Some(End::Stopped), _) => unreachable!("nobody tells a publisher to stop"),
            (Some(End::Superseded { .. }), Which::Zombie(_)) => {
                self.cover("5.7 publisher: a zombie found that it was superseded");
            }
            (Some(End::Superseded { .. }), Which::Living) => {
                self.cover("5.7 publisher: superseded by a zombie that claimed late");
                return false;
            }
        }
        true
    }

    fn take_publisher(&mut self, which: Which) -> Option<PublisherNode> {
        match which {
            Which::Living => self.system.sinks[LEDGER].publisher.take(),
            Which::Zombie(index) => Some(self.zombies.remove(index)),
        }
    }

    fn put_publisher(&mut self, which: Which, node: PublisherNode) {
        match which {
            Which::Living => self.system.sinks[LEDGER].publisher = Some(node),
            Which::Zombie(index) => self.zombies.insert(index, node),
        }
    }

    /// A zombie that was superseded has something of its own to publish: whoever finds it outside knows that the zombie
    /// should not have been able to.
    fn tempt(&mut self, node: &mut PublisherNode) {
        if node.given < POISON_FROM && node.is_superseded(self.broker.view().claim.as_ref()) {
            self.cover("5.7 publisher: a zombie has records of its own");
            let value = [POISON.to_le_bytes(), 1u32.to_le_bytes()].concat();
            let record = KafkaRecord {
                topic: "ledger".to_owned(),
                key: Some(Bytes::from_static(b"zombie")),
                value: value.into(),
            };
            node.give(vec![OutboxRecord { seq: POISON_FROM, record: EgressRecord::Kafka(record) }]);
        }
    }

    fn hear_publisher(&mut self, news: Vec<News>) {
        let frees_early = self.frees_early();
        let node = &mut self.system.sinks[LEDGER];
        for news in news {
            match news {
                News::Published { .. } if frees_early => {}
                News::Published { seqs, .. } => node.acks.push_back(Ack::Published(seqs)),
                News::Refused { seq, .. } => node.acks.push_back(Ack::Rejected(vec![seq])),
            }
        }
    }

    pub(super) fn frees_early(&self) -> bool {
        matches!(self.options.plant, Some(Plant::FreedBeforePublished | Plant::FreedBeforeCommitRecord))
    }

    fn drive_publisher(&mut self, node: &mut PublisherNode) -> Option<End> {
        let action = match &node.action {
            Some(action) => action.clone(),
            None => {
                let action = node.publication.next_action();
                let seqs = match &action {
                    Action::Transact(transaction) => {
                        let all = &transaction.records;
                        all.first().zip(all.last()).map(|(first, last)| (first.seq, last.seq))
                    }
                    _ => None,
                };
                self.trace.note(self.now, &("publisher", &node.run, label(&action), seqs));
                if let (Action::Transact(transaction), Some(Plant::FreedBeforeCommitRecord)) =
                    (&action, self.options.plant)
                    && !node.is_zombie
                {
                    let seqs: Vec<_> = transaction.records.iter().map(|pending| pending.seq).collect();
                    self.system.sinks[LEDGER].acks.push_back(Ack::Published(seqs));
                }
                node.action = Some(action.clone());
                (node.step, node.began) = (0, self.now);
                action
            }
        };
        let progress = match action {
            Action::End(end) => return Some(end),
            Action::Wait => {
                node.due = self.now + IDLE_MS;
                return None;
            }
            Action::Connect => self.connect(node),
            Action::Init => self.init(node),
            Action::Transact(transaction) => self.transact(node, &transaction),
            Action::Read { until } => self.read_control(node, until.is_some(), until.as_ref()),
            Action::Mend { .. } => unreachable!("the ledger's topic is known"),
            Action::Pause(_) if node.step > 0 => Progress::Done(Outcome::Done),
            Action::Pause(Pause::BackOff) => Progress::Next(self.now + self.rng.between(1, 20)),
            Action::Pause(Pause::Fenced) => Progress::Next(self.now + self.rng.between(1, 40)),
        };
        match progress {
            Progress::Done(outcome) => {
                node.action = None;
                node.due = self.now;
                self.cover_outcome(&outcome);
                node.publication.done(ProcessingTime(self.now), outcome);
            }
            Progress::Next(due) => {
                node.step += 1;
                node.due = due;
            }
            Progress::Again(due) => node.due = due.max(self.now + 1),
        }
        None
    }

    fn cover_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Aborted(_) => self.cover("5.7 publisher: a record was refused"),
            Outcome::Trouble(Trouble::Fenced(_)) => self.cover("5.7 publisher: fenced"),
            Outcome::Trouble(_) => self.cover("5.7 publisher: trouble that passes"),
            Outcome::Done | Outcome::Committed { .. } | Outcome::Read(_) => {}
        }
    }

    /// How long a request takes.
    fn latency(&mut self) -> u64 {
        self.now + self.rng.between(0, self.faults.broker_latency_ms_max)
    }

    /// What to do while the broker does not answer; `None` when it does.
    fn absence(&mut self, node: &PublisherNode, patience_ms: u64) -> Option<Progress> {
        let back = self.broker.away_until();
        if back <= self.now {
            return None;
        }
        let deadline = node.began + patience_ms;
        Some(if deadline <= self.now { passing("no answer") } else { Progress::Again(back.min(deadline)) })
    }

    fn connect(&mut self, node: &mut PublisherNode) -> Progress {
        if let Some(progress) = self.absence(node, 30) {
            return progress;
        }
        if self.options.plant == Some(Plant::AskedBeforeInit) {
            node.early = self.broker.view();
        }
        if node.step == 0 { Progress::Next(self.latency()) } else { Progress::Done(Outcome::Done) }
    }

    fn init(&mut self, node: &mut PublisherNode) -> Progress {
        // It may be away for as long as it likes.
        if let Some(progress) = self.absence(node, u64::MAX / 2) {
            return progress;
        }
        match self.broker.init() {
            Ok(epoch) => {
                node.epoch = epoch;
                Progress::Done(Outcome::Done)
            }
            Err(_) => Progress::Again(self.latency()),
        }
    }

    fn read_control(
        &mut self,
        node: &PublisherNode,
        decides: bool,
        until: Option<&statefun_engine::publication::Mark>,
    ) -> Progress {
        if let Some(progress) = self.absence(node, READ_PATIENCE_MS) {
            return progress;
        }
        let mut view = self.broker.view();
        if until.is_some() && view.mark.as_ref() != until {
            // A transaction that stands open hides what follows it.
            let is_over = node.began + READ_PATIENCE_MS <= self.now;
            return if is_over { passing("the topic does not end") } else { Progress::Again(self.latency()) };
        }
        let own = Claim { run: node.run.clone(), started_at_ms: 0 };
        match self.options.plant {
            Some(Plant::AskedBeforeInit) if decides => {
                view.commit.clone_from(&node.early.commit);
            }
            Some(Plant::ClaimNotRead) if node.publication.is_claimed() => view.claim = Some(own),
            _ => {}
        }
        if decides && view.commit.as_ref().is_some_and(|commit| commit.last_seq > node.publication.last_seq()) {
            self.cover("6.3 the broker was asked and knew more");
        }
        Progress::Done(Outcome::Read(view))
    }

    /// One request of a transaction: some records, the rest with the records for the control topic, the commit.
    fn transact(&mut self, node: &PublisherNode, transaction: &Arc<Transaction>) -> Progress {
        if let Some(progress) = self.absence(node, self.broker.timeout_ms()) {
            return progress;
        }
        let all: Vec<_> = transaction.to_write().collect();
        let half = all.len() / 2;
        let written = match node.step {
            0 | 1 => {
                let records = if node.step == 0 { &all[..half] } else { &all[half..] };
                let refused = |record: &KafkaRecord| self.plan.refused.contains(&(uid_of_value(&record.value) / 2));
                if let Some(failures) = failures(records, refused, &mut self.rng) {
                    // Whatever of it was written is aborted.
                    let _ = self.broker.end(node.epoch, false);
                    return Progress::Done(Outcome::Aborted(failures));
                }
                let records = records.iter().map(|(_, record)| Written {
                    key: record.key.clone().unwrap_or_default(),
                    value: record.value.clone(),
                });
                if records.len() > 0 { self.broker.write(self.now, node.epoch, records) } else { Ok(()) }
            }
            2 => self.broker.note(self.now, node.epoch, &transaction.control),
            _ => return self.commit_transaction(node),
        };
        match written {
            Ok(()) => Progress::Next(self.latency()),
            Err(Refused::NotYet) => Progress::Again(self.latency()),
            Err(Refused::Fenced | Refused::NoTransaction) => fenced(),
        }
    }

    fn commit_transaction(&mut self, node: &PublisherNode) -> Progress {
        let patience = node.began + self.broker.timeout_ms();
        if node.step > 3 {
            // No answer ever came.
            return passing("it is unknown whether it was committed");
        }
        if self.rng.chance(self.faults.commit_request_lost) {
            self.cover("5.7 broker: a commit never arrived");
            return Progress::Next(patience.max(self.now));
        }
        if self.rng.chance(self.faults.commit_request_late) {
            self.cover("5.7 broker: a commit is late");
            let at = self.now + self.rng.between(0, self.broker.timeout_ms() * 2);
            self.broker.end_late(at, node.epoch);
            return Progress::Next(patience.max(self.now));
        }
        match self.broker.end(node.epoch, true) {
            Ok(()) if self.rng.chance(self.faults.commit_answer_lost) => {
                self.cover("5.7 broker: a commit arrived and its answer was lost");
                Progress::Next(patience.max(self.now))
            }
            Ok(()) => {
                let is_slow = self.now - node.began.min(self.now) > self.broker.timeout_ms() / 4;
                Progress::Done(Outcome::Committed { is_slow })
            }
            Err(Refused::NotYet) => Progress::Again(self.latency()),
            Err(Refused::Fenced | Refused::NoTransaction) => fenced(),
        }
    }

    /// The broker does something by itself.
    pub(super) fn step_broker(&mut self) {
        use crate::broker::Happened;
        match self.broker.happen(self.now, &mut self.rng) {
            Some(Happened::TimedOut) => self.cover("5.7 broker: aborted a transaction that took too long"),
            Some(Happened::LateRequest) => self.cover("5.7 broker: a late commit was done"),
            Some(Happened::LateRequestRefused) => self.cover("5.7 broker: a late commit was refused"),
            Some(Happened::Heard) if self.rng.chance(50_000) => {
                self.cover("5.7 broker: the control topic was compacted");
                self.broker.compact();
            }
            Some(Happened::Heard) | None => {}
        }
    }

    /// The broker goes away for a while, perhaps for longer than a transaction may stand open.
    pub(super) fn perhaps_leave(&mut self) {
        if self.rng.chance(self.faults.broker_leaves) && self.broker.away_until() <= self.now {
            let away = self.rng.between(1, self.broker.timeout_ms() * 3);
            if away > self.broker.timeout_ms() {
                self.cover("5.7 broker: away for longer than the transaction timeout");
            } else {
                self.cover("5.7 broker: away for a moment");
            }
            self.broker.leave(self.now + away);
        }
    }
}

/// Numbers of records that only zombies have.
const POISON_FROM: u64 = 1 << 60;

/// A batch with a bad record is refused as a whole, or the bad record alone is named.
fn failures(
    records: &[(usize, &KafkaRecord)],
    is_refused: impl Fn(&KafkaRecord) -> bool,
    rng: &mut Rng,
) -> Option<Failures> {
    let partition = |record: &KafkaRecord| partition_of(record.key.as_deref().unwrap_or_default());
    let bad: Vec<_> = records.iter().filter(|(_, record)| is_refused(record)).collect();
    let (_, first) = bad.first()?;
    let is_whole_batch = rng.chance(500_000);
    let named = records
        .iter()
        .filter(|(_, record)| is_refused(record) || (is_whole_batch && partition(record) == partition(first)));
    let refusal = || Refusal { kind: RefusalKind::OfRecord, why: "refused for good".to_owned() };
    Some(Failures { of_records: named.map(|(at, _)| (*at, refusal())).collect(), of_all: None })
}

fn label(action: &Action) -> &'static str {
    match action {
        Action::Connect => "connects",
        Action::Init => "shuts others out",
        Action::Transact(transaction) if transaction.records.is_empty() => "marks",
        Action::Transact(_) => "publishes",
        Action::Read { until: Some(_) } => "reads up to its mark",
        Action::Read { until: None } => "looks who it was",
        Action::Pause(_) => "pauses",
        Action::Mend { .. } => "mends",
        Action::Wait => "waits",
        Action::End(_) => "ends",
    }
}

impl Broker {
    /// Whether the broker has something to do by now.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }
}
