//! Golden vectors: an operator description, a scripted input, and the exact output that Apache Flink produced for it.
//!
//! [`Case::load_family`] reads them from `$GOLDEN_DIR/<family>` when that is set, else from the copy in the repository.
//! A test implements [`Operator`] for what it tests and calls [`check_family`]:
//!
//! ```no_run
//! # use integration_tests::golden::{check_family, Case, Operator, Output, Event, BuildError};
//! # use serde::{Serialize, Deserialize};
//! # #[derive(Serialize, Deserialize)] struct MyOperator;
//! # impl Operator for MyOperator {
//! #     fn build(_: &Case) -> Result<Self, BuildError> { Ok(Self) }
//! #     fn on_event(&mut self, _: usize, _: &Event, _: i64, _: &mut Output) {}
//! #     fn on_watermark(&mut self, _: i64, _: &mut Output) {}
//! #     fn snapshot(&self) -> Vec<u8> { Vec::new() }
//! #     fn restore(_: &Case, _: &[u8]) -> Result<Self, BuildError> { Ok(Self) }
//! # }
//! check_family::<MyOperator>("windows", None);
//! check_family::<MyOperator>("windows", Some(10)); // crash and restore at every tenth line
//! ```

mod case;
mod check;
mod compare;
mod driver;
mod script;

pub use case::{Case, Compare, LoadError};
pub use check::{check_family, check_family_tolerating};
pub use compare::{Difference, compare};
pub use driver::{BuildError, Operator, Output, play};
pub use script::{Event, Line};
