//! Savepoints: an epoch as a directory that stands by itself.
//!
//! ```text
//!   savepoint/
//!     manifest.json   what it holds, and length and checksum of every part
//!     part-00000      rows of key groups 0.., in the order of their keys
//!     part-00001      …
//!     part-0000n      the rows that belong to no key group: positions, outboxes, clocks
//! ```
//!
//! Rows are those of [`statefun_protocol::storage`], as the store holds them, so whatever a later version stores follows
//! without being understood here. `docs/savepoint-format.md` describes the bytes for others.
//!
//! # Invariants
//! * A directory gets its name when everything in it is synced: what has a manifest is whole, or was damaged later.
//! * Nothing is read without its checksum being verified.
//! * Writing and reading take the memory of a block, not of the state.

mod about;
mod contents;
mod copy;
mod error;
mod manifest;
mod part;
mod reader;
mod rows;
mod sorter;
mod writer;

#[cfg(test)]
mod tests;

/// Is shown each row, its key and its value as the store holds them, in the order of the keys; an error ends it.
pub type EachRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), SavepointError> + 'a;

pub use copy::{Saving, outboxes};
pub use error::SavepointError;
pub use manifest::{EgressContents, FunctionContents, IngressContents, PartEntry, SavepointManifest};
pub use reader::Savepoint;
pub use rows::{RowReader, row_bytes};
pub use sorter::{Origin, RowSorter, SortError, Twice};
pub use writer::SavepointWriter;

pub(crate) use about::About;
pub(crate) use writer::group_of;

/// Version of the directory's layout.
pub const FORMAT: u32 = 1;
