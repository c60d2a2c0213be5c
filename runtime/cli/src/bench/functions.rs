//! The functions that are measured: ordinary functions, written as a user would.

use statefun_sdk::prelude::*;

/// Reads its count, adds what it is told, writes, emits.
pub(crate) struct Counter {
    count: Value<i64>,
    results: EgressName,
}

impl Counter {
    fn new(states: &mut States<'_>) -> Self {
        Self { count: states.value("count"), results: EgressName::new("bench/results") }
    }
}

impl StatefulFunction for Counter {
    const TYPE: &'static str = "bench/counter";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let added: i64 = message.get()?;
        let count = self.count.update(context, |count| *count += added)?;
        context.egress(&self.results, &count)?;
        Ok(())
    }
}

/// Counts and passes on to the function of the next stage with another id, so that each hop is an exchange.
macro_rules! stage {
    ($name:ident, $type:literal, $next:literal) => {
        pub(crate) struct $name {
            count: Value<i64>,
            next: FunctionName,
        }

        impl $name {
            fn new(states: &mut States<'_>) -> Self {
                Self { count: states.value("count"), next: FunctionName::new($next) }
            }
        }

        impl StatefulFunction for $name {
            const TYPE: &'static str = $type;

            fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
                let added: i64 = message.get()?;
                self.count.update(context, |count| *count += added)?;
                let next = super::embedded::next_id(context.id());
                context.send(&self.next, next, &added)?;
                Ok(())
            }
        }
    };
}

stage!(First, "bench/chain-a", "bench/chain-b");
stage!(Second, "bench/chain-b", "bench/counter");

/// Tells ten others.
pub(crate) struct FanOut {
    next: FunctionName,
}

/// How many messages one event of the fan-out work becomes.
pub(crate) const FAN: u64 = 10;

impl FanOut {
    fn new(_: &mut States<'_>) -> Self {
        Self { next: FunctionName::new("bench/counter") }
    }
}

impl StatefulFunction for FanOut {
    const TYPE: &'static str = "bench/fan-out";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let added: i64 = message.get()?;
        let mut id = context.id().to_owned();
        for _ in 0..FAN {
            id = super::embedded::next_id(&id).to_string();
            context.send(&self.next, id.as_str(), &added)?;
        }
        Ok(())
    }
}

/// Counts and hands on what it was told, so that whoever reads the result knows which event it comes from.
pub(crate) struct Probe {
    count: Value<i64>,
    results: EgressName,
}

impl Probe {
    fn new(states: &mut States<'_>) -> Self {
        Self { count: states.value("count"), results: EgressName::new("bench/results") }
    }
}

impl StatefulFunction for Probe {
    const TYPE: &'static str = "bench/probe";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let event: i64 = message.get()?;
        self.count.update(context, |count| *count += 1)?;
        context.egress(&self.results, &event)?;
        Ok(())
    }
}

/// All of them.
pub(crate) fn functions() -> Functions {
    Functions::new().with(Counter::new).with(First::new).with(Second::new).with(FanOut::new).with(Probe::new)
}

/// The remote counter: adds and replies with the new count.
pub(crate) struct Remote {
    count: Value<i64>,
}

impl Remote {
    pub(crate) fn new(states: &mut States<'_>) -> Self {
        Self { count: states.value("count") }
    }
}

impl StatefulFunction for Remote {
    const TYPE: &'static str = "bench/remote";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let added: i64 = message.get()?;
        let count = self.count.update(context, |count| *count += added)?;
        context.reply(&count)?;
        Ok(())
    }
}
