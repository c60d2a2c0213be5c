//! Panics that are taken for errors.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use statefun::Epoch;
use statefun_ports::snapshot_store::StoreError;

use crate::error::damaged;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic of this thread would be taken for damage of the file just now. A hook that ends the process with any
/// panic lets such a one pass.
#[must_use]
pub fn takes_panics() -> bool {
    DEPTH.get() > 0
}

/// redb panics on some damaged pages; for whoever recovers, that is damage like any other.
pub(crate) fn loudly<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    DEPTH.set(DEPTH.get() + 1);
    // Nothing is used afterwards that the panic may have left half done: the state is not opened, or not loaded.
    let read = catch_unwind(AssertUnwindSafe(read));
    DEPTH.set(DEPTH.get() - 1);
    read.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a page cannot be read");
        Err(damaged(Epoch::default(), format_args!("the file: {text}")))
    })
}
