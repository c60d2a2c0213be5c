//! Why a request was not answered.

use statefun::function::FunctionError;
use statefun::{Address, AddressError, SymbolError};

/// A request of the request-reply protocol was not answered, and nothing of it has happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The body is no `ToFunction` message.
    #[error("the request is no ToFunction message: {0}")]
    Malformed(#[source] prost::DecodeError),
    /// The request asks for nothing.
    #[error("the request has no invocation")]
    NoInvocation,
    /// The request does not say whom it is for.
    #[error("the request has no target")]
    NoTarget,
    /// A message says nothing.
    #[error("message {index} of the request has no argument")]
    NoArgument {
        /// Its position in the request, counted from zero.
        index: usize,
    },
    /// A caller that is no address.
    #[error("a caller is no address: {0}")]
    Caller(#[from] AddressError),
    /// Other people's requests named more types than a process can remember.
    #[error(transparent)]
    TooManyNames(SymbolError),
    /// A function that is not served here.
    #[error("there is no function {namespace}/{name} here")]
    UnknownFunction {
        /// The namespace that was asked for.
        namespace: String,
        /// The name that was asked for.
        name: String,
    },
    /// The function did not handle a message.
    #[error("{target} did not handle message {index} of the request: {error}")]
    Failed {
        /// The instance that ran.
        target: Address,
        /// The message's position in the request, counted from zero.
        index: usize,
        /// What the function said.
        #[source]
        error: FunctionError,
    },
    /// The function awaits, and whoever answers does not.
    #[error("{0} awaits: it is answered with Functions::handle_async")]
    Awaits(statefun::FunctionType),
    /// The function panicked.
    #[error("{target} panicked at message {index} of the request: {message}")]
    Panicked {
        /// The instance that ran.
        target: Address,
        /// The message's position in the request, counted from zero.
        index: usize,
        /// What the panic said.
        message: String,
    },
}

impl HandleError {
    /// The HTTP status that says so: 400 for a request that nobody could answer, 500 for everything else, as the SDKs
    /// of all languages have it. The runtime decides by the endpoint's `onFailure` how often to try again.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::NoInvocation | Self::NoTarget | Self::NoArgument { .. } | Self::Caller(_) => 400,
            Self::TooManyNames(_)
            | Self::UnknownFunction { .. }
            | Self::Failed { .. }
            | Self::Awaits(_)
            | Self::Panicked { .. } => 500,
        }
    }
}
