//! Decisions about invocations: what goes into a request, how long to wait after a failure, and whether effects may be
//! applied. The shard carries them out.

mod backoff;
mod batch;
mod check;

pub use backoff::backoff;
pub use batch::batch_len;
pub use check::{InvalidEffects, check};
