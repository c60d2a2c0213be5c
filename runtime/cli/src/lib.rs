//! The `statefun` command: the only place that composes connectors, transports, state and the node.
//!
//! It is a library as well, for two uses: [`Runtime`] is a node inside a program of your own, and [`command`] makes a
//! `statefun` command that knows your functions, with all its subcommands.

mod args;
mod bench;
mod check;
mod client;
mod compose;
mod config;
mod doctor;
mod embedding;
mod logging;
mod report;
mod run;
mod savepoint;
mod standing;
mod store;
mod telemetry;
mod view;

use std::process::ExitCode;

use clap::Parser;
use statefun_sdk::Functions;

use args::{Arguments, Command};
pub use embedding::{IntoEvent, Running, Runtime, RuntimeBuilder, RuntimeError};
pub use standing::Summary;

/// What went wrong, by the exit code that says whose fault it was.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage or configuration: exit 2. Everything was said already if there is no text.
    Usage(Option<String>),
    /// Failed while running: exit 1.
    Running(String),
}

impl Failure {
    pub(crate) fn usage(text: impl std::fmt::Display) -> Self {
        Self::Usage(Some(text.to_string()))
    }

    pub(crate) fn running(text: impl std::fmt::Display) -> Self {
        Self::Running(text.to_string())
    }
}

/// The `statefun` command with these functions compiled in, for `kind: io.statefun.embedded.v1/functions` of a module:
/// reads the arguments of the process, does what they say and gives the exit code (0 done, 1 failed while running,
/// 2 wrong usage or configuration).
///
/// ```no_run
/// use std::process::ExitCode;
/// use statefun_sdk::Functions;
///
/// fn main() -> ExitCode {
///     statefun_cli::command(Functions::new())
/// }
/// ```
#[must_use]
pub fn command(functions: Functions) -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run(arguments) => run::run(&arguments, &functions),
        Command::Check(arguments) => check::check(&arguments),
        Command::Send(arguments) => client::send(&arguments),
        Command::State { command } => client::state(&command),
        Command::Functions { command } => client::functions(&command),
        Command::Savepoint { command } => savepoint::command(&command),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Version => {
            println!("statefun {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            if let Some(text) = text {
                eprintln!("error: {text}");
            }
            ExitCode::from(2)
        }
        Err(Failure::Running(text)) => {
            eprintln!("error: {text}");
            ExitCode::from(1)
        }
    }
}
