//! Records that Kafka will not take, and how they are found among their neighbours.
//!
//! A transaction is aborted as a whole, and a batch of records is refused as a whole, so a failure says only that one of
//! several is bad. What failed is tried again in halves until a record is alone with its failure.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::control::{Commit, RefusedSeq};
use super::inbox::Pending;
use super::transaction::Failures;
use crate::kafka::refusal::{self, Refusal};

/// Completed epochs after which a dead letter is surely in a snapshot: two would do if nothing ever waited in a queue.
const EPOCHS_REMEMBERED: u64 = 16;
/// Refusals remembered for the sake of a crash, at most, and new ones in a transaction: a commit record holds both, and must
/// be one that a broker takes.
pub(super) const REMEMBERED_MAX: usize = 1000;
const WHY_CHARS_MAX: usize = 200;

/// What is known about records that are not published.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Not told yet: the commit that passes over them tells.
    doomed: BTreeMap<u64, String>,
    /// Told, with the number of epochs completed then.
    told: BTreeMap<u64, (String, u64)>,
    /// Since when topics are unknown.
    unknown: HashMap<String, Instant>,
    /// A bad record is among so many that come next.
    suspected: usize,
}

/// What to do after a transaction was aborted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again at once, with so many records at most.
    Try(usize),
    /// Try again after a pause. These topics are unknown.
    Wait(Vec<String>),
    /// The producer cannot go on.
    Reopen,
}

impl Refusals {
    pub(super) fn is_doomed(&self, seq: u64) -> bool {
        self.doomed.contains_key(&seq)
    }

    /// Whether no more refusals can be remembered until epochs complete.
    pub(super) fn is_full(&self) -> bool {
        self.told.len() >= REMEMBERED_MAX
    }

    /// What the commit up to `last_seq` has to say.
    pub(super) fn commit(&self, last_seq: u64) -> Commit {
        let told = self.told.iter().map(|(seq, (why, _))| (seq, why));
        let doomed = self.doomed.range(..=last_seq);
        let all = told.chain(doomed).map(|(seq, why)| RefusedSeq { seq: *seq, why: why.clone() });
        Commit::new(last_seq, all.collect())
    }

    /// What an earlier commit said, found in the topic.
    pub(super) fn restore(&mut self, commit: &Commit, completed: u64) {
        for RefusedSeq { seq, why } in &commit.refused {
            self.doomed.remove(seq);
            self.told.entry(*seq).or_insert_with(|| (why.clone(), completed));
        }
    }

    /// A record at or before the last commit: why it was refused, unless it was published.
    pub(super) fn settle(&mut self, seq: u64, completed: u64) -> Option<String> {
        if let Some(why) = self.doomed.remove(&seq) {
            self.told.insert(seq, (why, completed));
        }
        self.told.get(&seq).map(|(why, _)| why.clone())
    }

    /// Forgets what snapshots hold by now.
    pub(super) fn forget(&mut self, completed: u64) {
        self.told.retain(|_, (_, then)| completed < *then + EPOCHS_REMEMBERED);
    }

    /// The topics of these records took them.
    pub(super) fn known(&mut self, chunk: &[Pending]) {
        if !self.unknown.is_empty() {
            for pending in chunk.iter().filter(|pending| !self.doomed.contains_key(&pending.seq)) {
                self.unknown.remove(&pending.record.topic);
            }
        }
    }

    /// How many records to try after `committed` of them went well.
    pub(super) fn after_commit(&mut self, committed: usize) -> usize {
        self.suspected = self.suspected.saturating_sub(committed);
        // What is left of a group with a bad record in it is halved again; otherwise confidence grows.
        if self.suspected > 0 { (self.suspected / 2).max(1) } else { committed.saturating_mul(2) }
    }

    /// Whether a bad record is being looked for.
    pub(super) fn is_searching(&self) -> bool {
        self.suspected > 0
    }

    /// Learns from a transaction of `chunk` that was aborted.
    pub(super) fn learn(&mut self, chunk: &[Pending], failures: &Failures, now: Instant, patience: Duration) -> Next {
        let mut next = None;
        let mut unknown = Vec::new();
        let tried: Vec<usize> = (0..chunk.len()).filter(|at| !self.is_doomed(chunk[*at].seq)).collect();
        let is_suspect = |code| refusal::judge(code) == Refusal::ForGood && !is_about_topic(code);
        let mut codes = failures.of_records.iter().map(|(_, code)| *code).chain(failures.of_all);
        self.suspected = if codes.any(is_suspect) && tried.len() > 1 { chunk.len() } else { 0 };
        let halve = |at: usize| {
            // What stands before the failure is tried alone; a failure at the front is among the first half.
            let limit = if at > 0 { at } else { chunk.len() / 2 };
            Next::Try(limit.max(1))
        };
        for &(at, code) in &failures.of_records {
            let pending = &chunk[at];
            match refusal::judge(code) {
                Refusal::ForGood if is_about_topic(code) || tried.len() == 1 => {
                    self.doom(pending, code);
                    next.get_or_insert(Next::Try(chunk.len()));
                }
                Refusal::ForGood => {
                    if !matches!(next, Some(Next::Try(limit)) if limit < chunk.len()) {
                        next = Some(halve(at));
                    }
                }
                Refusal::UnknownTopic => {
                    let topic = &pending.record.topic;
                    let since = *self.unknown.entry(topic.clone()).or_insert(now);
                    if now.duration_since(since) >= patience {
                        self.doom(pending, code);
                        next.get_or_insert(Next::Try(chunk.len()));
                    } else if !unknown.contains(topic) {
                        unknown.push(topic.clone());
                    }
                }
                Refusal::Producer => return Next::Reopen,
                Refusal::Passing => {}
            }
        }
        match (failures.of_all.map(refusal::judge), next) {
            (_, Some(next)) => next,
            (Some(Refusal::ForGood), None) if tried.len() == 1 => {
                self.doom(&chunk[tried[0]], failures.of_all.unwrap_or(Code::Fail));
                Next::Try(chunk.len())
            }
            (Some(Refusal::ForGood), None) => halve(0),
            (None, None) => Next::Wait(unknown),
            (Some(_), None) => Next::Reopen,
        }
    }

    fn doom(&mut self, pending: &Pending, code: Code) {
        let mut why = format!("Kafka refused a record for topic {:?} for good: {code}", pending.record.topic);
        if let Some((end, _)) = why.char_indices().nth(WHY_CHARS_MAX) {
            why.truncate(end);
        }
        self.doomed.insert(pending.seq, why);
    }
}

/// A topic refuses all its records alike, so the failure is each record's own.
fn is_about_topic(code: Code) -> bool {
    matches!(code, Code::InvalidTopic | Code::TopicAuthorizationFailed)
}

#[cfg(test)]
mod tests;
