//! Black-box tests: the real binary, real Kafka, the official SDKs, and golden results of another engine.
//!
//! * [`golden`]: loads golden vectors, plays their scripts in lock step and compares the outputs.

pub mod golden;
