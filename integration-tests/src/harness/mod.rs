//! What black-box tests are made of: the real binary, a real broker, real applications, and remote functions that misbehave.
//!
//! ```text
//!            ┌ FunctionServer (in the test: a closure answers calls)     Broker (Apache Kafka)
//!  test ─────┤ App (the official SDKs, one process per language)            ▲       │
//!            └ Application ── start/kill/stop ──▶ Node (`statefun run`) ◀───┴───────┘
//! ```
//!
//! Start at [`Application::new`]. Nothing here knows the inside of the platform: it is driven through its command line,
//! its HTTP doors, its admin API and Kafka.
//!
//! | Variable | What it does |
//! |---|---|
//! | `STATEFUN_BIN` | the binary under test, instead of the one built beside the tests |
//! | `STATEFUN_TEST_FULL=1` | the long versions: 100 kills, a million keys |
//! | `STATEFUN_TEST_SEED` | repeats the draws of a run, which printed it |
//! | `STATEFUN_TESTS_CACHE` | where Kafka and the SDKs are kept, instead of `~/.cache/statefun-tests` |
//!
//! # Invariants
//! * Nobody sleeps to be safe: [`eventually`] asks again until a deadline, so a test takes as long as it must.
//! * Nothing outlives the test process, however that ends: every child has a [guardian](process).

pub mod apps;
mod draws;
pub mod functions;
mod http;
pub mod kafka;
mod module;
mod node;
pub mod ports;
pub mod process;
mod wait;

pub use apps::{App, Language};
pub use draws::Draws;
pub use functions::{Answer, Call, Effects, FunctionServer, HangingServer, Message};
pub use http::{Http, Response};
pub use kafka::{Broker, Follower, KafkaClient, Record};
pub use module::Documents;
pub use node::{Application, Node, Output, statefun};
pub use wait::{Percentiles, eventually, is_full};
