//! Sources: how events come in.
//!
//! | Module | Reads | A position is |
//! |---|---|---|
//! | [`kafka`] | topics, partitions assigned, never subscribed | the next offset of `topic/partition` |
//! | [`file`](mod@file) | JSON Lines, CSV or text, once or as it grows | the byte behind the last line read |
//! | [`generator`] | nothing: it makes events up, reproducibly | the number of the next event |
//! | [`iterator`] | an iterator of the program itself | the number of events taken |
//! | [`http`] | requests, answered when they are durable | none: what was not answered was not promised |
//!
//! A connector reads and offers; routing, credits and snapshots are the engine's, behind
//! [`SourceOutput`](statefun_ports::source::SourceOutput). Those here block (on a broker, on a disk), so each reads on a
//! thread of its own; `feed` is the bridge between that thread and the engine's futures.

pub mod file;
pub mod generator;
pub mod http;
pub mod iterator;
pub mod kafka;
pub mod stamp;

mod feed;
