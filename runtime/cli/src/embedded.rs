//! Functions that are compiled into this binary: the examples', so that the first run needs nothing else.

use std::sync::{Arc, LazyLock};

use statefun::FunctionType;
use statefun_runtime::FunctionFactory;
use statefun_sdk::Functions;

static FUNCTIONS: LazyLock<Functions> =
    LazyLock::new(|| example_greeter::functions().and(example_shopping_cart::functions()));

/// Makes instances of them.
pub(crate) fn factory() -> FunctionFactory {
    Arc::new(|function: FunctionType| FUNCTIONS.embedded(function))
}

/// Their names.
pub(crate) fn names() -> Vec<String> {
    FUNCTIONS.types().map(|function| function.to_string()).collect()
}
