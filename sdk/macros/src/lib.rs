//! Derive macros of the SDK
