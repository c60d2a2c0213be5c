//! Windows over keyed events.
//!
//! A [`WindowSpec`] says which windows events belong to ([`Assigner`]), when a window gives its result ([`Trigger`]), which
//! events leave it then ([`Evictor`]) and how long it waits for late ones; an [`Aggregate`](aggregate::Aggregate) says what it
//! computes. Together they make a [`WindowOperator`], which is immutable and shared by all keys. What it remembers about one key
//! is a [`KeyState`], which the caller owns and can serialize at any moment between two calls.
//!
//! ```
//! use statefun_flow::time::{Millis, ProcessingTime};
//! use statefun_flow::timers::Timers;
//! use statefun_flow::window::{aggregate, Assigner, Context, Fired, KeyState, WindowOperator, WindowSpec};
//!
//! #[derive(Default)]
//! struct Host { watermark: Millis, timers: Vec<Millis>, results: Vec<Fired<u64>> }
//! # impl Timers for Host {
//! #     fn watermark(&self) -> Millis { self.watermark }
//! #     fn processing_time(&self) -> ProcessingTime { ProcessingTime(0) }
//! #     fn set_timer(&mut self, at: Millis) { self.timers.push(at) }
//! #     fn delete_timer(&mut self, at: Millis) { self.timers.retain(|timer| *timer != at) }
//! #     fn set_processing_timer(&mut self, _: ProcessingTime) {}
//! #     fn delete_processing_timer(&mut self, _: ProcessingTime) {}
//! # }
//! // impl Timers for Host { ... }
//! impl Context<&'static str, u64> for Host {
//!     fn emit(&mut self, fired: Fired<u64>) { self.results.push(fired) }
//!     fn late(&mut self, _at: Millis, _event: &'static str) {}
//! }
//!
//! let minutes = WindowSpec::new(Assigner::Tumbling { size: 60_000, offset: 0 });
//! let operator = WindowOperator::builder(minutes, aggregate::count()).build()?;
//! let (mut ann, mut host) = (KeyState::default(), Host::default());
//! operator.on_event(&mut ann, 5_000, "click", &mut host);
//! assert_eq!(host.timers, [59_999]);
//! host.watermark = 60_000;
//! operator.on_timer(&mut ann, 59_999, &mut host);
//! assert_eq!(host.results[0].result, 1);
//! # Ok::<_, statefun_flow::window::SpecError>(())
//! ```
//!
//! # Three ways to the same results
//! * `general` follows the rules to the letter: one pane per window and key, timers per window.
//! * `sliced` serves tumbling and sliding windows with the default trigger and no evictor: an event is added to one slice of
//!   time, however many windows overlap there, and a window merges its slices.
//! * `sessions` serves sessions with the default trigger and no evictor: no timer moves while a session grows.
//!
//! Property tests hold the last two against the first, and all three against definitions written independently.
//!
//! # Chained windows
//! Results carry an event time ([`Fired::at`]), so they can be events of a second operator, keyed as it likes. Whoever connects
//! the two hands the second one all results of an advance of the watermark, then the watermark itself: so no result is late.
//!
//! # Invariants
//! * The host holds at most one event-time timer per key ([`Wake`](crate::timers::Wake)); an extra one is harmless.
//! * An event is judged by the watermark before it; a result carries the window's last moment as its event time.
//! * What a key remembers after its windows are closed is nothing: [`KeyState::is_empty`].

pub mod aggregate;
mod assigner;
mod content;
mod evictor;
mod general;
mod operator;
mod sessions;
mod sliced;
mod span;
mod spec;
mod trigger;

#[cfg(test)]
mod tests;

pub use assigner::Assigner;
pub use evictor::Evictor;
pub use operator::{Context, Fired, KeyState, KeyStateOf, WindowBuilder, WindowOperator};
pub use span::Window;
pub use spec::{SpecError, WindowSpec};
pub use trigger::Trigger;
