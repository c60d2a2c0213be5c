//! A broker with transactions, as far as one egress of one lineage can tell.
//!
//! It knows producers by the epoch that `init` gave them; a newer one fences all older ones. A transaction is decided in
//! one instant and becomes visible partition by partition after it. One that stands open for too long is aborted. The
//! broker remembers everything; it may be away, and requests may come late.

mod log;

use std::collections::BTreeMap;

use bytes::Bytes;
use statefun_engine::publication::{ControlRecord, View};

use crate::rng::Rng;
use log::{Fate, Log};

/// How many partitions the egress's topic has.
const PARTITIONS: usize = 2;

/// A record of the egress's topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whose it is.
    pub key: Bytes,
    /// What it says.
    pub value: Bytes,
}

/// Why the broker does not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A transaction is being decided or ended: ask again.
    NotYet,
    /// A newer producer has taken over, or the transaction took too long.
    Fenced,
    /// There is no transaction to end.
    NoTransaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    /// Since when.
    Open(u64),
    /// Decided; some partitions have not heard.
    Ending(Fate),
}

/// What happened to the broker that no producer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A partition heard how a transaction ended.
    Heard,
    /// A transaction stood open for too long.
    TimedOut,
    /// A late request was done.
    LateRequest,
    /// A late request came from a producer that had been fenced.
    LateRequestRefused,
}

/// See the [module documentation](self).
#[derive(Clone, Debug)]
pub struct Broker {
    partitions: Vec<Log<Written>>,
    control: Log<ControlRecord>,
    /// The newest producer's.
    epoch: u64,
    transaction: Transaction,
    timeout_ms: u64,
    /// It answers nobody before this.
    away_until: u64,
    /// Commits on their way, by arrival: the producers' epochs.
    late: BTreeMap<(u64, u64), u64>,
    late_requests: u64,
}

impl Broker {
    /// An empty one that aborts transactions after so long.
    #[must_use]
    pub fn new(timeout_ms: u64) -> Self {
        Self {
            partitions: vec![Log::default(); PARTITIONS],
            control: Log::default(),
            epoch: 0,
            transaction: Transaction::None,
            timeout_ms,
            away_until: 0,
            late: BTreeMap::new(),
            late_requests: 0,
        }
    }

    /// After how long it aborts transactions, in milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    /// Goes away.
    pub fn leave(&mut self, until: u64) {
        self.away_until = self.away_until.max(until);
    }

    /// When it answers again.
    #[must_use]
    pub fn away_until(&self) -> u64 {
        self.away_until
    }

    /// A producer wants to be the only one.
    ///
    /// # Errors
    /// While a transaction of an older one has to be ended first.
    pub fn init(&mut self) -> Result<u64, Refused> {
        match self.transaction {
            Transaction::None => {
                self.epoch += 1;
                Ok(self.epoch)
            }
            Transaction::Open(_) => {
                self.abort();
                Err(Refused::NotYet)
            }
            Transaction::Ending(_) => Err(Refused::NotYet),
        }
    }

    /// Makes the transaction of `epoch` one that records may be added to.
    fn open(&mut self, now: u64, epoch: u64) -> Result<(), Refused> {
        if epoch != self.epoch {
            return Err(Refused::Fenced);
        }
        match self.transaction {
            Transaction::Ending(_) => return Err(Refused::NotYet),
            Transaction::None => self.transaction = Transaction::Open(now),
            Transaction::Open(_) => {}
        }
        Ok(())
    }

    /// Adds records to the open transaction, which begins with the first.
    ///
    /// # Errors
    /// When the producer was fenced, or the transaction before this one has not ended.
    pub fn write(&mut self, now: u64, epoch: u64, records: impl Iterator<Item = Written>) -> Result<(), Refused> {
        self.open(now, epoch)?;
        for record in records {
            let partition = partition_of(&record.key);
            self.partitions[partition].append(record);
        }
        Ok(())
    }

    /// The same for the control topic.
    ///
    /// # Errors
    /// When the producer was fenced, or the transaction before this one has not ended.
    pub fn note(&mut self, now: u64, epoch: u64, records: &[ControlRecord]) -> Result<(), Refused> {
        self.open(now, epoch)?;
        records.iter().for_each(|record| self.control.append(record.clone()));
        Ok(())
    }

    /// Decides the open transaction.
    ///
    /// # Errors
    /// When the producer was fenced, or there is no transaction.
    pub fn end(&mut self, epoch: u64, is_commit: bool) -> Result<(), Refused> {
        if epoch != self.epoch {
            return Err(Refused::Fenced);
        }
        match self.transaction {
            Transaction::Open(_) => {
                self.transaction = Transaction::Ending(if is_commit { Fate::Committed } else { Fate::Aborted });
                Ok(())
            }
            Transaction::Ending(_) => Ok(()),
            Transaction::None => Err(Refused::NoTransaction),
        }
    }

    /// The request to commit is still on its way when everybody has stopped waiting for the answer.
    pub fn end_late(&mut self, at: u64, epoch: u64) {
        self.late_requests += 1;
        self.late.insert((at, self.late_requests), epoch);
    }

    /// The broker ends a transaction by itself, and whoever wrote it is fenced.
    fn abort(&mut self) {
        self.epoch += 1;
        self.transaction = Transaction::Ending(Fate::Aborted);
    }

    /// When [`happen`](Self::happen) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let late = self.late.keys().next().map(|(at, _)| *at);
        let own = match self.transaction {
            Transaction::None => None,
            Transaction::Open(since) => Some(since + self.timeout_ms),
            Transaction::Ending(_) => Some(0),
        };
        late.into_iter().chain(own).min().map(|at| at.max(self.away_until))
    }

    /// Something happens that is due.
    pub fn happen(&mut self, now: u64, rng: &mut Rng) -> Option<Happened> {
        if let Some(entry) = self.late.first_entry()
            && entry.key().0 <= now
        {
            let epoch = entry.remove();
            return Some(match self.end(epoch, true) {
                Ok(()) => Happened::LateRequest,
                Err(_) => Happened::LateRequestRefused,
            });
        }
        match self.transaction {
            Transaction::Open(since) if since + self.timeout_ms <= now => {
                self.abort();
                Some(Happened::TimedOut)
            }
            Transaction::Ending(fate) => {
                let open: Vec<_> = (0..PARTITIONS).filter(|at| self.partitions[*at].is_open()).collect();
                let is_control_open = self.control.is_open();
                let count = open.len() + usize::from(is_control_open);
                if count > 0 {
                    match open.get(rng.index(count)) {
                        Some(partition) => self.partitions[*partition].decide(fate),
                        None => self.control.decide(fate),
                    }
                }
                if count <= 1 {
                    self.transaction = Transaction::None;
                }
                Some(Happened::Heard)
            }
            Transaction::Open(_) | Transaction::None => None,
        }
    }

    /// Forgets records of the control topic that newer ones replace.
    pub fn compact(&mut self) {
        let mut seen = [false; 3];
        self.control.compact(|record| !std::mem::replace(&mut seen[kind_of(record)], true));
    }

    /// The newest committed records of the control topic.
    #[must_use]
    pub fn view(&self) -> View {
        let mut view = View::default();
        for record in self.control.committed().rev() {
            match record {
                ControlRecord::Claim(claim) => drop(view.claim.get_or_insert_with(|| claim.clone())),
                ControlRecord::Commit(commit) => drop(view.commit.get_or_insert_with(|| commit.clone())),
                ControlRecord::Mark(mark) => drop(view.mark.get_or_insert_with(|| mark.clone())),
            }
        }
        view
    }

    /// What readers of committed records see, partition by partition.
    pub fn committed(&self) -> impl Iterator<Item = &Written> {
        self.partitions.iter().flat_map(Log::committed)
    }

    /// Whether a transaction is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.transaction, Transaction::Open(_))
    }

    /// Whether a transaction is decided and not everywhere visible.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        matches!(self.transaction, Transaction::Ending(_))
    }
}

/// Which partition holds a key.
#[must_use]
pub fn partition_of(key: &[u8]) -> usize {
    key.iter().map(|byte| usize::from(*byte)).sum::<usize>() % PARTITIONS
}

fn kind_of(record: &ControlRecord) -> usize {
    match record {
        ControlRecord::Claim(_) => 0,
        ControlRecord::Commit(_) => 1,
        ControlRecord::Mark(_) => 2,
    }
}
