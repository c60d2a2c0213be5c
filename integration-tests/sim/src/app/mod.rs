//! The application under test.
//!
//! An event is a tree of commands: count, send to others (who run subtrees), send later, cancel, write to an egress. All
//! functions obey in the same way, whether embedded or remote. Because messages of different senders may arrive in any
//! order, what a tree does is independent of order, except where order is promised: messages of one sender to one target
//! are numbered, and the target notes when one comes out of turn.

mod application;
mod memory;
mod message;
mod names;
pub mod plan;

pub use application::{Application, Moods, specs};
pub use memory::{Memory, Poisoned, run_batch};
pub use message::{Counters, Message, egress_lane, lane_of, lane_of_events, written};
pub use names::{Names, STATE_COUNT, STATES, id_text};
pub use plan::{Command, Event, Node, Plan};
