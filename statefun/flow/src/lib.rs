//! Windows, joins and patterns over keyed events, as functions.
//!
//! An operator here is an immutable description; what it remembers about one key is a serializable value that the caller
//! owns. An engine keeps that value in the keyed state of a function and calls the operator with an event or a timer that is
//! due, so everything survives a crash the way any function's state does:
//!
//! * [`time`]: watermarks of inputs, alone and combined;
//! * [`timers`]: event-time timers, a set per key, fired in order of time;
//! * [`window`]: assigners, triggers, evictors, lateness, aggregates;
//! * [`join`]: interval joins, window joins, co-groups;
//! * [`cep`]: patterns over the events of a key;
//! * [`component`]: all of them over JSON events, described as data.
//!
//! [`function`] makes functions of them, [`build`] does so in a line of Rust.
//!
//! Nothing in this crate reads a clock, draws randomness or does I/O.

pub mod build;
pub mod cep;
pub mod component;
pub mod function;
pub mod join;
pub mod json;
pub mod time;
pub mod timers;
pub mod window;
