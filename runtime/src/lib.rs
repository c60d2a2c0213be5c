//! How it happens: actors that perform the engine's effects.
//!
//! ```text
//!   connector task ──▶ SourceActor ──▶ ShardActor ──▶ SinkActor ──▶ connector task
//!                          ▲            (one thread each)  │
//!                          └──── CoordinatorActor ◀────────┘──▶ store thread
//! ```
//!
//! Each actor owns one core of `statefun-engine`, feeds it one input at a time with the time of the node's clock, and
//! performs what it says, in order. No decision about the domain is taken here.
//!
//! [`Application`] is what runs (the CLI composes it from `module.yaml`, an embedding program in code), [`Node::start`]
//! recovers and starts it, and [`Node`] is the handle by which it is watched and stopped.

mod actors;
mod application;
mod clock;
mod node;
mod pressure;
pub mod telemetry;
mod universe;

pub use application::{
    Application, EgressKind, FunctionFactory, FunctionHome, FunctionPattern, SinkBinding, SinkFactory, SourceBinding,
    SourceFactory,
};
pub use clock::now;
pub use node::{Node, NodeError, NodeOptions, Report, StatePlugin, Storage};
pub use pressure::{Pressure, PressureLimits};
pub use telemetry::{CallSpan, CallTracer};
