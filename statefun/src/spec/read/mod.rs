//! From text to typed fields: a tree of nodes with positions, and readers that report what they cannot read.
//!
//! Readers never stop at a fault. They note it in [`Faults`], give back `None`, and the caller goes on with the next
//! field, so that one run reports everything.

mod date;
mod duration;
mod expression;
mod faults;
mod field;
mod fields;
mod nearest;
mod scalar;
mod tree;

pub(super) use duration::parse as parse_duration;
pub(super) use faults::{Fault, Faults};
pub(super) use field::Field;
pub(super) use fields::{Fields, Unknown};
pub(super) use nearest::{nearest, nearest_kind};
pub(super) use tree::{Node, Span, Value, read_file};

/// Unix milliseconds of a date, in any form of RFC 3339.
pub(crate) fn date_millis(text: &str) -> Option<i64> {
    date::parse(text).map(|date| date.timestamp_ms)
}
