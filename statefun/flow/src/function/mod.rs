//! Windows, joins and patterns as functions on the engine.
//!
//! ```text
//!   message ──Input──▶ event ──▶ operator ──▶ results ──Emit──▶ functions, egresses
//!                                 ▲    │
//!                      key state ─┘    └─▶ event-time timers; delayed messages for the clock of the node
//! ```
//!
//! Each is an ordinary [`Function`] written against the public trait: the id of the address is the key, the key
//! state is its one state value, which stays decoded between events, and timers are the function's own. So an event or a timer
//! is handled all or not at all, and everything survives a crash the way any function's state does.
//!
//! * [`WindowFunction`]: windows, and with [`Sided`](crate::join::Sided) events also co-groups and window joins;
//! * [`IntervalJoinFunction`]: pairs of events whose times are close;
//! * [`PatternFunction`]: matches of a pattern;
//! * [`KeyByFunction`]: sends events to the instance that has their key.
//!
//! # What goes wrong
//! * A message that is no event, or has no time, is a dead letter; the key goes on.
//! * A key state that another kind of operator wrote fails the message, which is tried again until the operator is back:
//!   nothing is overwritten.
//! * A result that cannot be written down or that its egress does not take is a dead letter.

mod interval_join;
mod key_by;
mod message;
mod out;
mod pattern;
mod state;
mod timers;
mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use statefun::FunctionType;
use statefun::function::Function;

pub use interval_join::{IntervalJoinFunction, Pair};
pub use key_by::KeyByFunction;
pub use message::{Incoming, Input, Side, one_sided};
pub use out::{Emit, LateEvent, Out};
pub use pattern::{EmitMatch, PatternFunction, PatternOutputs};
pub use window::{WindowFunction, WindowOutputs, WindowResult};

/// A function of a flow under its name, ready to be registered: each shard takes an instance of its own.
#[derive(Clone)]
pub struct FlowFunction {
    /// The function type.
    pub function: FunctionType,
    /// 0 for a plain function, 1 + the highest level of its inputs for a component.
    pub level: u8,
    make: Arc<dyn Fn() -> Box<dyn Function> + Send + Sync>,
}

impl FlowFunction {
    /// A function of that name, made by `make`.
    pub fn new<F: Function + 'static>(
        function: FunctionType,
        level: u8,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self { function, level, make: Arc::new(move || Box::new(make())) }
    }

    /// An instance to embed.
    #[must_use]
    pub fn embedded(&self) -> Box<dyn Function> {
        (self.make)()
    }
}

impl std::fmt::Debug for FlowFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowFunction")
            .field("function", &self.function)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
