//! One run, from seed to verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::backend::{Backend, OnDisk, Real, Reference};
use crate::world::{Coverage, RunOptions, Stats, World};

/// Where values live in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendKind {
    /// The platform's own, with its real encoding; for every eighth seed on a simulated disk.
    #[default]
    Real,
    /// The platform's own, always on a simulated disk.
    Disk,
    /// Sorted maps.
    Reference,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it was.
    pub stats: Stats,
    /// What it met.
    pub coverage: Coverage,
    /// The hash of its trace.
    pub trace_hash: u64,
    /// The lines of its trace, if they were kept.
    pub lines: Vec<String>,
    /// What is wrong, if anything.
    pub verdict: Result<(), String>,
}

/// Runs a seed.
#[must_use]
pub fn run(options: RunOptions, backend: BackendKind) -> Outcome {
    match backend {
        BackendKind::Real if options.seed % 8 != 7 => run_on(options, Real::default()),
        BackendKind::Real | BackendKind::Disk => run_on(options, OnDisk::new(options.seed)),
        BackendKind::Reference => run_on(options, Reference::new()),
    }
}

fn run_on<B: Backend>(options: RunOptions, backend: B) -> Outcome {
    let mut world = None;
    let verdict = catch_unwind(AssertUnwindSafe(|| {
        let world = world.insert(World::new(options, backend));
        world.run().and_then(|()| world.check())
    }));
    let verdict = verdict.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("without a word")))
    });
    match world {
        Some(world) => Outcome {
            stats: world.stats,
            coverage: world.coverage,
            trace_hash: world.trace.hash(),
            lines: world.trace.into_lines(),
            verdict,
        },
        None => {
            Outcome { stats: Stats::default(), coverage: Coverage::new(), trace_hash: 0, lines: Vec::new(), verdict }
        }
    }
}
