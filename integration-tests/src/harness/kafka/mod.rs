//! A real broker, and a client that looks at what it holds.

mod broker;
mod client;

pub use broker::Broker;
pub use client::{KafkaClient, Record};
