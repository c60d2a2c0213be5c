//! `statefun bench`: work that can be set beside other systems'.
//!
//! The work is stated so that others can do exactly the same: event `n` has `h = mix(42 + n)`, key `h mod K`, value 1.
//! Functions are ordinary SDK functions behind the public application; nothing in engine or state knows a benchmark. The
//! rate counts the last three quarters of the events, up to the moment at which the epoch that holds the last of them is
//! durable, and a checksum of the results is compared with an independent loop.

mod baseline;
mod embedded;
mod events;
mod functions;
mod latency;
mod recovery;
mod remote;
mod report;
mod script;
mod sinks;

use crate::Failure;
use crate::args::{BenchArguments, BenchCommand, BenchCommandLine, Workload};
use report::Figures;

pub(crate) fn bench(line: &BenchCommandLine) -> Result<(), Failure> {
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).try_init();
    match (&line.command, &line.work) {
        (Some(BenchCommand::Compare { file, json }), _) => baseline::compare(file, *json),
        (None, Some(arguments)) => {
            if let Some(stage) = arguments.stage {
                return recovery::stage(arguments, stage);
            }
            let figures = measure(arguments)?;
            figures.print(arguments.json);
            arguments.save.as_ref().map_or(Ok(()), |file| baseline::save(file, arguments, &figures))
        }
        (None, None) => Err(Failure::usage("say which work is to be measured; see `statefun bench --help`")),
    }
}

fn measure(arguments: &BenchArguments) -> Result<Figures, Failure> {
    if arguments.rate.is_some() && !matches!(arguments.workload, Workload::Latency | Workload::Remote) {
        let why = "only latency and remote run at a given rate; the others are measured as fast as they go";
        return Err(Failure::usage(format!("--rate: {why}")));
    }
    match arguments.workload {
        Workload::Counter | Workload::Chain | Workload::FanOut => embedded::run(arguments),
        Workload::Remote => remote::run(arguments),
        Workload::Recovery => recovery::run(arguments),
        Workload::Latency => latency::run(arguments),
    }
}
