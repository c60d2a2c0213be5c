//! Publishing sealed records exactly once: every decision of a transactional publisher, without I/O.
//!
//! ```text
//!   Connect ─▶ Init ─▶ Transact [claim, mark] ─▶ Read up to the mark ─▶ Transact [41 42 ... 57 | commit 57] ─▶ ...
//!      ▲         shuts out     who publishes      who published what,    Wait while there is nothing
//!      │         older ones                       and is it still us?
//!      └──── Pause ◀── trouble of any kind; after a fence: Read, to see who it was
//! ```
//!
//! [`Publication::next_action`] says what is to be done; whoever drives it does that, and reports with [`Publication::done`].
//! Outside of the engine a thread with a Kafka client does so, in the simulator a seeded scheduler with a modelled
//! broker, and the publication does not know which.
//!
//! # Invariants
//! * What was published is learned only from a topic that was read after `Init` shut out everybody else, up to a mark
//!   that was committed after that.
//! * After every `Init` the newest claim is read before anything is published. One that is not ours ends the publication.
//! * A record is reported as published or refused only when a commit record that covers it was committed.
//! * Records are published in order, without a gap.

mod control;
mod refusals;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use statefun::{KafkaRecord, ProcessingTime};

pub use control::{Claim, Commit, ControlRecord, Mark, RefusedSeq, View};
use refusals::{Next, REMEMBERED_MAX, Refusals};

/// Who publishes, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Tells this start of the egress from others.
    pub run: String,
    /// When it started, for people: Unix milliseconds.
    pub started_at_ms: u64,
    /// The control topic, for messages.
    pub control_topic: String,
    /// Records of a transaction, at most. One is always taken.
    pub records_max: usize,
    /// Bytes of a transaction, at most.
    pub bytes_max: usize,
    /// How long a topic may be unknown before its records are refused.
    pub unknown_topic_patience: Duration,
}

/// A record to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the egress's order.
    pub seq: u64,
    /// The record.
    pub record: KafkaRecord,
}

impl Pending {
    /// Bytes of key and value.
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.value.len() + self.record.key.as_ref().map_or(0, bytes::Bytes::len)
    }
}

/// What is to be done next. Everything but `End` is reported with [`Publication::done`], once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// See to the control topic, and make a producer; an older one is thrown away. Reported as [`Outcome::Done`].
    Connect,
    /// `init_transactions`: shuts out older producers and decides what they left open. Reported as [`Outcome::Done`].
    Init,
    /// Write and commit a transaction. Reported as [`Outcome::Committed`] or [`Outcome::Aborted`].
    Transact(Arc<Transaction>),
    /// Read the control topic to its end, and with a mark at least up to that. Reported as [`Outcome::Read`].
    Read {
        /// The mark.
        until: Option<Mark>,
    },
    /// Let some time pass. Reported as [`Outcome::Done`].
    Pause(Pause),
    /// Let some time pass and look for topics that the broker does not know. Reported as [`Outcome::Done`].
    Mend {
        /// The topics.
        topics: Vec<String>,
    },
    /// There is nothing to do until something is given, or an epoch completes. Reported as [`Outcome::Done`].
    Wait,
    /// Nothing more, ever.
    End(End),
}

/// Why to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Something went wrong; longer from time to time until a transaction is committed.
    BackOff,
    /// Another producer shut this one out: long enough for it to claim the egress.
    Fenced,
}

/// What is committed together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Consecutive records of the outbox.
    pub records: Vec<Pending>,
    /// Places of records that are known to be refused and are not written.
    pub left_out: BTreeSet<usize>,
    /// Records for the control topic, behind the others.
    pub control: Vec<ControlRecord>,
}

impl Transaction {
    /// The records to write, by their place.
    pub fn to_write(&self) -> impl Iterator<Item = (usize, &KafkaRecord)> {
        let all = self.records.iter().enumerate();
        all.filter(|(at, _)| !self.left_out.contains(at)).map(|(at, pending)| (at, &pending.record))
    }
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// The transaction is committed.
    Committed {
        /// It took a good part of the transaction timeout: the next one should be smaller.
        is_slow: bool,
    },
    /// The transaction was aborted because of what some record met; the producer can go on.
    Aborted(Failures),
    /// The newest records of the control topic.
    Read(View),
    /// It came to nothing. Whether a transaction was committed is unknown; the producer is to be thrown away.
    Trouble(Trouble),
}

/// Why something came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may go better with a new producer; whether a commit under way arrived is asked then.
    Passing(String),
    /// Another producer has taken our transactional id.
    Fenced(String),
    /// No repetition helps.
    Hopeless(String),
    /// It is time to end.
    Ended,
}

/// What the broker did not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// By place in the transaction, in order of the places; what merely shared the transaction is not among them.
    pub of_records: Vec<(usize, Refusal)>,
    /// What stopped the transaction, if no record's failure says it.
    pub of_all: Option<Refusal>,
}

/// What an error means for a record, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// For people.
    pub why: String,
}

/// What an error means for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It will pass.
    Passing,
    /// It will pass if the topic comes to exist.
    UnknownTopic,
    /// The topic refuses all its records for good.
    OfTopic,
    /// The record, or one that shared a batch with it, is refused for good.
    OfRecord,
    /// The producer cannot go on; another one can.
    OfProducer,
}

/// What became of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These are visible to readers.
    Published {
        /// Their places in the egress's order.
        seqs: Vec<u64>,
        /// Their size.
        bytes: usize,
    },
    /// This one will never be.
    Refused {
        /// Its place in the egress's order.
        seq: u64,
        /// Why.
        why: String,
        /// Its size.
        bytes: usize,
    },
}

/// How a publication ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// A newer start of this egress has claimed it.
    Superseded {
        /// Which.
        by: String,
    },
    /// No repetition helps.
    Hopeless(String),
}

#[derive(Debug)]
enum Stage {
    /// There is no producer.
    Closed,
    /// There is one that has not shut out others.
    Connected,
    /// It is the only one; the topic may still be about to change.
    Alone,
    /// A mark is being written.
    Marking(Arc<Transaction>, Mark),
    /// Our mark is in the topic, and all that was decided before it stands ahead of it.
    Marked(Mark),
    /// The claim is ours and what was published is known.
    Open,
    /// Records are being published.
    Transacting(Arc<Transaction>),
    /// Something was refused; it is tried again in a moment.
    Mending(Vec<String>),
    /// Something went wrong.
    Troubled,
    /// Another producer shut ours out.
    Fenced,
    /// Who it was is in the topic, if it claims the egress.
    Looking,
    Ended(End),
}

/// See the [module documentation](self).
#[derive(Debug)]
pub struct Publication {
    terms: Terms,
    stage: Stage,
    queue: VecDeque<Pending>,
    /// Epochs that completed since the start.
    completed: u64,
    refusals: Refusals,
    /// Everything up to here was published or refused.
    last_seq: u64,
    /// Records of the next transaction, at most.
    limit: usize,
    marks: u64,
    /// Our claim was seen in the topic: from then on it must be the newest.
    is_claimed: bool,
    news: Vec<News>,
}

impl Publication {
    /// A publication that has not begun.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self {
            stage: Stage::Closed,
            queue: VecDeque::new(),
            completed: 0,
            refusals: Refusals::default(),
            last_seq: 0,
            limit: terms.records_max,
            marks: 0,
            is_claimed: false,
            news: Vec::new(),
            terms,
        }
    }

    /// Takes records, in order, behind all that were given before.
    pub fn give(&mut self, records: impl IntoIterator<Item = Pending>) {
        self.queue.extend(records);
    }

    /// An epoch completed.
    pub fn on_completed(&mut self) {
        self.completed += 1;
    }

    /// How many records are neither published nor refused.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.queue.len()
    }

    /// Whether our claim was seen in the topic.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.is_claimed
    }

    /// Everything up to here is known to be published or refused.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// What became of records since it was asked last.
    pub fn news(&mut self) -> impl Iterator<Item = News> + '_ {
        self.news.drain(..)
    }

    /// What is to be done next. Asked again before it is reported, the answer is the same, except that `Wait` may have
    /// become something better.
    pub fn next_action(&mut self) -> Action {
        match &self.stage {
            Stage::Closed => Action::Connect,
            Stage::Connected => Action::Init,
            Stage::Alone => self.mark(),
            Stage::Marking(transaction, _) | Stage::Transacting(transaction) => {
                Action::Transact(Arc::clone(transaction))
            }
            Stage::Marked(mark) => Action::Read { until: Some(mark.clone()) },
            Stage::Open => self.publish(),
            Stage::Mending(topics) => Action::Mend { topics: topics.clone() },
            Stage::Troubled => Action::Pause(Pause::BackOff),
            Stage::Fenced => Action::Pause(Pause::Fenced),
            Stage::Looking => Action::Read { until: None },
            Stage::Ended(end) => Action::End(end.clone()),
        }
    }

    /// What came of the action that [`next_action`](Self::next_action) named.
    pub fn done(&mut self, now: ProcessingTime, outcome: Outcome) {
        let stage = std::mem::replace(&mut self.stage, Stage::Closed);
        self.stage = match (stage, outcome) {
            (Stage::Ended(end), _) => Stage::Ended(end),
            // A look is a courtesy to a successor: the one that decides comes after `Init`.
            (Stage::Looking, Outcome::Trouble(Trouble::Passing(_))) => Stage::Closed,
            (Stage::Looking, Outcome::Read(view)) => match self.judge_claim(&view) {
                Err(end @ End::Superseded { .. }) => Stage::Ended(end),
                _ => Stage::Closed,
            },
            (stage, Outcome::Trouble(trouble)) => self.on_trouble(&stage, trouble),
            (Stage::Closed, Outcome::Done) => Stage::Connected,
            (Stage::Connected, Outcome::Done) => Stage::Alone,
            (Stage::Marking(_, mark), Outcome::Committed { .. }) => Stage::Marked(mark),
            (Stage::Marked(mark), Outcome::Read(view)) => match self.learn(&mark, &view) {
                Ok(()) => Stage::Open,
                Err(end) => Stage::Ended(end),
            },
            (Stage::Open, Outcome::Done) | (Stage::Mending(_), Outcome::Done) => Stage::Open,
            (Stage::Transacting(transaction), Outcome::Committed { is_slow }) => {
                self.on_committed(&transaction, is_slow);
                Stage::Open
            }
            (Stage::Transacting(transaction), Outcome::Aborted(failures)) => {
                self.on_aborted(now, &transaction, &failures)
            }
            (Stage::Troubled, Outcome::Done) => Stage::Closed,
            (Stage::Fenced, Outcome::Done) if self.is_claimed => Stage::Looking,
            (Stage::Fenced, Outcome::Done) => Stage::Closed,
            // Whatever it was, a new producer finds out how things stand.
            (_, Outcome::Done | Outcome::Committed { .. } | Outcome::Aborted(_) | Outcome::Read(_)) => Stage::Troubled,
        };
    }

    fn on_trouble(&mut self, stage: &Stage, trouble: Trouble) -> Stage {
        if matches!(stage, Stage::Transacting(_)) {
            self.limit = (self.limit / 2).max(1);
        }
        match trouble {
            Trouble::Passing(_) => Stage::Troubled,
            Trouble::Fenced(_) => Stage::Fenced,
            Trouble::Hopeless(why) => Stage::Ended(End::Hopeless(why)),
            Trouble::Ended => Stage::Ended(End::Stopped),
        }
    }

    /// A mark, and until it was seen in the topic a claim ahead of it.
    fn mark(&mut self) -> Action {
        self.marks += 1;
        let mark = Mark { run: self.terms.run.clone(), number: self.marks };
        let mut control = Vec::with_capacity(2);
        if !self.is_claimed {
            let (run, started_at_ms) = (self.terms.run.clone(), self.terms.started_at_ms);
            control.push(ControlRecord::Claim(Claim { run, started_at_ms }));
        }
        control.push(ControlRecord::Mark(mark.clone()));
        let transaction = Arc::new(Transaction { control, ..Transaction::default() });
        self.stage = Stage::Marking(Arc::clone(&transaction), mark);
        Action::Transact(transaction)
    }

    /// After `Init`: the topic knows better than we do.
    fn learn(&mut self, mark: &Mark, view: &View) -> Result<(), End> {
        let topic = &self.terms.control_topic;
        self.judge_claim(view)?;
        if view.mark.as_ref() != Some(mark) {
            return Err(End::Hopeless(format!("control topic {topic:?} does not hold what was just committed to it")));
        }
        let found = view.commit.as_ref().map_or(0, |commit| commit.last_seq);
        if found < self.last_seq {
            return Err(End::Hopeless(format!(
                "control topic {topic:?} has forgotten that records up to {} were published, it says {found}",
                self.last_seq
            )));
        }
        self.is_claimed = true;
        self.last_seq = found;
        if let Some(commit) = &view.commit {
            self.refusals.restore(commit, self.completed);
        }
        Ok(())
    }

    fn judge_claim(&self, view: &View) -> Result<(), End> {
        match &view.claim {
            Some(claim) if claim.run == self.terms.run => Ok(()),
            Some(claim) => {
                Err(End::Superseded { by: format!("run {}, started {} ms after 1970", claim.run, claim.started_at_ms) })
            }
            None => Err(End::Hopeless(format!(
                "control topic {:?} does not hold our claim: it was deleted, or something deletes from it",
                self.terms.control_topic
            ))),
        }
    }

    /// Tells what became of the records up to the last commit, and publishes what comes next.
    fn publish(&mut self) -> Action {
        self.settle();
        self.refusals.forget(self.completed);
        if self.queue.is_empty() || self.refusals.is_full() {
            return Action::Wait;
        }
        let records = self.chunk();
        let is_doomed = |(at, pending): (usize, &Pending)| self.refusals.is_doomed(pending.seq).then_some(at);
        let left_out = records.iter().enumerate().filter_map(is_doomed).collect();
        let last = records.last().expect("one record is always taken").seq;
        let control = vec![ControlRecord::Commit(self.refusals.commit(last))];
        let transaction = Arc::new(Transaction { records, left_out, control });
        self.stage = Stage::Transacting(Arc::clone(&transaction));
        Action::Transact(transaction)
    }

    /// The records of the next transaction. Values are counted references, so this copies little.
    fn chunk(&self) -> Vec<Pending> {
        let (mut bytes, mut doomed) = (0, 0);
        let fits = |(n, pending): &(usize, &Pending)| {
            bytes += pending.size();
            doomed += usize::from(self.refusals.is_doomed(pending.seq));
            *n == 0 || (bytes <= self.terms.bytes_max && doomed <= REMEMBERED_MAX)
        };
        let queue = self.queue.iter().take(self.limit);
        queue.enumerate().take_while(fits).map(|(_, pending)| pending.clone()).collect()
    }

    fn on_committed(&mut self, transaction: &Transaction, is_slow: bool) {
        let count = transaction.records.len();
        self.refusals.known(&transaction.records);
        self.last_seq = transaction.records.last().map_or(self.last_seq, |pending| pending.seq);
        self.settle();
        let next = self.refusals.after_commit(count);
        // A small transaction because there was little to do is no reason to keep the next one small.
        let is_cut_short = count < self.limit;
        self.limit = match (is_slow, self.refusals.is_searching()) {
            (true, _) => (count / 2).max(1),
            (false, true) => next,
            (false, false) if is_cut_short => self.limit,
            (false, false) => next.min(self.terms.records_max),
        };
    }

    fn on_aborted(&mut self, now: ProcessingTime, transaction: &Transaction, failures: &Failures) -> Stage {
        match self.refusals.learn(&transaction.records, failures, now, self.terms.unknown_topic_patience) {
            Next::Try(limit) => {
                self.limit = limit.max(1);
                Stage::Open
            }
            Next::Wait(topics) => Stage::Mending(topics),
            Next::Reopen => {
                self.limit = (self.limit / 2).max(1);
                Stage::Troubled
            }
        }
    }

    /// Tells what became of the records up to the last commit.
    fn settle(&mut self) {
        let (mut seqs, mut published_bytes) = (Vec::new(), 0);
        while let Some((seq, bytes)) = self.queue.front().map(|pending| (pending.seq, pending.size()))
            && seq <= self.last_seq
        {
            self.queue.pop_front();
            match self.refusals.settle(seq, self.completed) {
                Some(why) => self.news.push(News::Refused { seq, why, bytes }),
                None => {
                    seqs.push(seq);
                    published_bytes += bytes;
                }
            }
        }
        if !seqs.is_empty() {
            self.news.push(News::Published { seqs, bytes: published_bytes });
        }
    }
}
