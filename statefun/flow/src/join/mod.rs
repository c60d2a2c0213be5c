//! Joins of two keyed streams.
//!
//! * [`IntervalJoin`] pairs events whose times are close: `left + lower <= right <= left + upper`.
//! * [`cogroup`] puts both sides into the same windows and gives, for each window, what each side has in it.
//! * A window join is the pairs of a co-group: [`CoGrouped::pairs`].
//!
//! All of them work on one key; which events have the same key is the caller's business.

mod cogroup;
mod interval;

pub use cogroup::{CoGroup, CoGrouped, Sided, cogroup};
pub use interval::{IntervalContext, IntervalJoin, IntervalSpec, IntervalSpecError, IntervalState, Joined};
