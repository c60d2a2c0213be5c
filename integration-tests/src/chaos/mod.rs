//! Everything dies, in any combination, and readers see each record once.
//!
//! ```text
//!  Load ──▶ topic in ──▶ statefun run ──▶ topics out, mirrored, echoed ──▶ read_committed followers ──▶ Verdict
//!                          ▲       ▲ HTTP                                                               ▲
//!                          │       └── chaos-functions (a process)                       expected ──────┘
//!                     kill -9, SIGSTOP, broker too                                  (from what `in` holds)
//! ```
//!
//! Start at [`World::start`] and [`World::suffer`]. A [`Plan`] says what happens in one cycle; it is drawn from a seed.
//! The model knows the [functions] and what the input topic holds, and nothing of the runtime.
//!
//! # Invariants
//! * What is expected is computed from the input topic itself, so a producer that repeats or loses a record while its
//!   broker dies changes the task and not the verdict.
//! * A cycle is judged when everything is back and has caught up: what is late is not missing.

pub mod functions;
mod load;
mod plan;
mod table;
mod verdict;
mod world;

pub use load::Load;
pub use plan::{Fault, Party, Plan};
pub use table::Table;
pub use verdict::Verdict;
pub use world::{Cycle, World};
