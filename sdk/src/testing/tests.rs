//! Time and failure, as the test kit sees them.

use std::time::Duration;

use super::Instance;
use crate::{Context, FunctionError, FunctionName, Message, StatefulFunction, States, Value};

struct Session {
    written: Value<String>,
    seen: Value<i32>,
}

static SESSION: FunctionName = FunctionName::new(Session::TYPE);
const SECOND: Duration = Duration::from_secs(1);

impl Session {
    fn new(states: &mut States<'_>) -> Self {
        Self {
            written: states.expire_after_write(10 * SECOND).value("written"),
            seen: states.expire_after_invoke(10 * SECOND).value("seen"),
        }
    }
}

impl StatefulFunction for Session {
    const TYPE: &'static str = "test/session";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        match &*message.text()? {
            "look" => {}
            "fail" => {
                self.seen.set(context, &-1)?;
                context.send(&SESSION, "other", "never")?;
                return Err(FunctionError::Retry("as told".to_owned()));
            }
            "later" => {
                context.send_after(5 * SECOND, &SESSION, "b", "second")?;
                context.send_after(2 * SECOND, &SESSION, "a", "first")?;
                context.send_after_cancellable("token", 3 * SECOND, &SESSION, "c", "never")?;
            }
            "cancel" => context.cancel("token")?,
            text => {
                self.written.set(context, &text.to_owned())?;
                self.seen.update(context, |seen| *seen += 1)?;
            }
        }
        Ok(())
    }
}

fn state(session: &Instance<Session>) -> (Option<String>, Option<i32>) {
    session.read(|session, context| (session.written.get(context).unwrap(), session.seen.get(context).unwrap()))
}

#[test]
fn a_state_expires_after_its_write_or_after_the_last_message() {
    let mut session = Instance::of("a", Session::new);
    session.receive("hello").unwrap();
    session.advance(9 * SECOND);
    session.receive("look").unwrap();
    assert_eq!(state(&session), (Some("hello".to_owned()), Some(1)));
    session.advance(SECOND);
    assert_eq!(state(&session), (None, Some(1)), "a message without a write keeps only the second alive");
    session.advance(9 * SECOND);
    assert_eq!(state(&session), (None, None));
}

#[test]
fn a_failed_message_leaves_everything_as_it_was() {
    let mut session = Instance::of("a", Session::new);
    session.receive("hello").unwrap();
    assert_eq!(session.receive("fail"), Err(FunctionError::Retry("as told".to_owned())));
    assert_eq!(state(&session).1, Some(1));
}

#[test]
fn delayed_messages_come_in_the_order_of_their_time_and_cancelled_ones_never() {
    let mut session = Instance::of("a", Session::new);
    session.receive("later").unwrap();
    session.receive("cancel").unwrap();
    let due = session.advance(10 * SECOND);
    let targets: Vec<_> = due.iter().map(|envelope| envelope.target.to_string()).collect();
    assert_eq!(targets, ["test/session/a", "test/session/b"]);
    assert_eq!(due[0].caller.as_ref(), Some(session.address()));
    assert!(session.advance(10 * SECOND).is_empty());
}

#[test]
fn a_message_of_another_type_is_rejected() {
    let error = Instance::of("a", Session::new).receive(&7).unwrap_err();
    let FunctionError::Reject(text) = error else { panic!("{error:?}") };
    assert_eq!(text, "the message is a io.statefun.types/int, expected was a io.statefun.types/string");
}
