//! Logs: human on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Failure;
use crate::config::Config;

pub(crate) fn start(config: &Config) -> Result<(), Failure> {
    let level = config.text("log.level");
    // The HTTP servers announce every worker; what they serve is said by `run`.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{level}"))
        .map_err(|error| Failure::usage(format!("log.level is {level:?}, which is no filter: {error}")))?;
    let is_human = match config.text("log.format") {
        "human" => true,
        "json" => false,
        _ => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = if is_human {
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
        registry.with(layer).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()
    };
    started.map_err(Failure::running)
}
