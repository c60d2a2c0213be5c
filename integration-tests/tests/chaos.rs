//! Kills and pauses of runtime, functions and broker, in any combination; exactly once for readers all the same.
//!
//! A few cycles in the gate, 200 with `STATEFUN_TEST_FULL=1`, 25 of them with outages longer than the transaction
//! timeout. `STATEFUN_TEST_CYCLES` and `STATEFUN_TEST_SEED` choose others.

use std::path::Path;
use std::time::{Duration, Instant};

use integration_tests::chaos::{Plan, Table, World};
use integration_tests::harness::{Draws, is_full};

const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
const RECORDS_PER_SECOND: usize = 400;

#[test]
fn readers_see_each_record_once_and_in_order_whatever_dies() {
    let cycles = std::env::var("STATEFUN_TEST_CYCLES").ok().and_then(|cycles| cycles.parse().ok());
    let cycles: usize = cycles.unwrap_or_else(|| if is_full() { 200 } else { 8 });
    let mut draws = Draws::seeded();
    // One cycle of eight outlasts the timeout.
    let mut order: Vec<usize> = (0..cycles).collect();
    draws.shuffle(&mut order);
    let mut world =
        World::start(Path::new(env!("CARGO_BIN_EXE_chaos-functions")), TRANSACTION_TIMEOUT, RECORDS_PER_SECOND);
    let mut table = Table::default();
    let mut is_clean = true;
    let begun = Instant::now();
    for (number, drawn) in order.into_iter().enumerate() {
        let is_long = drawn % 8 == 7;
        let turn = if is_long { drawn / 8 } else { drawn - drawn / 8 };
        let plan = Plan::draw(&mut draws, turn, is_long.then_some(TRANSACTION_TIMEOUT));
        let cycle = world.suffer(&plan);
        println!(
            "{:4.0} s, cycle {}: {} (again {:?}): {:?}, back {:.2?}, caught up {:.2?}",
            begun.elapsed().as_secs_f64(),
            number + 1,
            plan.kind(),
            plan.again,
            cycle.findings,
            cycle.back,
            cycle.caught_up
        );
        is_clean &= cycle.findings.is_clean();
        table.add(plan.kind(), cycle);
    }
    let of_all = world.last_judgement();
    println!("{}", table.markdown());
    println!("read anew from the beginning, and states compared: {of_all:?}");
    assert!(is_clean && of_all.is_clean(), "records were lost, doubled or misplaced");
    assert!(of_all.records > 0, "a test without load shows nothing");
}
