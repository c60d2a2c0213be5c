//! What went wrong, in the words of the port.

use std::fmt::Display;

use statefun::Epoch;
use statefun_ports::snapshot_store::StoreError;

/// Stored bytes do not say what they should.
pub(crate) fn damaged(epoch: Epoch, what: impl Display) -> StoreError {
    StoreError::Damaged { epoch, what: what.to_string() }
}

/// Something could not be done.
pub(crate) fn io(attempt: impl Into<String>, cause: impl Display) -> StoreError {
    StoreError::Io { attempt: attempt.into(), cause: cause.to_string() }
}
