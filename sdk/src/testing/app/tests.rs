use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::simulate;
use crate::prelude::*;

static LEDGER: FunctionName = FunctionName::new(Ledger::TYPE);
static DONE: EgressName = EgressName::new("test/done");

/// Moves an amount from one account to another, by messages to the two.
struct Transfer;

impl StatefulFunction for Transfer {
    const TYPE: &'static str = "test/transfer";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let amount: i64 = message.get()?;
        context.send(&LEDGER, "from", &-amount)?;
        context.send(&LEDGER, "to", &amount)?;
        context.send_after(Duration::from_secs(5), &LEDGER, "later", &amount)?;
        Ok(())
    }
}

struct Ledger {
    balance: Value<i64>,
}

impl StatefulFunction for Ledger {
    const TYPE: &'static str = "test/ledger";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        let amount: i64 = message.get()?;
        let balance = self.balance.update(context, |balance| *balance += amount)?;
        context.egress(&DONE, &balance)?;
        Ok(())
    }
}

fn bank() -> Functions {
    Functions::new().with(|_| Transfer).with(|states| Ledger { balance: states.value("balance") })
}

#[test]
fn whatever_happens_every_message_counts_once_and_what_waits_comes_later() {
    static CRASHES: AtomicU32 = AtomicU32::new(0);
    simulate(0..300, bank, |app| {
        for n in 0..20 {
            app.send(&format!("test/transfer/{}", n % 3), &1_i64);
        }
        app.run();
        assert_eq!(app.state::<i64>("test/ledger/from", "balance"), Some(-20));
        assert_eq!(app.state::<i64>("test/ledger/to", "balance"), Some(20));
        assert_eq!(app.state::<i64>("test/ledger/later", "balance"), None);
        assert_eq!(app.written::<i64>("test/done").len(), 40);
        app.advance(Duration::from_secs(5));
        assert_eq!(app.state::<i64>("test/ledger/later", "balance"), Some(20));
        CRASHES.fetch_add(app.crashes(), Relaxed);
    });
    assert!(CRASHES.load(Relaxed) > 100, "crashes are the point: {CRASHES:?}");
}

/// Remembers in memory what belongs into state.
struct Forgetful(AtomicI64);

impl StatefulFunction for Forgetful {
    const TYPE: &'static str = "test/forgetful";

    fn invoke(&self, context: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
        context.egress(&DONE, &(self.0.fetch_add(1, Relaxed) + 1))?;
        Ok(())
    }
}

#[test]
fn a_function_that_remembers_outside_of_its_state_is_found() {
    let found = std::panic::catch_unwind(|| {
        simulate(
            0..50,
            || Functions::new().with(|_| Forgetful(AtomicI64::new(0))),
            |app| {
                (0..20).for_each(|_| app.send("test/forgetful/ann", "hello"));
                app.run();
                assert_eq!(app.written::<i64>("test/done"), (1..=20).collect::<Vec<_>>());
            },
        );
    });
    assert!(found.is_err());
}

/// Leans on an order that nobody promised.
struct Hasty;

impl StatefulFunction for Hasty {
    const TYPE: &'static str = "test/hasty";

    fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
        context.egress(&DONE, &message.text()?.into_owned())?;
        Ok(())
    }
}

#[test]
fn other_orders_are_tried_but_not_where_order_is_promised() {
    let found = std::panic::catch_unwind(|| {
        simulate(
            0..50,
            || Functions::new().with(|_| Hasty),
            |app| {
                app.send("test/hasty/ann", "first");
                app.send("test/hasty/bob", "second");
                app.run();
                assert_eq!(app.written::<String>("test/done"), ["first", "second"]);
            },
        );
    });
    assert!(found.is_err());
    simulate(
        0..50,
        || Functions::new().with(|_| Hasty),
        |app| {
            app.send("test/hasty/ann", "first");
            app.send("test/hasty/ann", "second");
            app.send("test/nobody/ann", "third");
            app.run();
            assert_eq!(app.written::<String>("test/done"), ["first", "second"]);
            assert_eq!(app.dead_letters()[0].1, "nobody serves test/nobody");
        },
    );
}
