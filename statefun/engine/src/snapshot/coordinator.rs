//! Opens epochs, gathers their parts, has them made durable, and says so.
//!
//! ```text
//!  Idle ──tick or request──▶ Gathering ──last part──▶ Committing ──ok──▶ Completed
//!                                │                        └─failed─┐
//!                                └──────── too late ───────────────┴──▶ Abandoned
//! ```
//!
//! One epoch is open at a time and a number is never used twice, so a marker or part of an abandoned epoch can be told
//! from a living one. An epoch opens when its interval has passed, or at once when somebody waits for durability; while
//! one is open, whoever asks joins the next, so that a burst of callers shares commits.

use std::collections::BTreeSet;
use std::time::Duration;

use statefun::{Epoch, Generation, ProcessingTime};
use statefun_ports::keyed_state::EncodedPart;

use crate::channel::{Marker, Participant, Topology};

/// How often epochs close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The time between epochs that nobody asked for.
    pub interval: Duration,
    /// An epoch that has not all its parts by then is abandoned.
    pub timeout: Duration,
    /// The wait after an abandoned epoch.
    pub retry_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(60),
            retry_after: Duration::from_millis(200),
        }
    }
}

/// Proof that an epoch is durable in this generation. Only the coordinator mints one, so nobody can publish what may
/// still be abandoned.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPermit {
    epoch: Epoch,
    generation: Generation,
}

impl CommitPermit {
    /// The epoch that exists.
    #[must_use]
    pub fn epoch(self) -> Epoch {
        self.epoch
    }

    /// The generation in which it came to exist.
    #[must_use]
    pub fn generation(self) -> Generation {
        self.generation
    }
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Tell every source to close the epoch.
    Start(Marker),
    /// Make these parts durable, atomically, and report with [`Coordinator::on_committed`].
    Commit {
        /// The epoch.
        epoch: Epoch,
        /// Its parts, those that hold nothing left out.
        parts: Vec<EncodedPart>,
    },
    /// Tell everybody that the epoch exists.
    Completed(CommitPermit),
    /// Tell everybody that it never will.
    Abandoned(Epoch),
}

/// Opens epochs, gathers their parts, has them made durable, and says so. One epoch is open at a time.
#[derive(Debug)]
pub struct Coordinator {
    options: Options,
    topology: Topology,
    generation: Generation,
    completed: Epoch,
    last: Epoch,
    phase: Phase,
    /// Somebody waits for an epoch that begins from now on.
    wanted: bool,
    next_at: ProcessingTime,
    stats: Stats,
}

/// What epochs cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Epochs that exist.
    pub completed: u64,
    /// Epochs that never will.
    pub abandoned: u64,
    /// Of those, the ones that held anything and so went to disk.
    pub written: u64,
    /// Bytes of all parts.
    pub bytes: u64,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Gathering { epoch: Epoch, since: ProcessingTime, missing: BTreeSet<Participant>, parts: Vec<EncodedPart> },
    Committing { epoch: Epoch },
}

impl Coordinator {
    /// A coordinator whose newest epoch is `completed`.
    #[must_use]
    pub fn new(
        options: Options,
        topology: Topology,
        generation: Generation,
        completed: Epoch,
        now: ProcessingTime,
    ) -> Self {
        Self {
            options,
            topology,
            generation,
            completed,
            last: completed,
            phase: Phase::Idle,
            wanted: false,
            next_at: now.after(options.interval),
            stats: Stats::default(),
        }
    }

    /// The newest epoch that exists.
    #[must_use]
    pub fn completed(&self) -> Epoch {
        self.completed
    }

    /// The newest epoch that ever began.
    #[must_use]
    pub fn last(&self) -> Epoch {
        self.last
    }

    /// What epochs have cost.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether an epoch is open or asked for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.wanted || !matches!(self.phase, Phase::Idle)
    }

    /// When to call [`Coordinator::on_tick`] if nothing else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<ProcessingTime> {
        match &self.phase {
            Phase::Idle => Some(self.next_at),
            Phase::Gathering { since, .. } => Some(since.after(self.options.timeout)),
            Phase::Committing { .. } => None,
        }
    }

    /// Time has passed.
    pub fn on_tick(&mut self, now: ProcessingTime, out: &mut Vec<Command>) {
        match &self.phase {
            Phase::Idle if self.next_at <= now => self.start(now, out),
            Phase::Gathering { epoch, since, .. } if since.after(self.options.timeout) <= now => {
                let epoch = *epoch;
                self.abandon(now, epoch, out);
            }
            Phase::Idle | Phase::Gathering { .. } | Phase::Committing { .. } => {}
        }
    }

    /// Somebody waits for durability.
    pub fn on_request(&mut self, now: ProcessingTime, out: &mut Vec<Command>) {
        match self.phase {
            Phase::Idle => self.start(now, out),
            Phase::Gathering { .. } | Phase::Committing { .. } => self.wanted = true,
        }
    }

    /// A participant's part is there.
    pub fn on_part(&mut self, from: Participant, part: EncodedPart, out: &mut Vec<Command>) {
        let Phase::Gathering { epoch, missing, parts, .. } = &mut self.phase else { return };
        if part.epoch != *epoch || !missing.remove(&from) {
            return;
        }
        if !part.is_empty() {
            parts.push(part);
        }
        if missing.is_empty() {
            let (epoch, parts) = (*epoch, std::mem::take(parts));
            self.stats.bytes += parts.iter().map(EncodedPart::len).sum::<usize>() as u64;
            self.stats.written += u64::from(!parts.is_empty());
            self.phase = Phase::Committing { epoch };
            out.push(Command::Commit { epoch, parts });
        }
    }

    /// What came of [`Command::Commit`].
    pub fn on_committed(&mut self, now: ProcessingTime, epoch: Epoch, durable: bool, out: &mut Vec<Command>) {
        if !matches!(self.phase, Phase::Committing { epoch: open } if open == epoch) {
            return;
        }
        if !durable {
            self.abandon(now, epoch, out);
            return;
        }
        self.completed = epoch;
        self.stats.completed += 1;
        out.push(Command::Completed(CommitPermit { epoch, generation: self.generation }));
        self.phase = Phase::Idle;
        self.next_at = now.after(self.options.interval);
        if self.wanted {
            self.start(now, out);
        }
    }

    fn start(&mut self, now: ProcessingTime, out: &mut Vec<Command>) {
        self.wanted = false;
        self.last = self.last.next();
        let missing = self.topology.participants().collect();
        self.phase = Phase::Gathering { epoch: self.last, since: now, missing, parts: Vec::new() };
        out.push(Command::Start(Marker { epoch: self.last, completed: self.completed }));
    }

    fn abandon(&mut self, now: ProcessingTime, epoch: Epoch, out: &mut Vec<Command>) {
        self.stats.abandoned += 1;
        self.phase = Phase::Idle;
        // Whoever waited waits for the next one.
        self.next_at = now.after(self.options.retry_after);
        out.push(Command::Abandoned(epoch));
    }
}
