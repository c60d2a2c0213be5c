//! Functions in unit tests: one alone, with state and time in your hand, or a small application, with faults.
//!
//! [`simulate`] runs an application again and again, each time with other interleavings and crashes, and says which seed
//! failed. An [`Instance`] is one address of a function, with state that lasts from message to message and a clock that moves
//! only when told to. Nothing runs beside it: what the function sends is returned in an [`Outcome`], and what it sends
//! later comes out of [`Instance::advance`].
//!
//! ```
//! use std::time::Duration;
//! use statefun_sdk::prelude::*;
//! use statefun_sdk::testing::Instance;
//!
//! /// Says "still there?" to itself a minute after it was last told something.
//! struct Watch {
//!     last: Value<String>,
//! }
//!
//! static WATCH: FunctionName = FunctionName::new(Watch::TYPE);
//!
//! impl StatefulFunction for Watch {
//!     const TYPE: &'static str = "example/watch";
//!
//!     fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
//!         self.last.set(context, &message.get()?)?;
//!         let id = context.id().to_owned();
//!         context.cancel("watch")?;
//!         context.send_after_cancellable("watch", Duration::from_secs(60), &WATCH, id, "still there?")?;
//!         Ok(())
//!     }
//! }
//!
//! let mut watch = Instance::of("ann", |states| Watch { last: states.value("last") });
//! watch.receive("hello").unwrap();
//! assert_eq!(watch.read(|watch, context| watch.last.get(context)).unwrap().as_deref(), Some("hello"));
//!
//! assert!(watch.advance(Duration::from_secs(59)).is_empty());
//! let due = watch.advance(Duration::from_secs(1));
//! assert_eq!(due[0].target.to_string(), "example/watch/ann");
//! watch.deliver(&due[0]).unwrap();
//! assert_eq!(watch.read(|watch, context| watch.last.get(context)).unwrap().as_deref(), Some("still there?"));
//! ```

mod app;
mod instance;
mod outcome;
mod store;
#[cfg(test)]
mod tests;

pub use app::{App, simulate};
pub use instance::Instance;
pub use outcome::Outcome;
