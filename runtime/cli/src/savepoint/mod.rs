//! Savepoints: taken from a running node, and begun with.
//!
//! What stands in their files is the affair of `statefun_state::savepoint`; here is when one is taken, what must have
//! been published by then, and what a module must serve to begin with one.

mod command;
mod lines;
mod place;
pub(crate) mod restore;
mod take;

pub(crate) use command::command;
pub(crate) use place::Place;
pub(crate) use take::Taker;
