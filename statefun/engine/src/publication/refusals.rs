//! Records that the broker will not take, and how they are found among their neighbours.
//!
//! A transaction is aborted as a whole, and a batch of records is refused as a whole, so a failure says only that one of
//! several is bad. What failed is tried again in halves until a record is alone with its failure.

use std::collections::BTreeMap;
use std::time::Duration;

use statefun::ProcessingTime;

use super::control::{Commit, RefusedSeq};
use super::{Failures, Pending, Refusal, RefusalKind};

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
    unknown: BTreeMap<String, ProcessingTime>,
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
        Commit { last_seq, refused: all.collect() }
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
    pub(super) fn learn(
        &mut self,
        chunk: &[Pending],
        failures: &Failures,
        now: ProcessingTime,
        patience: Duration,
    ) -> Next {
        let mut next = None;
        let mut unknown = Vec::new();
        let tried: Vec<usize> = (0..chunk.len()).filter(|at| !self.is_doomed(chunk[*at].seq)).collect();
        let mut all = failures.of_records.iter().map(|(_, refusal)| refusal).chain(&failures.of_all);
        let is_suspect = all.any(|refusal| refusal.kind == RefusalKind::OfRecord);
        self.suspected = if is_suspect && tried.len() > 1 { chunk.len() } else { 0 };
        let halve = |at: usize| {
            // What stands before the failure is tried alone; a failure at the front is among the first half.
            let limit = if at > 0 { at } else { chunk.len() / 2 };
            Next::Try(limit.max(1))
        };
        for (at, refusal) in &failures.of_records {
            let pending = &chunk[*at];
            match refusal.kind {
                RefusalKind::OfTopic => {
                    self.doom(pending, refusal);
                    next.get_or_insert(Next::Try(chunk.len()));
                }
                RefusalKind::OfRecord if tried.len() == 1 => {
                    self.doom(pending, refusal);
                    next.get_or_insert(Next::Try(chunk.len()));
                }
                RefusalKind::OfRecord => {
                    if !matches!(next, Some(Next::Try(limit)) if limit < chunk.len()) {
                        next = Some(halve(*at));
                    }
                }
                RefusalKind::UnknownTopic => {
                    let topic = &pending.record.topic;
                    let since = *self.unknown.entry(topic.clone()).or_insert(now);
                    if now.since(since) >= patience {
                        self.doom(pending, refusal);
                        next.get_or_insert(Next::Try(chunk.len()));
                    } else if !unknown.contains(topic) {
                        unknown.push(topic.clone());
                    }
                }
                RefusalKind::OfProducer => return Next::Reopen,
                RefusalKind::Passing => {}
            }
        }
        match (&failures.of_all, next) {
            (_, Some(next)) => next,
            (None, None) => Next::Wait(unknown),
            (Some(refusal), None) => match refusal.kind {
                RefusalKind::OfTopic | RefusalKind::OfRecord if tried.len() == 1 => {
                    self.doom(&chunk[tried[0]], refusal);
                    Next::Try(chunk.len())
                }
                RefusalKind::OfTopic | RefusalKind::OfRecord => halve(0),
                RefusalKind::Passing | RefusalKind::UnknownTopic | RefusalKind::OfProducer => Next::Reopen,
            },
        }
    }

    fn doom(&mut self, pending: &Pending, refusal: &Refusal) {
        let mut why = format!("Kafka refused a record for topic {:?} for good: {}", pending.record.topic, refusal.why);
        if let Some((end, _)) = why.char_indices().nth(WHY_CHARS_MAX) {
            why.truncate(end);
        }
        self.doomed.insert(pending.seq, why);
    }
}

#[cfg(test)]
mod tests;
