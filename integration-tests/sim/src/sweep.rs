//! Many seeds, on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::run::{BackendKind, run};
use crate::world::{Coverage, NAMED_STEPS, RunOptions, Stats};

/// Which seeds to run, and how.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The first seed.
    pub from_seed: u64,
    /// How many.
    pub seeds: u64,
    /// How many threads.
    pub jobs: usize,
    /// What is asked of each run; the seed in it is replaced.
    pub options: RunOptions,
    /// Where values live.
    pub backend: BackendKind,
}

/// A run that disagreed with the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
}

/// What came of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What the runs were.
    pub runs: Vec<Stats>,
    /// What they met, together.
    pub coverage: Coverage,
    /// The failure with the smallest seed.
    pub failure: Option<Failure>,
    /// How long it took.
    pub took: Duration,
}

impl Sweep {
    /// Runs the seeds until one fails. `progress` is called about once a second with how many are done.
    pub fn run(&self, progress: &(dyn Fn(u64) + Sync)) -> Summary {
        let began = Instant::now();
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Summary::default());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| self.work(&next, &summary));
            }
            scope.spawn(|| {
                let mut last = Instant::now();
                loop {
                    std::thread::sleep(Duration::from_millis(20));
                    let done = summary.lock().expect("workers do not panic").runs.len() as u64;
                    if done + self.jobs as u64 > self.seeds || next.load(Ordering::Relaxed) >= self.seeds {
                        return;
                    }
                    if last.elapsed() >= Duration::from_secs(1) {
                        last = Instant::now();
                        progress(done);
                    }
                }
            });
        });
        let mut summary = summary.into_inner().expect("workers do not panic");
        summary.took = began.elapsed();
        summary
    }

    fn work(&self, next: &AtomicU64, summary: &Mutex<Summary>) {
        loop {
            let offset = next.fetch_add(1, Ordering::Relaxed);
            if offset >= self.seeds {
                return;
            }
            let seed = self.from_seed + offset;
            let outcome = run(RunOptions { seed, ..self.options }, self.backend);
            let mut summary = summary.lock().expect("workers do not panic");
            summary.runs.push(outcome.stats);
            for (what, times) in outcome.coverage {
                *summary.coverage.entry(what).or_default() += times;
            }
            if let Err(what) = outcome.verdict {
                // Seeds are handed out in order, so all smaller ones are done or under way.
                next.store(self.seeds, Ordering::Relaxed);
                if summary.failure.as_ref().is_none_or(|failure| failure.seed > seed) {
                    summary.failure = Some(Failure { seed, what });
                }
            }
        }
    }
}

impl Summary {
    /// The named steps that no run has met.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        NAMED_STEPS.iter().copied().filter(|step| !self.coverage.contains_key(step)).collect()
    }

    /// The median over all runs of something they count.
    #[must_use]
    pub fn median(&self, of: impl Fn(&Stats) -> u64) -> u64 {
        let mut values: Vec<_> = self.runs.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }
}
