//! What the author of a function writes.

use statefun::EventTime;
use statefun::function::{FunctionError, TimeRole};

use crate::{Context, Message};

/// A stateful function: a small type with one method.
///
/// The type holds the handles of its states, and whatever else it needs and is not state (settings, clients). One value
/// of it serves all ids, possibly from several threads at once, so what belongs to an id belongs into state.
///
/// ```
/// use statefun_sdk::{Context, FunctionError, Functions, Message, StatefulFunction, States, Value};
///
/// struct Counter {
///     seen: Value<i32>,
/// }
///
/// impl Counter {
///     fn new(states: &mut States<'_>) -> Self {
///         Self { seen: states.value("seen") }
///     }
/// }
///
/// impl StatefulFunction for Counter {
///     const TYPE: &'static str = "example/counter";
///
///     fn invoke(&self, context: &mut Context<'_>, _message: &Message<'_>) -> Result<(), FunctionError> {
///         let seen = self.seen.get(context)?.unwrap_or(0) + 1;
///         self.seen.set(context, &seen)?;
///         context.reply(&seen)?;
///         Ok(())
///     }
/// }
///
/// let functions = Functions::new().with(Counter::new);
/// assert_eq!(functions.types().next().unwrap().as_str(), "example/counter");
/// ```
pub trait StatefulFunction: Send + Sync + 'static {
    /// Its name, `namespace/name`. Anything else does not compile when the function is registered.
    const TYPE: &'static str;

    /// Handles one message.
    ///
    /// # Errors
    /// [`FunctionError::Retry`] when the message should be tried again later; its address waits until then.
    /// [`FunctionError::Reject`] when it never will be handled. Either way none of the effects takes place. Errors of
    /// the SDK convert by `?`, others with [`OrFail`](crate::OrFail).
    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError>;

    /// The watermark reached `at`, a timer that this address had [set](Context::set_timer). The event time of what is
    /// sent from here is `at` unless told otherwise.
    ///
    /// # Errors
    /// As of [`invoke`](Self::invoke): the timer is tried again, or given up.
    fn on_timer(&self, context: &mut Context<'_>, at: EventTime) -> Result<(), FunctionError> {
        let _ = (context, at);
        Ok(())
    }

    /// How it follows event time. Plain functions, the default, have no watermark and no timers.
    fn time_role(&self) -> TimeRole {
        TimeRole::PLAIN
    }
}
