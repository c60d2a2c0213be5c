//! A savepoint's rows as lines of JSON, one per row, and back.
//!
//! ```json
//! {"kind":"value","function":"shop/cart","id":"ann","name":"items","typename":"io.statefun.types/int","value":2,"touched_ms":0}
//! ```
//!
//! Values are JSON where that says everything, to the byte, and base64 otherwise. Rows that mean nothing to people are
//! written as bytes. So what is written and read again is the same savepoint.

mod export;
mod fields;
mod import;
mod read;
mod write;

pub(crate) use export::export;
pub(crate) use import::import;

/// Version of these lines.
const FORMAT: u64 = 1;
