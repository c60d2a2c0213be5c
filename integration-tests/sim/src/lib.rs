//! The whole system in one thread, with faults from a seed.
//!
//! ```text
//!   seed ─▶ Plan ─┬─▶ World: the engine's cores, channels, a clock, remote functions, connectors, a store, crashes
//!                 └─▶ model::World: a queue and a table                       │
//!                                       │                                     │
//!                                       └──────────▶ check ◀──────────────────┘
//! ```
//!
//! The scheduler draws what happens next: which channel delivers how much, whose timer fires, which call is answered,
//! how a commit ends, when everything crashes. Whatever it draws, at rest every value, every durable row and every
//! record outside must be what the model says.
//!
//! The ledger is published by the engine's own publication against a modelled [`broker`], the way the Kafka egress does it.
//!
//! Start at [`run::run`], then [`world::World`] and [`model::World`]. [`plant`] holds bugs on purpose, which prove that
//! the checker sees what it should.

pub mod app;
pub mod backend;
pub mod broker;
mod check;
pub mod external;
pub mod model;
pub mod plant;
pub mod rng;
pub mod run;
pub mod sweep;
pub mod time;
pub mod trace;
pub mod world;

pub use plant::Plant;
pub use run::{BackendKind, Outcome, run};
pub use world::{RunOptions, Stats};
