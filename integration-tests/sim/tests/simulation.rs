//! The simulator proves itself, then the engine.

use std::thread::available_parallelism;

use statefun_sim::sweep::{Summary, Sweep};
use statefun_sim::{BackendKind, Plant, RunOptions, run};

fn sweep(from_seed: u64, seeds: u64, options: RunOptions, backend: BackendKind) -> Summary {
    let jobs = available_parallelism().map_or(1, usize::from);
    Sweep { from_seed, seeds, jobs, options, backend }.run(&|_| {})
}

#[test]
fn the_same_seed_twice_is_the_same_run_to_the_last_step() {
    for backend in [BackendKind::Real, BackendKind::Disk, BackendKind::Reference] {
        for seed in 0..10 {
            let options = RunOptions { seed, is_traced: true, ..RunOptions::default() };
            let (first, second) = (run(options, backend), run(options, backend));
            let different = first.lines.iter().zip(&second.lines).find(|(first, second)| first != second);
            assert_eq!(different, None, "seed {seed} on {backend:?}");
            assert_eq!(first.trace_hash, second.trace_hash, "seed {seed} on {backend:?}");
            assert_eq!(first.stats, second.stats);
            assert!(!first.lines.is_empty());
        }
    }
}

#[test]
fn different_seeds_are_different_runs() {
    let hash = |seed| run(RunOptions { seed, ..RunOptions::default() }, BackendKind::Real).trace_hash;
    assert_ne!(hash(1), hash(2));
}

#[test]
fn a_thousand_seeds_agree_with_the_model_and_crash_at_every_named_step() {
    let summary = sweep(0, 1000, RunOptions::default(), BackendKind::Real);
    assert_eq!(summary.failure, None, "replay: cargo sim --from-seed <seed> --trace");
    assert_eq!(summary.runs.len(), 1000);
    for stats in &summary.runs {
        assert!(stats.events >= 200 && stats.crashes >= 2 && stats.calls > 0 && stats.epochs > 0, "{stats:?}");
    }
    assert_eq!(summary.missed(), [""; 0], "never met");
}

#[test]
fn the_reference_state_agrees_with_the_model_too() {
    let summary = sweep(10_000, 100, RunOptions::default(), BackendKind::Reference);
    assert_eq!(summary.failure, None, "replay: cargo sim --from-seed <seed> --reference --trace");
}

#[test]
fn the_store_on_a_disk_that_forgets_agrees_with_the_model_too() {
    let summary = sweep(30_000, 150, RunOptions::default(), BackendKind::Disk);
    assert_eq!(summary.failure, None, "replay: cargo sim --from-seed <seed> --disk --trace");
    for step in summary.coverage.keys().filter(|step| step.contains("disk")) {
        assert!(summary.coverage[step] >= 10, "{step} is met too seldom");
    }
}

#[test]
fn crashes_may_come_at_any_step() {
    for crash_per_million in [0, 1_000, 20_000] {
        let options = RunOptions { crash_per_million: Some(crash_per_million), ..RunOptions::default() };
        let summary = sweep(20_000, 60, options, BackendKind::Real);
        assert_eq!(summary.failure, None, "with {crash_per_million} crashes per million steps");
    }
}

#[test]
fn every_planted_bug_is_found_within_a_thousand_seeds() {
    for plant in Plant::ALL {
        let options = RunOptions { plant: Some(*plant), ..RunOptions::default() };
        let summary = sweep(0, 1000, options, BackendKind::Real);
        assert!(summary.failure.is_some(), "nobody notices {}", plant.name());
    }
}
