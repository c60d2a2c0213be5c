/// Why a view did not do what it was asked, by whose turn it is now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// This process cannot do it at all.
    #[error("this process does not support {0}")]
    NotSupported(String),
    /// It is not there.
    #[error("there is no {0}")]
    NotFound(String),
    /// The request makes no sense to the node, though it was well formed.
    #[error("{0}")]
    Invalid(String),
    /// The present state of the node does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// More work waits than the limits allow.
    #[error("{0}")]
    Overloaded(String),
    /// The node is starting or stopping.
    #[error("{0}")]
    Unavailable(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}
