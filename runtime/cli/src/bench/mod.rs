//! `statefun bench`: work that can be set beside other systems'.
//!
//! The work is stated so that others can do exactly the same: event `n` has `h = mix(42 + n)`, key `h mod K`, value 1.
//! Functions are ordinary SDK functions behind the public application; nothing in engine or state knows a benchmark. The
//! rate counts the last three quarters of the events, up to the moment at which the epoch that holds the last of them is
//! durable, and a checksum of the results is compared with an independent loop.

mod embedded;
mod events;
mod functions;
mod remote;
mod report;
mod sinks;

use crate::Failure;
use crate::args::{BenchArguments, Workload};

pub(crate) fn bench(arguments: &BenchArguments) -> Result<(), Failure> {
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).try_init();
    let report = match arguments.workload {
        Workload::Counter | Workload::Chain | Workload::FanOut => embedded::run(arguments)?,
        Workload::Remote => remote::run(arguments)?,
    };
    report.print(arguments.json);
    Ok(())
}
