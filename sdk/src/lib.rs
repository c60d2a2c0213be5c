//! Write stateful functions in Rust: embedded in the process or remote over HTTP
