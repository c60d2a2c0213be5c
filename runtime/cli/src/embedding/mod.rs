//! A node inside a program of one's own: nothing to install, nothing to deploy.
//!
//! ```text
//!  events(..) ──▶ your functions ──▶ egress(.., |from, value| ..)      state: a directory, or memory
//!  send / ask ──▶                ◀── what module.yaml adds: Kafka, HTTP, files, remote functions
//! ```

mod builder;
mod running;
#[cfg(test)]
mod tests;

pub use builder::{IntoEvent, Runtime, RuntimeBuilder};
pub use running::Running;

use crate::Failure;

/// Why a node does not start or go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// It cannot be done as asked: a module, a setting, an address or the data directory.
    #[error("{0}")]
    Usage(String),
    /// It failed while running.
    #[error("{0}")]
    Running(String),
    /// Nobody serves the function.
    #[error("no function {0} is served")]
    UnknownFunction(statefun::FunctionType),
    /// No answer in time. The message itself is `durable` or nothing is known of it.
    #[error("no answer in time; the message {}", if *durable { "is durable and will be handled" } else { "may or may not have been taken" })]
    NoAnswer {
        /// Whether the message is durable.
        durable: bool,
    },
}

impl From<Failure> for RuntimeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Usage(Some(text)) => Self::Usage(text),
            // What is wrong was printed line by line already.
            Failure::Usage(None) => Self::Usage("the module cannot run".to_owned()),
            Failure::Running(text) => Self::Running(text),
        }
    }
}
