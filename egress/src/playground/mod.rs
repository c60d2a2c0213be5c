//! The playground's egress: topics that are read over HTTP, one payload per request.
//!
//! ```text
//!   PlaygroundSink ── publish ──▶ PlaygroundStore ◀── GET /<topic> ── server
//!        ▲                              │
//!        └──────── taken: published ────┘
//! ```
//!
//! A payload counts as published when a reader took it, so what nobody has read yet survives a crash.

mod server;
mod sink;
mod store;

pub use actix_web::dev::ServerHandle;
pub use server::{PlaygroundServer, configure, serve};
pub use sink::PlaygroundSink;
pub use store::{CAPACITY, PlaygroundStore, Take};
