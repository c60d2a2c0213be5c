//! Sinks: how records leave.
//!
//! | Module | Writes to | `published` means | Refused for good |
//! |---|---|---|---|
//! | [`kafka`] | topics | the broker acknowledged it | too large, not allowed, no such topic |
//! | [`file`](mod@file) | a file, line by line | it is synced to the disk | what has no columns |
//! | [`http`] | a webhook, one request per record, in order | the receiver said 2xx | the receiver said 4xx |
//! | [`stdout`] | standard output, line by line | it was written and flushed | nothing |
//! | [`playground`] | a store that is read over HTTP | a reader took it | an unknown topic |
//! | [`call`] | a closure of the program itself | it was called | what it says it cannot take |
//! | [`dead_letters`] | a store that the admin API reads | somebody removed it, or newer ones displaced it | nothing |
//!
//! A sink publishes what it is given, in order, and says what it has published. Everything else (which records are still
//! owed after a crash, when to slow the sources down) is the engine's, behind
//! [`SinkInput`](statefun_ports::sink::SinkInput): what was not acknowledged is given again.

pub mod call;
pub mod dead_letters;
pub mod file;
pub mod http;
pub mod kafka;
pub mod playground;
pub mod render;
pub mod stdout;

mod retry;
