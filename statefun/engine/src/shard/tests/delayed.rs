//! Messages that are sent later.

use super::fixture::*;

fn shard_that_got(effects: statefun::function::Effects) -> ShardFixture {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.reply(1, effects).expect_nothing();
    shard
}

#[test]
fn a_delayed_message_is_sent_when_it_is_due_and_not_before() {
    let mut shard = shard_that_got(sends_later(50, "shop/cart/42", "later", None));
    shard.after_ms(49).expect_nothing();
    assert_eq!(shard.shard.deadline(), Some(statefun::ProcessingTime(1050)));
    assert!(shard.shard.load().delayed_bytes > "later".len());
    shard.after_ms(1).expect(["shard 0 <- shop/cart/42: later"]);
    assert_eq!((shard.shard.delayed_messages(), shard.shard.load().delayed_bytes), (0, 0));
}

#[test]
fn delayed_messages_leave_in_the_order_of_their_times_then_of_asking() {
    let mut effects = sends_later(20, "shop/cart/42", "second", None);
    effects.delayed.extend(sends_later(10, "shop/cart/42", "first", None).delayed);
    effects.delayed.extend(sends_later(20, "shop/cart/42", "third", None).delayed);
    let mut shard = shard_that_got(effects);
    shard.after_ms(100).expect([
        "shard 0 <- shop/cart/42: first",
        "shard 0 <- shop/cart/42: second",
        "shard 0 <- shop/cart/42: third",
    ]);
}

#[test]
fn a_cancelled_message_is_never_sent_and_leaves_no_row() {
    let mut shard = shard_that_got(sends_later(50, "shop/cart/42", "later", Some("t")));
    shard.receive("shop/cart/ann", "b").expect(["call 2 shop/cart/ann: b"]);
    shard.reply(2, cancels("t")).expect_nothing();
    shard.after_ms(100).expect_nothing();
    shard.marker(NEIGHBOUR, 1).whatever();
    shard.marker(SOURCE, 1).expect(["part 1: "]);
}

#[test]
fn a_token_belongs_to_the_id_of_the_sender_whatever_its_type() {
    let mut shard = shard_that_got(sends_later(50, "shop/cart/42", "later", Some("t")));
    shard.receive("shop/impatient/ann", "b").expect(["call 2 shop/impatient/ann: b"]);
    shard.reply(2, cancels("t")).expect_nothing();
    assert_eq!(shard.shard.delayed_messages(), 0);
}

#[test]
fn a_token_is_in_use_while_its_message_waits_and_free_afterwards() {
    let mut shard = shard_that_got(sends_later(50, "shop/cart/42", "one", Some("t")));
    shard.receive("shop/cart/ann", "b").expect(["call 2 shop/cart/ann: b"]);
    shard.reply(2, sends_later(50, "shop/cart/42", "two", Some("t"))).expect_nothing();
    assert_eq!(shard.shard.delayed_messages(), 1, "the invocation failed");
    shard.after_ms(50).expect(["call 3 shop/cart/ann: b", "shard 0 <- shop/cart/42: one"]);
    shard.reply(3, sends_later(50, "shop/cart/42", "two", Some("t"))).expect_nothing();
    assert_eq!(shard.shard.delayed_messages(), 1);
}

#[test]
fn cancelling_and_sending_again_in_one_invocation_replaces_the_message() {
    let mut shard = shard_that_got(sends_later(50, "shop/cart/42", "one", Some("t")));
    shard.receive("shop/cart/ann", "b").expect(["call 2 shop/cart/ann: b"]);
    let mut replace = cancels("t");
    replace.delayed.extend(sends_later(10, "shop/cart/42", "two", Some("t")).delayed);
    shard.reply(2, replace).expect_nothing();
    shard.after_ms(100).expect(["shard 0 <- shop/cart/42: two"]);
}

#[test]
fn a_caller_who_waits_may_be_answered_later() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "after 50 http/reply/r7 done").expect_nothing();
    shard.after_ms(50).expect(["sink 0 <- reply r7: done"]);
}
