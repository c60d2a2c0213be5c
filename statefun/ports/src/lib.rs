//! Traits to the outside.
//!
//! * [`keyed_state`]: a shard's live values, read synchronously, frozen in O(1), encoded in slices;
//! * [`rows`]: what is durable, as keyed rows of nouns;
//! * [`snapshot_store`]: where epochs become durable;
//! * [`remote`]: one attempt at calling a remote function;
//! * [`source`] and [`sink`]: connectors.
//!
//! Engine and simulator know only these; adapters in the shell implement them. Nothing here does I/O.

pub mod keyed_state;
pub mod remote;
pub mod rows;
pub mod sink;
pub mod snapshot_store;
pub mod source;

use std::future::Future;
use std::pin::Pin;

/// A boxed future, the form in which connectors' work is handed to whatever runs it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
