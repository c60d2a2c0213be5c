//! The `statefun` command with the examples' functions compiled in, so that the first run needs nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let examples = example_greeter::functions().and(example_shopping_cart::functions());
    statefun_cli::command(examples.and(example_components::functions()))
}
