//! Made-up events, for demonstrations, load and tests.
//!
//! Event `n` depends on the seed and on `n` alone. So the position is `n`, a restart goes on exactly where an epoch ended,
//! and two runs of one seed say the same things in the same order.

mod options;
mod source;
mod template;

pub use options::{EventTimes, Options};
pub use source::GeneratorSource;
pub use template::{Part, Template};
