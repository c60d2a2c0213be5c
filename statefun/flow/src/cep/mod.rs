//! Patterns over the events of a key (complex event processing).
//!
//! A [`Pattern`] says in stages what is looked for: `a` followed by one or more `b` and then no `c` for a minute. It is
//! data: it can be written in Rust with the builder, or stand in a file. [`Pattern::build`] checks it and compiles it
//! to a [`Matcher`], which serves all keys; what it remembers about one key is a [`KeyState`] that belongs to the
//! caller. Out come [`Emission`]s: matches, partial matches that ran out of time, events that came too late.
//!
//! ```
//! use serde_json::{Value, json};
//! use statefun_flow::cep::{Condition, Emission, KeyState, Pattern, Stage};
//!
//! let matcher = Pattern::<Value>::begin(Stage::named("a").when(Condition::kind("a")))
//!     .followed_by(Stage::named("b").when(Condition::kind("b")))
//!     .build()?;
//! let mut key = KeyState::default();
//! let mut found = Vec::new();
//! let mut out = |emission: Emission<'_, Value>| {
//!     if let Emission::Match(found_match) = emission {
//!         found.push(found_match.events().map(|(stage, event)| format!("{stage}{}", event["n"])).collect::<String>());
//!     }
//! };
//! for (n, kind) in ["a", "x", "b"].into_iter().enumerate() {
//!     matcher.on_event(&mut key, json!({"type": kind, "n": n}), n as i64, -1, &mut out)?;
//! }
//! matcher.advance(&mut key, 10, &mut out)?;
//! assert_eq!(found, ["a0b2"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! ```text
//! Pattern --check--> --compile--> Automaton        on_event: events wait, sorted by time, for the watermark
//!                                     |            advance:  each event is shown to all partial matches of the key
//!                   KeyState ----> Step            complete matches leave in the order the skip strategy asks for
//! ```
//!
//! A partial match is a state of the automaton and the end of a chain of accepted events; partial matches share the
//! links of their common past. [`patterns`] tells what each construct of a pattern means.
//!
//! # Invariants
//! * The same calls on the same state give the same emissions in the same order, on any machine, and a state written
//!   and read back behaves like the original.
//! * Nothing is dropped in silence: late events are reported where asked for, overflow always.

#[doc = include_str!("docs/patterns.md")]
pub mod patterns {}

mod accepted;
mod automaton;
mod condition;
mod earliest_first;
mod emission;
mod event;
mod inspect;
mod invalid;
mod key_state;
mod limits;
mod match_buffer;
mod matcher;
mod pattern;
mod prune;
mod quantifier;
mod skip;
mod slab;
mod step;
#[cfg(test)]
mod tests;

pub use accepted::Accepted;
pub use condition::{Aggregate, Comparison, Condition, Custom, Expression, Number};
pub use emission::{Emission, Match};
pub use event::Event;
pub use inspect::{Explanation, Fate, PartialMatch, Reason, Verdict};
pub use invalid::PatternError;
pub use key_state::KeyState;
pub use limits::{Limits, Overflow};
pub use matcher::{Arrival, Matcher, StateError};
pub use pattern::{Pattern, Stage, TieBreak, Within, WithinType};
pub use quantifier::{Contiguity, Inner, Quantifier, Times};
pub use skip::SkipStrategy;
