//! Values between people, who read and write JSON, and functions, which exchange bytes with a typename.

mod decode;
mod encode;

#[cfg(test)]
pub(crate) use decode::decoded;
pub(crate) use decode::rendered;
pub(crate) use encode::{Written, present};
