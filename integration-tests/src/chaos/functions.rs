//! The functions under test: each message becomes a record, a message to a neighbour, and sometimes a message to come.
//!
//! | Function | Does |
//! |---|---|
//! | `it/ledger` | counts in state `seen`; writes `<text> <count>` to topic `out`; tells `it/mirror`; every seventh text goes to `it/echo` later |
//! | `it/mirror` | counts in state `seen`; writes what it was told to topic `mirrored`, through another egress |
//! | `it/echo` | writes what it was told to topic `echoed` |

use std::time::Duration;

use statefun_protocol::types;

use crate::harness::{Answer, Call, Effects};

/// The egress of topics `out` and `echoed`.
pub const EGRESS: &str = "it/out";
/// The egress of topic `mirrored`.
pub const OTHER_EGRESS: &str = "it/mirrored";
/// How many mirrors there are.
pub const MIRRORS: usize = 8;
/// Whose texts are echoed: every one that this divides.
pub const ECHOED: usize = 7;

/// The mirror that a text goes to.
#[must_use]
pub fn mirror_of(text: &str) -> String {
    format!("mirror{}", number(text) % MIRRORS)
}

/// Whether a text is echoed.
#[must_use]
pub fn is_echoed(text: &str) -> bool {
    number(text).is_multiple_of(ECHOED)
}

fn number(text: &str) -> usize {
    text.parse().expect("texts are numbers")
}

/// Answers any call of the functions.
///
/// # Panics
/// When it is called with what nobody sent.
#[must_use]
pub fn answer(call: &Call) -> Answer {
    if call.function == "it/echo" {
        let texts = call.messages.iter().map(crate::harness::Message::text);
        return texts.fold(Effects::new(), |effects, text| effects.kafka(EGRESS, "echoed", &call.id, &text)).into();
    }
    if let Some(incomplete) = call.missing(&[("seen", types::INT)]) {
        return incomplete;
    }
    let mut seen = call.int("seen");
    let mut effects = Effects::new();
    for message in &call.messages {
        let text = message.text();
        seen += 1;
        if call.function == "it/mirror" {
            effects = effects.kafka(OTHER_EGRESS, "mirrored", &call.id, &text);
            continue;
        }
        effects = effects.kafka(EGRESS, "out", &call.id, &format!("{text} {seen}"));
        effects = effects.send_text("it/mirror", &mirror_of(&text), &format!("{} {text}", call.id));
        if is_echoed(&text) {
            let delay = Duration::from_millis(20 + number(&text) as u64 % 200);
            let argument = types::encode_string(&text);
            effects = effects.send_after(delay, ("it/echo", &call.id), (types::STRING, &argument), "");
        }
    }
    effects.set_int("seen", seen).into()
}
