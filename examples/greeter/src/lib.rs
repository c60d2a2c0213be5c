//! A greeter that remembers: `person` counts how often somebody was seen, `greeter` finds the words.
//!
//! ```text
//! PUT :8090  ──▶  example/person  ──▶  example/greeter  ──▶  GET :8091
//!                 counts visits        finds the words
//!                 in its state
//! ```
//!
//! Nothing in here knows where it runs. `module.yaml` embeds these functions in the runtime; `module-remote.yaml` calls
//! them over HTTP, where `cargo run -p example-greeter` serves them.

use serde::{Deserialize, Serialize};
use statefun_sdk::prelude::*;

static GREETER: FunctionName = FunctionName::new(Greeter::TYPE);
static PLAYGROUND: EgressName = EgressName::new("io.statefun.playground/egress");

/// The functions of this application.
#[must_use]
pub fn functions() -> Functions {
    Functions::new().with(Person::new).with(|_| Greeter)
}

/// Somebody is here.
#[derive(Debug, Serialize, Deserialize, Typed)]
#[typed("example/GreetRequest")]
pub struct GreetRequest {
    /// Who.
    pub name: String,
    /// How often this person was seen, this time included; unknown at the door.
    #[serde(default)]
    pub visits: i32,
}

/// Counts the visits of one person, who is its id.
#[derive(Debug)]
pub struct Person {
    visits: Value<i32>,
}

impl Person {
    /// Declares its state.
    #[must_use]
    pub fn new(states: &mut States<'_>) -> Self {
        Self { visits: states.value("visits") }
    }
}

impl StatefulFunction for Person {
    const TYPE: &'static str = "example/person";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let mut request: GreetRequest = message.get()?;
        request.visits = self.visits.update(context, |visits| *visits += 1)?;
        context.send(&GREETER, &request.name, &request)?;
        Ok(())
    }
}

/// Finds the words and says them.
#[derive(Debug)]
pub struct Greeter;

impl StatefulFunction for Greeter {
    const TYPE: &'static str = "example/greeter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let request: GreetRequest = message.get()?;
        context.egress(&PLAYGROUND, &PlaygroundRecord::new("greetings", greeting(&request)))?;
        Ok(())
    }
}

fn greeting(GreetRequest { name, visits }: &GreetRequest) -> String {
    match visits {
        1 => format!("Welcome {name}"),
        2 => format!("Nice to see you again {name}"),
        3 => format!("Third time is a charm {name}"),
        _ => format!("Nice to see you at the {visits}-nth time {name}!"),
    }
}
