//! An embedded function with a number for a state handles a message without asking for memory.
#![allow(clippy::unwrap_used, reason = "in tests")]

use statefun::function::{self, Effects, StateView};
use statefun_sdk::prelude::*;
use statefun_sdk::{Encode, ProcessingTime, TypedValue, embedded};

static NEXT: FunctionName = FunctionName::new("test/next");

struct Counter {
    seen: Value<i64>,
    last: Value<i32>,
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = "test/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let seen = self.seen.update(context, |seen| *seen += 1)?;
        if message.is::<i32>() {
            self.last.set(context, &message.get()?)?;
        } else {
            context.send(&NEXT, "somebody", &*message.text()?)?;
        }
        context.reply(&seen)?;
        Ok(())
    }
}

struct View([Option<TypedValue>; 2]);

impl StateView for View {
    fn value(&self, index: usize) -> Option<&TypedValue> {
        self.0[index].as_ref()
    }
}

#[test]
fn numbers_and_short_texts_take_no_memory() {
    let counter = embedded(|states| Counter { seen: states.value("seen"), last: states.value("last") });
    let address = Address::parse("test/counter/ann").unwrap();
    let caller = Address::parse("test/caller/c").unwrap();
    let messages = [7i32.to_value().unwrap(), "short".to_value().unwrap()];
    let view = View([Some(41i64.to_value().unwrap()), None]);
    let mut effects = Effects::default();
    let mut run = || {
        for message in &messages {
            // As a shard does it: the buffers are kept from one message to the next.
            effects.clear();
            let mut context = function::Context::new(
                &address,
                Some(&caller),
                ProcessingTime(1),
                EventTime::NONE,
                counter.states(),
                &view,
                &mut effects,
            );
            counter.invoke(&mut context, message).unwrap();
        }
        assert_eq!(effects.messages.len(), 2);
    };
    // The first round interns names and makes room in the buffers.
    run();
    let counts = allocation_counter::measure(|| drop(std::hint::black_box(vec![7u8; 100])));
    assert_eq!(counts.count_total, 1, "the counter counts");
    let info = allocation_counter::measure(|| (0..100).for_each(|_| run()));
    assert_eq!(info.count_total, 0, "{info:?}");
}
