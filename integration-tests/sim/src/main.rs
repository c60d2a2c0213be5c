//! cargo sim
fn main() {}
