//! Remote functions inside the test: a closure answers each call, well or badly.
//!
//! [`FunctionServer`] speaks HTTP, [`Call`] is what it was asked, [`Answer`] what it says: [`Effects`] of a function that
//! behaves, or one of the ways in which real functions do not.

mod answer;
mod call;
mod hanging;
mod server;

pub use answer::{Answer, Effects};
pub use call::{Call, Message, counter};
pub use hanging::HangingServer;
pub use server::FunctionServer;
