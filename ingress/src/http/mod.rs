//! The HTTP door: messages come in over HTTP and are answered when they are durable.
//!
//! ```text
//!  POST /ns/type/id ──▶ listener ──▶ Door ──▶ Source ──▶ engine
//!         ▲                           ▲  ◀── Durable{ticket} ──┤
//!         └── 200 / the reply ────────┘  ◀── Reply{request} ───┘ (a sink)
//! ```
//!
//! One [`Door`] serves every listener of a process, the admin API's `send` included: it is one source for what comes in
//! and one sink for the replies that go out. Everybody who waits when an epoch completes shares its one commit.
//!
//! A caller with an `Idempotency-Key` is told by the shard that runs the target what became of its message, for that is
//! where keys are remembered. A reply that comes when nobody waits any more is kept for `GET /v1/requests/<request>`.
//!
//! # Invariants
//! * A 2xx is sent only after an epoch that holds the message has completed; a reply only after the epoch that holds the
//!   reply has.
//! * What was not answered was never promised: it may or may not have happened.

mod answer;
mod door;
mod listener;
mod options;
mod reply_sink;
mod request;

pub use door::{Admission, Answer, Closed, Door, REPLY_FUNCTION, Terms};
pub use listener::{Listener, ListenerError, listen};
pub use options::{Dialect, Options};
