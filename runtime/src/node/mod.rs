//! A node: recovery, start, and the handle by which it is watched and stopped.

mod handle;
mod recover;
mod start;

use std::time::Duration;

use statefun::{Generation, KeyGroups, Lineage, ShardId};
use statefun_engine::{shard, snapshot};
use statefun_ports::snapshot_store::{SnapshotStore, StoreError};

use crate::actors::RowEncoder;
use crate::pressure::PressureLimits;

pub use handle::{Node, Report};

/// How a node runs; what runs is the [`Application`](crate::Application).
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// How many shards share the key groups.
    pub shards: u16,
    /// How many key groups the state is dealt in; fixed for the life of the state.
    pub key_groups: u16,
    /// How often epochs close.
    pub epochs: snapshot::Options,
    /// Bounds of each shard's work.
    pub shard: shard::Options,
    /// What may wait before sources stop.
    pub pressure: PressureLimits,
    /// How long a stop waits for the last epoch.
    pub stop_timeout: Duration,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            shards: 1,
            key_groups: statefun::key_group::KEY_GROUPS_DEFAULT,
            epochs: snapshot::Options::default(),
            shard: shard::Options::default(),
            pressure: PressureLimits::default(),
            stop_timeout: Duration::from_secs(30),
        }
    }
}

/// How live state is kept; plugged in by whoever composes the node.
pub struct StatePlugin<S> {
    /// Makes the live state of a shard.
    pub make: fn(ShardId, KeyGroups) -> S,
    /// Encodes the rows of sources and sinks.
    pub encode: RowEncoder,
}

/// Where epochs become durable, opened.
pub struct Storage {
    /// The store.
    pub store: Box<dyn SnapshotStore>,
    /// The generation that opening it claimed.
    pub generation: Generation,
    /// A lineage to use if history begins here.
    pub fresh_lineage: Lineage,
}

/// Why a node does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Not as configured.
    #[error("{0}")]
    Refused(String),
    /// Somebody newer runs on this data.
    #[error("{by} runs on this data: this process stops")]
    Superseded {
        /// Who.
        by: Generation,
    },
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A connector cannot go on.
    #[error("{0}")]
    Fatal(String),
    /// The last epoch did not complete in time.
    #[error("the last epoch did not complete within {} s; what it would have held is done again at the next start", .0.as_secs())]
    StopTimeout(Duration),
    /// An actor is gone.
    #[error("a part of the node has died; see the log")]
    Died,
}
