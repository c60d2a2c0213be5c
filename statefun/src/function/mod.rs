//! What a function is: a trait with one method that records effects and does nothing else.
//!
//! ```text
//!   message ──▶ Function::invoke(context, message) ──▶ Effects { messages, delayed, egress, mutations, timers }
//! ```
//!
//! A shard applies the effects of an invocation all together or, when it failed, not at all. Remote functions produce
//! the same [`Effects`] over HTTP, so there is one way to apply them.

mod context;
mod effects;
mod live;
mod state_spec;
mod time_role;

pub use context::{Context, StateView};
pub use effects::{DelayedCommand, Effects, EgressMessage, Mutation, OutgoingMessage, Refused, TimerCommand};
pub use live::{Live, LiveValue};
pub use state_spec::{Expiration, StateSpec};
pub use time_role::TimeRole;

use crate::{EventTime, TypedValue};

/// A function that runs in the process. One instance serves all ids of its type on one shard.
pub trait Function: Send {
    /// The states it declares. The order gives the indices that [`Context`] takes.
    fn states(&self) -> &[StateSpec];

    /// Handles one message.
    ///
    /// # Errors
    /// When the message was not handled; none of the effects recorded so far is applied.
    fn invoke(&self, context: &mut Context<'_>, argument: &TypedValue) -> Result<(), FunctionError>;

    /// The watermark reached `at`, a timer that this address had set. It is gone by now; the event time of what is sent
    /// from here is `at` unless told otherwise.
    ///
    /// # Errors
    /// As of [`Function::invoke`]: the timer is tried again, or given up.
    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        let _ = (context, at);
        Ok(())
    }

    /// Which of its declared states stays decoded between invocations, if one does; it must never expire. It is changed in
    /// place, so an invocation must not fail once it began to: what it took it gives back before it fails. What it asks
    /// for after that is applied, except records that an egress does not take: those become dead letters.
    fn live_state(&self) -> Option<usize> {
        None
    }

    /// How it follows event time. Asked once, when the function is bound. Plain unless told otherwise.
    fn time_role(&self) -> TimeRole {
        TimeRole::PLAIN
    }
}

/// Why a message was not handled and what should become of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// Try again later; the key waits.
    #[error("{0}")]
    Retry(String),
    /// Never try again: the message goes to the dead letters and the key goes on.
    #[error("{0}")]
    Reject(String),
}
