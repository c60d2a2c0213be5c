//! Black-box tests: the real binary, real Kafka, the official SDKs, and golden results of another engine.
//!
//! * [`chaos`]: kills and pauses everything there is, in any combination, and compares what readers see with a model.
//! * [`golden`]: loads golden vectors, plays their scripts in lock step and compares the outputs.
//! * [`harness`]: starts, kills and watches the binary, a broker and the applications around it.

pub mod chaos;
pub mod golden;
pub mod harness;
