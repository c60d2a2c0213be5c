//! The verbs of stateful functions, without a clock, I/O or randomness.
//!
//! ```text
//!            records            envelopes              records
//!  connector ─────▶ SourceCore ───────────▶ Shard ───────────▶ SinkCore ─────▶ connector
//!                      ▲   │ markers ride    │ ▲ │  with them      │
//!               Start  │   └─────────────────┼─┼─┴─────────────────┤ parts
//!                      └───────────────── Coordinator ◀────────────┘
//! ```
//!
//! Three kinds of participant, one protocol: each owns some state, speaks over FIFO channels and takes part in snapshots
//! the same way. Every `handle` takes the time and one input, changes memory and says what is to be done; whoever calls
//! performs it, in order, before the next call: actors in the shell, a scheduler with a seed in the simulator.
//!
//! Start at [`shard::Shard`], then [`snapshot::Coordinator`], [`source::SourceCore`] and [`sink::SinkCore`]. What is held
//! back and how far event time has come is [`time`].

pub mod channel;
pub mod directory;
pub mod invocation;
pub mod publication;
pub mod recovery;
pub mod shard;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod time;

pub use channel::{Item, Marker, Participant, SinkItem, Topology};
pub use directory::{Delivery, Directory, EgressError, FailurePolicy, FunctionBinding, RemotePolicy};
