//! Event time: what is held back, by whom, and how far time has come.
//!
//! ```text
//!   SourceCore ──envelopes, then Release──▶ Shard ──envelopes, then Release──▶ Shard
//!        │                                    │                                  │
//!        └─ Delta ──────────────┬─────────────┴──────────────────────────────────┘
//!                               ▼   one queue
//!                            Tracker ──── Progress ────▶ all shards
//! ```
//!
//! A watermark may pass a moment only when nothing that was *counted* at or before it is left anywhere: in a channel, in a
//! queue, in the hands of a remote function, in a timer. So whoever makes such a thing says `+1` at its [`Point`], whoever
//! finishes it says `-1`, and the [`Tracker`] adds that up. In a graph of actors with cycles no message could carry the
//! watermark: there is no order in which channels would be done.
//!
//! # Batches, not messages
//! A sender remembers, per receiver and (domain, level), only the earliest counted time of what it sends in one step. It
//! says one `+1` for that and puts the same point into the channel behind the messages, as [`Item::Release`]; the receiver
//! says `-1` when it comes to it. Only messages that are not finished on arrival are counted one by one, in a table that
//! mostly nets out within a step.
//!
//! # Why a count never runs ahead
//! The `+1` of what a step makes and the `-1` of what it finishes are in one [`Delta`], which is added as a whole. That is
//! not enough: points say nothing about places, so the `-1` of one who received a message, added before the `+1` of who
//! sent it, would cancel the count of an unrelated message at the same point. Deltas must arrive in an order that respects
//! causes. One queue gives that for nothing: **a step's delta is put into the tracker's queue before its messages are put
//! into their channels**, so whoever is caused by them speaks later. Sums are then never negative, and what the tracker has
//! added up at any moment is a consistent cut of the system: all that is outstanding later descends from what is
//! outstanding in it, or from a source, whose own promise is the domain's watermark.
//!
//! # Progress and snapshots
//! News of the tracker travels on channels of its own, which carry no markers. A shard could hear, before it freezes an
//! epoch, of a watermark that rests on what another shard finished after freezing it; the snapshot would then hold fired
//! timers next to the messages they waited for. So messages are coloured (Lai and Yang, 1987): a delta carries the newest
//! epoch its sender had frozen, [`Progress`] carries the newest of all deltas it rests on, and a shard keeps news of a
//! later colour than its own aside until it has frozen that epoch too, or knows it closed. News that comes the other way,
//! from before an epoch to a shard behind it, is no part of any snapshot and need not be: counts are not durable at all, on
//! recovery everything that is durable is counted again.
//!
//! # Idle domains
//! A domain whose source has nothing to say stands aside (its watermark holds nobody back) once everything up to its
//! watermark is done. What is still counted behind that, timers above all, goes on holding: but only the time at which it
//! stands, and only while some other domain moves time.

mod frontier;
mod tracker;

pub use frontier::Frontier;
pub use tracker::{DomainReport, Tracker};

use statefun::{Domain, Epoch, EventTime};

#[cfg(doc)]
use crate::channel::Item;

/// Where something is held: watermarks of `domain` at levels above `level` stay before `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Whose time.
    pub domain: Domain,
    /// The level of whoever made it.
    pub level: u8,
    /// When.
    pub at: EventTime,
}

/// What one step of a participant changed, to be added as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The newest epoch the participant had frozen.
    pub epoch: Epoch,
    /// What it made and finished.
    pub counts: Vec<(Point, i64)>,
    /// How its domain stands, if it is a source and that changed.
    pub domain: Option<DomainState>,
}

/// How a source says its domain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainState {
    /// Whose time.
    pub domain: Domain,
    /// No event on time comes any more at or before this.
    pub watermark: EventTime,
    /// Whether it has nothing to say for now.
    pub is_idle: bool,
}

/// How far time has come, for all shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Ascending, so that one can tell who has heard what.
    pub seq: u64,
    /// The newest epoch of the deltas it rests on.
    pub epoch: Epoch,
    /// Every domain: how far it has come at levels 1, 2 and so on; the last one stands for all above.
    pub domains: Vec<(Domain, Vec<LevelTime>)>,
}

/// How far time of a domain has come at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelTime {
    /// The watermark; of a domain that stands aside, what the others must stay at or before.
    pub at: EventTime,
    /// Whether the domain stands aside and so does not move time by itself.
    pub is_aside: bool,
}
