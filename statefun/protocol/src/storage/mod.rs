//! Bytes that outlive the process.
//!
//! ```text
//!   row.rs        key and value of one durable row          what a shard, a source or a sink knows
//!     ▲ uses segment.rs (text inside ordered keys), value.rs (values of rows)
//!   frame.rs      rows one after the other                  the inside of both containers
//!     ▲
//!   blob.rs       what one participant changed in one epoch, a section per key group, in any order
//!   block.rs      rows of the base in key order, about 64 KiB
//!     │
//!   merge.rs      base + deltas, newest wins ──▶ rows as they are now
//! ```
//!
//! Keys compare as bytes exactly as what they stand for compares; rows of a key group lie together, rows of an instance
//! lie together within its group, and due things lie in the order in which they are due. So loading the groups of a
//! shard, one instance or everything due is one range.
//!
//! # Versions
//! Both containers begin with a magic word, the version of their own layout and [`ROW_VERSION`], the version of what
//! rows mean. A reader refuses versions it does not know. To change a layout: give it a new version, keep reading the
//! old one, add a golden sample of the new one beside that of the old one.

pub mod blob;
pub mod block;
mod frame;
mod merge;
pub mod row;
mod segment;
pub mod value;

pub use blob::{Blob, BlobError, BlobId, BlobWriter, Section};
pub use block::{Block, BlockError, BlockWriter, EncodedBlock, blocks};
pub use frame::Row;
pub use merge::{Merge, MergeLive, merge, merge_changes};
pub use row::{GROUP_SYSTEM, RowError, RowKey, RowKind};
pub use value::{AddressRow, DelayedRow, EnvelopeRow, HoldRow, ValueRow};

/// Version of the meaning of rows: kinds, keys and values. Written in the header of every container.
pub const ROW_VERSION: u8 = 1;
