//! Calling remote functions.

use std::time::Duration;

use statefun::function::Expiration;
use statefun_ports::remote::CallFailureKind::{Connection, Malformed, Status, Timeout};

use super::super::Options;
use super::fixture::*;
use crate::directory::RemotePolicy;

/// A shard that knows already that `shop/cart` has the state `items`.
fn acquainted() -> ShardFixture {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/hello", "hello").expect(["call 1 shop/cart/hello: hello"]);
    shard.incomplete(1, &[spec("items")]).expect(["call 2 shop/cart/hello items=-: hello"]);
    shard.reply(2, nothing()).expect_nothing();
    shard
}

#[test]
fn a_second_message_waits_while_the_first_call_is_in_flight() {
    let mut shard = acquainted();
    shard.receive("shop/cart/ann", "add:pen").expect(["call 3 shop/cart/ann items=-: add:pen"]);
    shard.receive("shop/cart/ann", "add:ink").expect_nothing();
    shard.receive("shop/cart/ann", "add:cap").expect_nothing();
    shard.receive("shop/cart/bob", "add:cup").expect(["call 4 shop/cart/bob items=-: add:cup"]);
    shard.reply(3, set("items", "pen")).expect(["call 5 shop/cart/ann items=pen: add:ink, add:cap"]);
}

#[test]
fn one_address_asks_for_the_states_while_the_others_of_its_type_wait() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    shard
        .incomplete(1, &[spec("items")])
        .expect(["call 2 shop/cart/ann items=-: a", "call 3 shop/cart/bob items=-: b"]);
}

#[test]
fn a_probe_that_fails_leaves_the_asking_to_somebody_else() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    shard.call_fails(1, Connection).expect(["call 2 shop/cart/bob: b"]);
    shard.at_deadline().expect_nothing();
    shard.reply(2, nothing()).expect(["call 3 shop/cart/ann: a"]);
}

#[test]
fn a_probe_that_hangs_holds_the_others_of_its_type_up_for_a_moment_only() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    for id in ["bob", "ant", "bee"] {
        shard.receive(&format!("shop/cart/{id}"), id).whatever();
    }
    let begun = shard.now;
    shard.after_ms(249).expect_nothing();
    assert_eq!(shard.shard.deadline(), Some(statefun::ProcessingTime(begun + 250)));
    shard.after_ms(1).expect(["call 2 shop/cart/bob: bob"]);
    shard.after_ms(249).expect_nothing();
    shard.reply(2, nothing()).expect(["call 3 shop/cart/ant: ant", "call 4 shop/cart/bee: bee"]);
    // The states are known from the second probe: what becomes of the first is its own affair.
    shard.call_fails(1, Connection).expect_nothing();
    shard.receive("shop/cart/cat", "d").expect(["call 5 shop/cart/cat: d"]);
}

#[test]
fn only_the_first_reply_of_a_call_counts() {
    let mut shard = acquainted();
    shard.receive("shop/cart/ann", "a").expect(["call 3 shop/cart/ann items=-: a"]);
    shard.reply(3, writes("shop/receipts", "one")).expect(["sink 0 <- one"]);
    shard.reply(3, writes("shop/receipts", "one")).expect_nothing();
    shard.reply(99, writes("shop/receipts", "who?")).expect_nothing();
}

#[test]
fn a_failed_call_is_made_again_with_everything_that_waits_by_then() {
    for failure in [Connection, Timeout, Status(500), Malformed] {
        let mut shard = acquainted();
        shard.receive("shop/cart/ann", "a").expect(["call 3 shop/cart/ann items=-: a"]);
        shard.receive("shop/cart/ann", "b").expect_nothing();
        shard.call_fails(3, failure).expect_nothing();
        shard.at_deadline().expect(["call 4 shop/cart/ann items=-: a, b"]);
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_goes_through() {
    let mut shard = acquainted();
    shard.receive("shop/cart/ann", "0").whatever();
    for message in ["a", "b", "c", "d"] {
        shard.receive("shop/cart/ann", message).expect_nothing();
    }
    shard.reply(3, nothing()).expect(["call 4 shop/cart/ann items=-: a, b, c, d"]);
    shard.call_fails(4, Status(413)).expect_nothing();
    shard.at_deadline().expect(["call 5 shop/cart/ann items=-: a, b"]);
    shard.call_fails(5, Status(413)).expect_nothing();
    shard.at_deadline().expect(["call 6 shop/cart/ann items=-: a"]);
    shard.reply(6, nothing()).expect(["call 7 shop/cart/ann items=-: b, c"]);
}

#[test]
fn a_poisonous_message_is_found_in_its_batch_and_parked_alone() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/impatient/ann", "0").expect(["call 1 shop/impatient/ann: 0"]);
    shard.receive("shop/impatient/ann", "poison").expect_nothing();
    shard.receive("shop/impatient/ann", "good").expect_nothing();
    shard.reply(1, nothing()).expect(["call 2 shop/impatient/ann: poison, good"]);
    shard.call_fails(2, Status(500)).expect_nothing();
    shard.at_deadline().expect(["call 3 shop/impatient/ann: poison, good"]);
    shard.call_fails(3, Status(500)).expect_nothing();
    shard.at_deadline().expect(["call 4 shop/impatient/ann: poison"]);
    shard.call_fails(4, Status(500)).expect_nothing();
    shard.at_deadline().expect(["call 5 shop/impatient/ann: poison"]);
    shard
        .call_fails(5, Status(500))
        .expect(["call 6 shop/impatient/ann: good", "sink 1 <- dead letter poison: poison"]);
}

#[test]
fn effects_that_are_invalid_fail_the_invocation_and_leave_no_trace() {
    let mut shard = acquainted();
    shard.receive("shop/cart/ann", "a").expect(["call 3 shop/cart/ann items=-: a"]);
    let mut effects = sends("shop/cart/42", "hello");
    effects.mutations = set("items", "pen").mutations;
    effects.egress = writes("shop/nowhere", "x").egress;
    shard.reply(3, effects).expect_nothing();
    assert_eq!(shard.value("shop/cart/ann", "items"), None);
    shard.at_deadline().expect(["call 4 shop/cart/ann items=-: a"]);
    shard.reply(4, set("undeclared", "x")).expect_nothing();
    shard.at_deadline().expect(["call 5 shop/cart/ann items=-: a"]);
}

#[test]
fn a_state_added_while_running_is_learnt_by_every_address_that_was_called_without_it() {
    let mut shard = acquainted();
    shard.receive("shop/impatient/ann", "0").expect(["call 3 shop/impatient/ann: 0"]);
    shard.reply(3, nothing()).expect_nothing();
    shard.receive("shop/impatient/ann", "a").expect(["call 4 shop/impatient/ann: a"]);
    shard.receive("shop/impatient/bob", "b").expect(["call 5 shop/impatient/bob: b"]);
    let both = [spec("items"), spec("coupon")];
    shard.incomplete(4, &both).expect(["call 6 shop/impatient/ann items=- coupon=-: a"]);
    // Its request held neither, whatever was learnt meanwhile: it did not fail.
    shard.incomplete(5, &both).expect(["call 7 shop/impatient/bob items=- coupon=-: b"]);
}

#[test]
fn a_function_that_asks_for_what_it_was_given_fails() {
    let mut shard = acquainted();
    shard.receive("shop/cart/ann", "a").expect(["call 3 shop/cart/ann items=-: a"]);
    shard.incomplete(3, &[spec("items")]).expect_nothing();
    shard.at_deadline().expect(["call 4 shop/cart/ann items=-: a"]);
}

#[test]
fn an_expired_value_is_not_there_and_a_touched_one_is() {
    let mut shard = ShardFixture::new();
    let after_write = Expiration::AfterWrite(Duration::from_millis(100));
    let after_invoke = Expiration::AfterInvoke(Duration::from_millis(100));
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard
        .incomplete(1, &[expiring("written", after_write), expiring("invoked", after_invoke)])
        .expect(["call 2 shop/cart/ann written=- invoked=-: a"]);
    let mut both = set("written", "w");
    both.mutations.extend(set("invoked", "i").mutations);
    shard.reply(2, both).expect_nothing();
    shard.now += 60;
    shard.receive("shop/cart/ann", "b").expect(["call 3 shop/cart/ann written=w invoked=i: b"]);
    shard.reply(3, nothing()).expect_nothing();
    shard.now += 60;
    shard.receive("shop/cart/ann", "c").expect(["call 4 shop/cart/ann written=- invoked=i: c"]);
    shard.reply(4, nothing()).expect_nothing();
    shard.now += 100;
    shard.receive("shop/cart/ann", "d").expect(["call 5 shop/cart/ann written=- invoked=-: d"]);
}

#[test]
fn no_more_calls_are_in_flight_than_allowed() {
    let mut shard = ShardFixture::with(
        Options { calls_max: 1, ..Options::default() },
        RemotePolicy { batch_max: 2, ..RemotePolicy::default() },
    );
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    for message in ["c", "d", "e"] {
        shard.receive("shop/cart/bob", message).expect_nothing();
    }
    shard.reply(1, nothing()).expect(["call 2 shop/cart/bob: b, c"]);
    shard.reply(2, nothing()).expect(["call 3 shop/cart/bob: d, e"]);
}

#[test]
fn a_function_that_hangs_keeps_no_other_function_from_being_called() {
    let options = Options { calls_max: 1, ..Options::default() };
    let mut shard = ShardFixture::with(options, RemotePolicy::default());
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    shard.receive("shop/impatient/ann", "c").expect(["call 2 shop/impatient/ann: c"]);
    shard.reply(2, nothing()).expect_nothing();
    shard.reply(1, nothing()).expect(["call 3 shop/cart/bob: b"]);
}

#[test]
fn whoever_waits_for_room_goes_on_when_the_one_before_fails() {
    let options = Options { calls_max: 1, ..Options::default() };
    let mut shard = ShardFixture::with(options, RemotePolicy::default());
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    shard.call_fails(1, Status(500)).expect(["call 2 shop/cart/bob: b"]);
}

#[test]
fn a_function_that_is_undeployed_while_it_asks_for_states_goes_on_when_it_is_back() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.deploy_cart(false).expect_nothing();
    shard.incomplete(1, &[spec("items")]).expect_nothing();
    shard.deploy_cart(true).expect_nothing();
    shard.at_deadline().expect(["call 2 shop/cart/ann items=-: a"]);
}

#[test]
fn nobody_waits_for_the_probe_of_a_function_that_is_undeployed() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/bob", "b").expect_nothing();
    shard.receive("shop/cart/ant", "c").expect_nothing();
    shard.deploy_cart(false).expect_nothing();
    shard.call_fails(1, Connection).expect_nothing();
    shard.deploy_cart(true).expect_nothing();
    shard.after_ms(10).expect(["call 2 shop/cart/bob: b"]);
    shard.reply(2, nothing()).expect(["call 3 shop/cart/ant: c", "call 4 shop/cart/ann: a"]);
}
