//! Functions that are compiled into this binary: the examples', so that the first run needs nothing else.

use std::sync::Arc;

use statefun::FunctionType;
use statefun_runtime::FunctionFactory;

/// Makes instances of them.
pub(crate) fn factory() -> FunctionFactory {
    Arc::new(|_: FunctionType| None)
}

/// Their names.
pub(crate) fn names() -> Vec<String> {
    Vec::new()
}
