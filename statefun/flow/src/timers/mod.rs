//! Event-time timers, as operators and their hosts see them.
//!
//! * [`Timers`] is what an operator may ask of its host while it handles one key: the two clocks, and timers of that key.
//! * [`TimerService`] is a host's ordered set of timers over all keys; [`TimerService::pop_due`] fires them in order of time.
//! * [`TimerSet`] and [`Wake`] let an operator keep any number of timers for one key in its own state while the host holds at
//!   most one for it: a sliding window with a hundred panes is one row in the host, not a hundred.
//!
//! # Rules
//! * Timers of a key are a set: setting one twice fires it once; deleting a missing one does nothing.
//! * A timer fires when its time is at or before the watermark, on an *advance* of the watermark. One that is set in the past
//!   waits for the next advance; one that is set while timers fire, at or before the watermark, fires in the same advance.

mod service;
mod set;

pub use service::TimerService;
pub use set::{TimerSet, Wake};

use crate::time::{Millis, ProcessingTime};

/// What an operator may ask of its host while it handles one key.
pub trait Timers {
    /// The operator's watermark; inside a timer, already the new one.
    fn watermark(&self) -> Millis;

    /// The clock of the node.
    fn processing_time(&self) -> ProcessingTime;

    /// Sets an event-time timer of the current key.
    fn set_timer(&mut self, at: Millis);

    /// Deletes an event-time timer of the current key, if there is one.
    fn delete_timer(&mut self, at: Millis);

    /// Sets a timer of the current key on the clock of the node.
    fn set_processing_timer(&mut self, at: ProcessingTime);

    /// Deletes a timer of the current key on the clock of the node, if there is one.
    fn delete_processing_timer(&mut self, at: ProcessingTime);
}
