//! The node's clock, read here and nowhere else.

use std::time::{SystemTime, UNIX_EPOCH};

use statefun::ProcessingTime;

/// Milliseconds since the Unix epoch. May go back when an operator sets the clock; the engine does not let it.
#[must_use]
pub fn now() -> ProcessingTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ProcessingTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
