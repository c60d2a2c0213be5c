//! What the greeter says.
#![allow(clippy::unwrap_used, reason = "in tests")]

use example_greeter::{GreetRequest, Greeter, Person};
use statefun_sdk::prelude::*;
use statefun_sdk::testing::Instance;

#[test]
fn a_person_is_counted_and_passed_on_to_the_greeter() {
    let mut bob = Instance::of("Bob", Person::new);
    for visits in 1..=3 {
        let outcome = bob.receive(&GreetRequest { name: "Bob".to_owned(), visits: 0 }).unwrap();
        let sent: Vec<GreetRequest> = outcome.sent("example/greeter/Bob");
        assert_eq!((sent.len(), sent[0].visits), (1, visits));
    }
}

#[test]
fn the_words_depend_on_the_visits() {
    let mut greeter = Instance::of("Bob", |_| Greeter);
    let mut says = |visits| {
        let outcome = greeter.receive(&GreetRequest { name: "Bob".to_owned(), visits }).unwrap();
        outcome.written::<PlaygroundRecord>("io.statefun.playground/egress")
    };
    for (visits, greeting) in [
        (1, "Welcome Bob"),
        (2, "Nice to see you again Bob"),
        (3, "Third time is a charm Bob"),
        (4, "Nice to see you at the 4-nth time Bob!"),
        (5, "Nice to see you at the 5-nth time Bob!"),
    ] {
        assert_eq!(says(visits), [PlaygroundRecord::new("greetings", greeting)]);
    }
}
