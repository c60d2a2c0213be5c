//! A real broker, and a client that looks at what it holds.

mod broker;
mod client;
mod follower;

pub use broker::Broker;
pub use client::{KafkaClient, Record};
pub use follower::Follower;
