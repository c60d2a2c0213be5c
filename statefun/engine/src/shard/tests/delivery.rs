//! What becomes of a message.

use super::fixture::*;

#[test]
fn an_embedded_function_runs_at_once_and_its_effects_leave_together() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "to shop/cart/42 hello").expect(["shard 0 <- shop/cart/42: hello"]);
    shard.receive("shop/counter/ann", "write receipt").expect(["sink 0 <- receipt"]);
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("2"));
    assert!(shard.shard.is_idle() && !shard.shard.has_work());
}

#[test]
fn what_a_shard_sends_to_itself_never_leaves_it() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "to shop/counter/bob hello").expect_nothing();
    assert_eq!(shard.value("shop/counter/bob", "count").as_deref(), Some("1"));
}

#[test]
fn a_cycle_on_one_shard_is_worked_off_in_turns() {
    let options = super::super::Options { backlog_per_turn: 1, ..Default::default() };
    let mut shard = ShardFixture::with(options, Default::default());
    shard.receive("shop/counter/ann", "to shop/counter/bob a").expect_nothing();
    shard.receive("shop/counter/ann", "to shop/counter/ann a").expect_nothing();
    shard.receive("shop/counter/bob", "to shop/counter/ann a").expect_nothing();
    assert!(!shard.shard.has_work(), "one message per turn, one turn per message");
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("4"));
}

#[test]
fn a_message_for_nobody_is_a_dead_letter() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/ghost/ann", "hello").expect(["sink 1 <- dead letter unknown-function: hello"]);
    assert!(shard.shard.is_idle());
}

#[test]
fn an_embedded_function_that_fails_leaves_no_trace_and_holds_its_key_but_no_other() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "fail before 1004").expect_nothing();
    shard.receive("shop/counter/ann", "write second").expect_nothing();
    shard.receive("shop/counter/bob", "write other").expect(["sink 0 <- other"]);
    assert_eq!(shard.value("shop/counter/ann", "count"), None);
    assert_eq!(shard.shard.load().messages, 2);
    let mut seen = shard.at_deadline().0;
    while seen.is_empty() {
        seen = shard.at_deadline().0;
    }
    assert_eq!(seen, ["sink 0 <- second"]);
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("2"));
    assert_eq!(shard.shard.load(), super::super::Load::default());
}

#[test]
fn a_message_that_always_fails_is_parked_when_the_policy_says_so_and_its_key_goes_on() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/parking/ann", "fail").expect_nothing();
    shard.receive("shop/parking/ann", "write next").expect_nothing();
    shard.at_deadline().expect(["sink 0 <- next", "sink 1 <- dead letter poison: fail"]);
    assert!(shard.shard.is_idle());
}

#[test]
fn a_rejected_message_is_a_dead_letter_at_once() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "reject").expect(["sink 1 <- dead letter poison: reject"]);
    assert!(shard.shard.is_idle());
    assert_eq!(shard.value("shop/counter/ann", "count"), None);
}

#[test]
fn a_message_to_the_reply_function_is_an_answer() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/counter/ann", "to http/reply/17 done").expect(["sink 0 <- reply 17: done"]);
}
