//! `cargo sim`: runs seeds until one disagrees with the model.

use std::process::ExitCode;

use clap::Parser;
use statefun_sim::sweep::{Failure, Summary, Sweep};
use statefun_sim::world::NAMED_STEPS;
use statefun_sim::{BackendKind, Plant, RunOptions, run, time};

/// With so many seeds, every named step must have been met.
const SEEDS_TO_MEET_ALL: u64 = 1000;

/// Runs the whole system in one thread with faults from a seed, and compares it with a model.
#[derive(Debug, Parser)]
#[command(name = "cargo sim")]
struct Arguments {
    /// The first seed.
    #[arg(long, alias = "seed", default_value_t = 0)]
    from_seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The chance of a crash at each step (0.001 is one in a thousand); without it the seed decides when.
    #[arg(long)]
    crash: Option<f64>,
    /// How many seeds run at a time; without it, one per core.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print what happened in the first seed, step by step.
    #[arg(long)]
    trace: bool,
    /// Print how often each named step and fault was met.
    #[arg(long)]
    coverage: bool,
    /// Do something wrong on purpose; `list` shows what there is.
    #[arg(long)]
    plant: Option<String>,
    /// Keep epochs on a simulated disk in every run, not in every eighth.
    #[arg(long, conflicts_with = "reference")]
    disk: bool,
    /// Plant each bug in turn, look for it in the seeds, and print a table of who found it.
    #[arg(long)]
    plants: bool,
    /// Keep values and epochs in sorted maps instead of the platform's own state and store.
    #[arg(long)]
    reference: bool,
    /// Run event time instead: cyclic graphs that feed windows.
    #[arg(long)]
    time: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.time {
        return run_time(&arguments);
    }
    let plant = match arguments.plant.as_deref().map(|name| (name, Plant::named(name))) {
        None => None,
        Some((_, Some(plant))) => Some(plant),
        Some((name, None)) => {
            let names: Vec<_> = Plant::ALL.iter().map(|plant| plant.name()).collect();
            eprintln!("{name:?} is no planted bug; there are: {}", names.join(", "));
            return ExitCode::from(2);
        }
    };
    if arguments.crash.is_some_and(|crash| !(0.0..=1.0).contains(&crash)) {
        eprintln!("--crash takes a chance between 0 and 1");
        return ExitCode::from(2);
    }
    let options = RunOptions {
        seed: arguments.from_seed,
        crash_per_million: arguments.crash.map(|crash| (crash * 1e6) as u64),
        plant,
        is_traced: arguments.trace,
    };
    let backend = match (arguments.reference, arguments.disk) {
        (true, _) => BackendKind::Reference,
        (false, true) => BackendKind::Disk,
        (false, false) => BackendKind::Real,
    };
    if arguments.trace {
        return trace(&arguments, options, backend);
    }
    // A panic of the engine is a verdict like any other; its message is in it.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.plants {
        return find_plants(&arguments, options, backend);
    }
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let sweep = Sweep { from_seed: arguments.from_seed, seeds: arguments.seeds, jobs, options, backend };
    let summary = sweep.run(&|done| eprintln!("{done} of {} seeds", arguments.seeds));
    if arguments.coverage {
        print_coverage(&summary);
    }
    println!("{}", closing_line(&arguments, &summary));
    let missed = summary.missed();
    let must_meet_all =
        arguments.seeds >= SEEDS_TO_MEET_ALL && plant.is_none() && arguments.crash.is_none() && !arguments.reference;
    match &summary.failure {
        None if must_meet_all && !missed.is_empty() => {
            println!("never met, so nothing is known about: {}", missed.join("; "));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
        Some(failure) => {
            println!("{}", replay(&arguments, failure));
            ExitCode::FAILURE
        }
    }
}

/// Looks for every planted bug, on as many seeds as asked, a thousand unless more are.
fn find_plants(arguments: &Arguments, options: RunOptions, backend: BackendKind) -> ExitCode {
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (from_seed, seeds) = (arguments.from_seed, arguments.seeds.max(SEEDS_TO_MEET_ALL));
    let mut is_missed = false;
    println!("{:<28} {:>10}  what was seen", "bug", "first seed");
    for plant in Plant::ALL {
        let options = RunOptions { plant: Some(*plant), ..options };
        match (Sweep { from_seed, seeds, jobs, options, backend }).run(&|_| {}).failure {
            Some(Failure { seed, what }) => {
                let what: String = what.chars().take(90).collect();
                println!("{:<28} {seed:>10}  {what}", plant.name());
            }
            None => {
                is_missed = true;
                println!("{:<28} {:>10}  nothing in {seeds} seeds", plant.name(), "-");
            }
        }
    }
    if is_missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Event time, seed after seed.
fn run_time(arguments: &Arguments) -> ExitCode {
    let named = |name: &str| time::Plant::ALL.iter().copied().find(|plant| plant.name() == name);
    let plant = match arguments.plant.as_deref().map(|name| (name, named(name))) {
        None => None,
        Some((_, Some(plant))) => Some(plant),
        Some((name, None)) => {
            let names: Vec<_> = time::Plant::ALL.iter().map(|plant| plant.name()).collect();
            eprintln!("{name:?} is no planted bug of event time; there are: {}", names.join(", "));
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let begun = std::time::Instant::now();
    let mut total = time::Stats::default();
    for seed in arguments.from_seed..arguments.from_seed + arguments.seeds {
        match time::run(seed, plant) {
            Ok(stats) => total.add(&stats),
            Err(what) => {
                println!("seed {seed}: {what}\nreplay: cargo sim --time --seed {seed}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{} seeds of event time agree, {total:?}; {:.1} s", arguments.seeds, begun.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn trace(arguments: &Arguments, options: RunOptions, backend: BackendKind) -> ExitCode {
    let outcome = run(options, backend);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("seed {}, trace {:016x}: {:?}", arguments.from_seed, outcome.trace_hash, outcome.stats);
    match outcome.verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            println!("seed {}: {what}", arguments.from_seed);
            ExitCode::FAILURE
        }
    }
}

fn print_coverage(summary: &Summary) {
    for step in NAMED_STEPS {
        println!("{:>9}  {step}", summary.coverage.get(step).copied().unwrap_or_default());
    }
}

fn closing_line(arguments: &Arguments, summary: &Summary) -> String {
    let done = summary.runs.len();
    let verdict = match &summary.failure {
        None => "agree with the model".to_owned(),
        Some(failure) => format!("ran until seed {} did not agree", failure.seed),
    };
    let seconds = summary.took.as_secs_f64();
    format!(
        "{done} seeds from {} {verdict}; medians: {} events, {} steps, {} messages, {} crashes, {} epochs completed, {} \
         abandoned, {} remote calls, {} retries; {seconds:.1} s, {:.0} seeds/s",
        arguments.from_seed,
        summary.median(|stats| stats.events),
        summary.median(|stats| stats.steps),
        summary.median(|stats| stats.messages),
        summary.median(|stats| stats.crashes),
        summary.median(|stats| stats.epochs),
        summary.median(|stats| stats.abandoned),
        summary.median(|stats| stats.calls),
        summary.median(|stats| stats.retries),
        done as f64 / seconds.max(1e-9),
    )
}

fn replay(arguments: &Arguments, failure: &Failure) -> String {
    let mut command = format!("cargo sim --from-seed {} --seeds 1", failure.seed);
    if let Some(crash) = arguments.crash {
        command += &format!(" --crash {crash}");
    }
    if let Some(plant) = &arguments.plant {
        command += &format!(" --plant {plant}");
    }
    if arguments.reference {
        command += " --reference";
    }
    if arguments.disk {
        command += " --disk";
    }
    format!("seed {}: {}\nreplay: {command} --trace", failure.seed, failure.what)
}
