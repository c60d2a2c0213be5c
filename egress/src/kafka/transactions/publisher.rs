//! The thread that publishes.

use std::time::{Duration, Instant};

use statefun_ports::sink::SinkError;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};

use super::client::Client;
use super::control::encode;
use super::inbox::{Inbox, News, Pending};
use super::refusals::{Next, REMEMBERED_MAX, Refusals};
use super::session::Opener;
use super::terms::Terms;
use super::transaction::{self, Outcome};
use super::trouble::Trouble;
use crate::retry::Backoff;

/// Records and bytes of a transaction, at most. One record is always taken.
const RECORDS_MAX: usize = 10_000;
const BYTES_MAX: usize = 16 << 20;
const MENDING_PAUSE: Duration = Duration::from_millis(200);
/// Long enough for a producer that shut this one out to claim the egress.
const FENCED_PAUSE: Duration = Duration::from_millis(700);
const IDLE_POLL: Duration = Duration::from_secs(1);
const COMPLAINTS_APART: Duration = Duration::from_secs(10);
const LOOK_FOR: Duration = Duration::from_secs(2);

/// Publishes until told to stop, superseded, or beyond hope.
pub(super) struct Publisher {
    terms: Terms,
    inbox: Inbox,
    news: UnboundedSender<News>,
    opener: Opener,
    client: Option<Client>,
    refusals: Refusals,
    /// Everything up to here was published or refused.
    last_seq: u64,
    /// Records of the next transaction, at most.
    limit: usize,
    backoff: Backoff,
    complained: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(terms: Terms, inbox: Inbox, news: UnboundedSender<News>) -> Self {
        let opener = Opener::new(&terms);
        Self {
            terms,
            inbox,
            news,
            opener,
            client: None,
            refusals: Refusals::default(),
            last_seq: 0,
            limit: RECORDS_MAX,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
            complained: None,
        }
    }

    pub(super) fn run(mut self) {
        let result = self.publish_all();
        let owed = self.inbox.queue.len();
        if owed > 0 {
            warn!(egress = %self.terms.options.id, owed, "ending with records that stay in the outbox");
        }
        // Nobody listens if the sink was dropped.
        let _ = self.news.send(News::Ended(result));
    }

    fn publish_all(&mut self) -> Result<(), SinkError> {
        loop {
            if self.inbox.must_end() {
                return Ok(());
            }
            let Err(trouble) = self.step() else { continue };
            self.client = None;
            let id = self.terms.options.id;
            let failed = |message| SinkError { sink_id: id, message, retryable: false };
            let superseded = |by: String| {
                failed(format!(
                    "superseded: a newer start of this egress publishes ({by}); two processes share one history"
                ))
            };
            match trouble {
                Trouble::Ended => return Ok(()),
                Trouble::Hopeless(why) => return Err(failed(why)),
                Trouble::Superseded { by } => return Err(superseded(by)),
                Trouble::Passing(why) => {
                    self.complain(&why);
                    let pause = self.backoff.step();
                    self.inbox.pause(pause);
                }
                Trouble::Fenced(why) => {
                    info!(egress = %id, "another producer has taken the transactional id: {why}");
                    self.inbox.pause(FENCED_PAUSE + self.backoff.step());
                    if let Err(Trouble::Superseded { by }) = self.opener.look(&self.terms, &mut self.inbox) {
                        return Err(superseded(by));
                    }
                }
            }
        }
    }

    /// Warns of trouble, but does not go on about it: a broker may be away for hours.
    fn complain(&mut self, why: &str) {
        let id = self.terms.options.id;
        if self.complained.is_some_and(|last| last.elapsed() < COMPLAINTS_APART) {
            debug!(egress = %id, "trouble with Kafka, trying again: {why}");
            return;
        }
        self.complained = Some(Instant::now());
        warn!(egress = %id, "trouble with Kafka, trying again: {why}");
    }

    /// Does the next thing there is to do.
    fn step(&mut self) -> Result<(), Trouble> {
        if self.client.is_none() {
            let client = self.opener.open(&self.terms, &mut self.inbox)?;
            self.learn_what_was_published()?;
            self.client = Some(client);
        }
        self.settle();
        self.refusals.forget(self.inbox.completed);
        if self.inbox.queue.is_empty() || self.refusals.is_full() {
            self.inbox.wait(IDLE_POLL);
            if let Some(client) = &mut self.client
                && self.inbox.queue.is_empty()
            {
                client.poll().for_each(drop);
            }
            return if self.inbox.must_end() { Err(Trouble::Ended) } else { Ok(()) };
        }
        let done = self.transact();
        if done.is_err() {
            self.limit = (self.limit / 2).max(1);
        }
        done
    }

    /// After opening: the topic knows better than we do.
    fn learn_what_was_published(&mut self) -> Result<(), Trouble> {
        let found = self.opener.ledger.last_seq().unwrap_or(0);
        if found < self.last_seq {
            return Err(Trouble::Hopeless(format!(
                "control topic {:?} has forgotten that records up to {} were published, it says {found}",
                self.terms.control_topic, self.last_seq
            )));
        }
        debug!(egress = %self.terms.options.id, last_seq = found, "published until now");
        self.last_seq = found;
        if let Some(commit) = &self.opener.ledger.commit {
            self.refusals.restore(commit, self.inbox.completed);
        }
        Ok(())
    }

    /// Tells what became of the records up to the last commit.
    fn settle(&mut self) {
        let (mut seqs, mut published_bytes) = (Vec::new(), 0);
        while let Some((seq, bytes)) = self.inbox.queue.front().map(|pending| (pending.seq, pending.size()))
            && seq <= self.last_seq
        {
            self.inbox.queue.pop_front();
            match self.refusals.settle(seq, self.inbox.completed) {
                // Nobody listens if the sink was dropped.
                Some(why) => drop(self.news.send(News::Refused { seq, why, bytes })),
                None => {
                    seqs.push(seq);
                    published_bytes += bytes;
                }
            }
        }
        if !seqs.is_empty() {
            drop(self.news.send(News::Published { seqs, bytes: published_bytes }));
        }
    }

    fn transact(&mut self) -> Result<(), Trouble> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let chunk = chunk(self.inbox.queue.iter(), self.limit, |seq| self.refusals.is_doomed(seq));
        let Some(last) = chunk.last().map(|pending| pending.seq) else { return Ok(()) };
        let record = (self.terms.keys.commit.clone(), encode(&self.refusals.commit(last)));
        let began = Instant::now();
        let refusals = &self.refusals;
        let left_out = |seq| refusals.is_doomed(seq);
        match transaction::run(&self.terms, client, &chunk, left_out, record, &mut self.inbox)? {
            Outcome::Committed => {
                self.backoff.reset();
                self.refusals.known(&chunk);
                self.last_seq = last;
                self.settle();
                let is_slow = began.elapsed() > self.terms.timeout / 4;
                let next = self.refusals.after_commit(chunk.len());
                // A small transaction because there was little to do is no reason to keep the next one small.
                let is_cut_short = chunk.len() < self.limit;
                self.limit = match (is_slow, self.refusals.is_searching()) {
                    (true, _) => (chunk.len() / 2).max(1),
                    (false, true) => next,
                    (false, false) if is_cut_short => self.limit,
                    (false, false) => next.min(RECORDS_MAX),
                };
            }
            Outcome::Aborted(failures) => {
                let patience = self.terms.options.unknown_topic_patience;
                match self.refusals.learn(&chunk, &failures, Instant::now(), patience) {
                    Next::Try(limit) => self.limit = limit.max(1),
                    Next::Wait(unknown) => {
                        debug!(egress = %self.terms.options.id, ?failures, "a transaction was aborted, trying again");
                        for topic in unknown {
                            client.look_for(&topic, LOOK_FOR);
                        }
                        self.inbox.pause(MENDING_PAUSE);
                    }
                    Next::Reopen => return Err(Trouble::Passing(format!("publishing: {failures:?}"))),
                }
            }
        }
        Ok(())
    }
}

/// The records of the next transaction. Values are counted references, so this copies little.
fn chunk<'a>(
    queue: impl Iterator<Item = &'a Pending>,
    records_max: usize,
    is_doomed: impl Fn(u64) -> bool,
) -> Vec<Pending> {
    let (mut bytes, mut doomed) = (0, 0);
    let fits = |(n, pending): &(usize, &Pending)| {
        bytes += pending.size();
        doomed += usize::from(is_doomed(pending.seq));
        *n == 0 || (bytes <= BYTES_MAX && doomed <= REMEMBERED_MAX)
    };
    queue.take(records_max).enumerate().take_while(fits).map(|(_, pending)| pending.clone()).collect()
}
