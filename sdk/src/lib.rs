//! Write stateful functions in Rust: embedded in the process or remote over HTTP.
//!
//! A function is a small type with one method. It receives messages, keeps state per id, and sends messages on; where
//! it runs is decided elsewhere:
//!
//! ```text
//!                        ┌─ embedded ─ the runtime calls it in its own process
//!   your function ───────┤
//!                        └─ remote ─── `serve` answers the runtime's HTTP requests, in a process of its own
//! ```
//!
//! ```
//! use statefun_sdk::prelude::*;
//!
//! /// Counts how often it was told something, and tells whoever asked.
//! struct Counter {
//!     seen: Value<i32>,
//! }
//!
//! impl Counter {
//!     fn new(states: &mut States<'_>) -> Self {
//!         Self { seen: states.value("seen") }
//!     }
//! }
//!
//! impl StatefulFunction for Counter {
//!     const TYPE: &'static str = "example/counter";
//!
//!     fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
//!         let text = message.text()?;
//!         let seen = self.seen.update(context, |seen| *seen += 1)?;
//!         context.reply(&format!("{text}: {seen}"))?;
//!         Ok(())
//!     }
//! }
//!
//! let functions = Functions::new().with(Counter::new);
//! ```
//!
//! * [`typed`]: which Rust types can be messages and states, and how to add yours;
//! * [`state`]: values, lists, maps and buffers, and their expiration;
//! * [`Context`]: who runs, who asked, when; sending, delaying, cancelling, egresses;
//! * [`Functions`]: the functions of an application, to embed or to serve;
//! * [`testing`]: one function in a unit test, with state and time.
//!
//! The guide, from the first function to deployment, is `docs/rust-sdk.md`.

// Derived code says `::statefun_sdk`, in this crate's own tests too.
extern crate self as statefun_sdk;

mod asynchronous;
mod context;
mod egress;
mod embedded;
mod error;
mod function;
mod functions;
mod message;
mod name;
mod remote;
#[cfg(feature = "serve")]
mod serve;
pub mod state;
pub mod testing;
pub mod typed;

pub use asynchronous::{AsyncContext, AsyncEmbedded, AsyncFunction, AsyncMessage};
pub use context::{Context, EmptyToken, NoTimers, TokenError};
pub use egress::{KafkaRecord, KinesisRecord, Payload, PlaygroundRecord};
pub use embedded::embedded;
pub use error::OrFail;
pub use function::StatefulFunction;
pub use functions::Functions;
pub use message::{Message, MessageError};
pub use name::{EgressName, FunctionName, ValueTypeName};
pub use remote::HandleError;
#[cfg(feature = "serve")]
pub use serve::Server;
pub use state::{Buffer, List, Map, StateError, States, Value};
pub use typed::{Decode, DecodeError, Encode, EncodeError};

pub use statefun::function::{Expiration, Function, FunctionError, StateSpec, TimeRole};
pub use statefun::{
    Address, EgressId, EventTime, FunctionType, Id, ProcessingTime, SmallBytes, Symbol, TypedValue, ValueType,
};
pub use statefun_sdk_macros::Typed;

/// What a file with functions needs, in one line.
pub mod prelude {
    pub use crate::{
        Address, Buffer, Context, Decode, EgressName, Encode, EventTime, FunctionError, FunctionName, Functions,
        KafkaRecord, List, Map, Message, OrFail, PlaygroundRecord, StatefulFunction, States, Typed, Value,
    };
}

/// The guide, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/rust-sdk.md")]
struct Guide;
