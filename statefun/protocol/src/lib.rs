//! Bytes on the wire and in storage.
//!
//! | Module | Bytes of | Who reads them |
//! |---|---|---|
//! | [`request_reply`] | one call of a remote function and its answer | the SDKs of every language |
//! | [`egress`] | records for Kafka and Kinesis inside a message | the SDKs write, sinks read |
//! | [`types`] | the built-in value types | the SDKs, embedded functions, the admin API |
//! | [`storage`] | durable rows, the deltas of an epoch, blocks of the base | this platform only, for years |
//!
//! Everything here is a pure function between bytes and plain structs. Nothing knows shards, epochs or actors beyond
//! their numbers: decisions are about nouns, and bytes are decoded before and encoded after them.
//!
//! # Invariants
//! * A decoder never panics, whatever it is given: bytes come from other people's programs and from disks.
//! * Unknown fields are skipped on the wire, so that forks and newer SDKs can add to it; unknown versions are refused in
//!   storage, because guessing there loses data.

pub mod egress;
pub mod request_reply;
pub mod storage;
pub mod types;

mod varint;
