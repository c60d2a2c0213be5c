//! Requests of callers who may come back.

use statefun::{Epoch, RequestId};
use statefun_ports::rows::{RequestProgress, RowKey, RowValue};

use super::super::Options;
use super::fixture::*;

/// The name of request `unique` for an address.
fn request(unique: u128, target: &str) -> RequestId {
    RequestId::new(unique, address(target).hash())
}

/// What a function does to answer request `unique` for an address.
fn answers(unique: u128, target: &str, reply: &str) -> statefun::function::Effects {
    sends(&format!("http/reply/{}", request(unique, target)), reply)
}

/// A shard on which the call of request 1 with key `k`, for ann's cart, is in flight.
fn shard_in_call() -> ShardFixture {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "probe").whatever();
    shard.reply(1, nothing()).whatever();
    let awaited = format!("sink 0 <- verdict 1: Awaited {{ request: {:?} }}", request(1, "shop/cart/ann"));
    shard.ask(1, "shop/cart/ann", "buy", Some("k"), true).expect(["call 2 shop/cart/ann: buy", &awaited]);
    shard
}

fn reply_line(unique: u128, reply: &str) -> String {
    format!("sink 0 <- reply {}: {reply}", request(unique, "shop/cart/ann"))
}

#[test]
fn a_plain_message_with_a_key_is_handled_once() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).expect(["sink 0 <- verdict 1: Accepted"]);
    shard.ask(2, "shop/counter/ann", "x", Some("k"), false).expect(["sink 0 <- verdict 2: Accepted"]);
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("1"));
}

#[test]
fn another_message_under_the_same_key_is_a_conflict() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard.ask(2, "shop/counter/ann", "y", Some("k"), false).expect(["sink 0 <- verdict 2: Conflict"]);
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("1"));
}

#[test]
fn keys_of_different_addresses_have_nothing_to_do_with_each_other() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard.ask(2, "shop/counter/bob", "y", Some("k"), false).expect(["sink 0 <- verdict 2: Accepted"]);
}

#[test]
fn a_repetition_in_flight_waits_for_the_reply_to_the_first() {
    let mut shard = shard_in_call();
    let awaited = format!("sink 0 <- verdict 2: Awaited {{ request: {:?} }}", request(1, "shop/cart/ann"));
    shard.ask(2, "shop/cart/ann", "buy", Some("k"), true).expect([&awaited]);
    shard.reply(2, answers(1, "shop/cart/ann", "bought")).expect([&reply_line(1, "bought")]);
}

#[test]
fn a_finished_request_gives_its_stored_answer_and_a_second_reply_does_not_count() {
    let mut shard = shard_in_call();
    let mut twice = answers(1, "shop/cart/ann", "bought");
    twice.messages.extend(answers(1, "shop/cart/ann", "sold out").messages);
    shard.reply(2, twice).expect([&reply_line(1, "bought")]);
    shard.ask(2, "shop/cart/ann", "buy", Some("k"), true).expect([&reply_line(2, "bought")]);
    shard.ask(3, "shop/cart/ann", "buy", Some("k"), false).expect([&reply_line(3, "bought")]);
    shard.ask(4, "shop/cart/ann", "sell", Some("k"), true).expect(["sink 0 <- verdict 4: Conflict"]);
}

#[test]
fn a_request_is_in_the_epoch_of_its_message() {
    let mut shard = shard_in_call();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +waiting#2 shop/cart/ann: buy, +request shop/cart/ann \"k\" Pending"]);
}

#[test]
fn a_request_sent_ahead_of_a_marker_is_recorded_with_its_message() {
    let mut shard = ShardFixture::new();
    shard.marker(NEIGHBOUR, 1).whatever();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard
        .marker(SOURCE, 1)
        .expect(["part 1: +request shop/counter/ann \"k\" Accepted, +waiting#1 shop/counter/ann: x"]);
    shard.abandoned(1).whatever();
    shard.marker(SOURCE, 2).whatever();
    shard
        .marker(NEIGHBOUR, 2)
        .expect(["part 2: +shop/counter/ann count=1, -waiting#1, +request shop/counter/ann \"k\" Accepted"]);
}

#[test]
fn an_answer_counts_when_the_epoch_that_holds_it_exists() {
    let mut shard = shard_in_call();
    let request = request(1, "shop/cart/ann");
    assert_eq!(shard.shard.request(request), Some(RequestProgress::Pending));
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).whatever();
    shard.reply(2, answers(1, "shop/cart/ann", "bought")).whatever();
    shard.completed(1).whatever();
    assert_eq!(shard.shard.request(request), Some(RequestProgress::Pending));
    shard.marker_after(SOURCE, 2, 1).whatever();
    shard.marker_after(NEIGHBOUR, 2, 1).expect(["part 2: -waiting#2, +request shop/cart/ann \"k\" replied bought"]);
    assert_eq!(shard.shard.request(request), Some(RequestProgress::Pending));
    shard.abandoned(2).whatever();
    shard.marker_after(SOURCE, 3, 1).whatever();
    shard.marker_after(NEIGHBOUR, 3, 1).whatever();
    shard.completed(3).whatever();
    assert_eq!(shard.shard.request(request), Some(RequestProgress::Replied(text("bought"))));
}

#[test]
fn a_request_answered_within_an_epoch_leaves_no_row_when_it_has_no_key() {
    let mut shard = ShardFixture::new();
    let home = request(1, "shop/counter/ann");
    let argument = format!("to http/reply/{home} hello");
    let reply = format!("sink 0 <- reply {home}: hello");
    shard.ask(1, "shop/counter/ann", &argument, None, true).expect([&reply]);
    assert_eq!(shard.shard.request(home), Some(RequestProgress::Pending), "its reply is in no epoch");
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +shop/counter/ann count=1"]);
    shard.completed(1).whatever();
    shard.marker_after(SOURCE, 2, 1).whatever();
    assert_eq!(shard.shard.request(home), None, "whoever carries replies has it");
    assert_eq!(shard.shard.requests(), (0, 0));
}

#[test]
fn a_request_without_a_key_that_waits_over_an_epoch_has_a_row_until_it_is_answered() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/cart/ann", "buy", None, true).expect(["call 1 shop/cart/ann: buy"]);
    shard.marker(SOURCE, 1).whatever();
    let row = format!("request http/reply/{} \"\"", request(1, "shop/cart/ann"));
    let part = format!("part 1: +waiting#1 shop/cart/ann: buy, +{row} Pending");
    shard.marker(NEIGHBOUR, 1).expect([&part]);
    shard.completed(1).whatever();
    shard.reply(1, answers(1, "shop/cart/ann", "bought")).expect([&reply_line(1, "bought")]);
    shard.marker_after(SOURCE, 2, 1).whatever();
    let part = format!("part 2: -{row}, -waiting#1");
    shard.marker_after(NEIGHBOUR, 2, 1).expect([&part]);
}

#[test]
fn an_answer_goes_home_first() {
    let mut shard = ShardFixture::new();
    // 42 lives with the neighbour, ann here.
    let away = request(1, "shop/cart/42");
    let line = format!("shard 0 <- http/reply/{away}: bought");
    shard.receive("shop/counter/bob", &format!("to http/reply/{away} bought")).expect([&line]);
    shard.ask(2, "shop/cart/ann", "buy", Some("k"), true).whatever();
    let home = request(2, "shop/cart/ann");
    shard.receive_from(NEIGHBOUR, &format!("http/reply/{home}"), "bought").expect([&reply_line(2, "bought")]);
}

#[test]
fn an_answer_on_its_way_home_is_recorded_and_restored() {
    let home = request(2, "shop/cart/ann");
    let mut shard = ShardFixture::new();
    shard.ask(2, "shop/cart/ann", "buy", Some("k"), true).whatever();
    shard.marker(SOURCE, 1).whatever();
    shard.receive_from(NEIGHBOUR, &format!("http/reply/{home}"), "bought").whatever();
    let part = format!(
        "part 1: +waiting#1 shop/cart/ann: buy, +request shop/cart/ann \"k\" Pending, +waiting#2 http/reply/{home}: bought"
    );
    shard.marker(NEIGHBOUR, 1).expect([&part]);

    let mut restored = ShardFixture::restored(Options::default(), Default::default(), Epoch(1), shard.rows(1));
    let _ = restored.tick().0.iter().find(|line| **line == reply_line(2, "bought")).expect("the answer came home");
    restored.completed(1).whatever();
    restored.marker_after(SOURCE, 2, 1).whatever();
    let Seen(lines) = restored.marker_after(NEIGHBOUR, 2, 1);
    assert!(lines[0].contains("-waiting#2"), "{lines:?}");
}

#[test]
fn requests_survive_a_restart() {
    let mut shard = shard_in_call();
    shard.reply(2, answers(1, "shop/cart/ann", "bought")).whatever();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).whatever();
    let mut restored = ShardFixture::restored(Options::default(), Default::default(), Epoch(1), shard.rows(1));
    restored.ask(7, "shop/cart/ann", "buy", Some("k"), true).expect([&reply_line(7, "bought")]);
    let replied = RequestProgress::Replied(text("bought"));
    assert_eq!(restored.shard.request(request(1, "shop/cart/ann")), Some(replied));
}

#[test]
fn a_key_is_free_again_when_its_time_is_over() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).whatever();
    shard.completed(1).whatever();
    shard.after_ms(4_999).whatever();
    shard.ask(2, "shop/counter/ann", "y", Some("k"), false).expect(["sink 0 <- verdict 2: Conflict"]);
    shard.after_ms(1).whatever();
    shard.ask(3, "shop/counter/ann", "y", Some("k"), false).expect(["sink 0 <- verdict 3: Accepted"]);
    shard.marker_after(SOURCE, 2, 1).whatever();
    // The tombstone first: of equal keys the last one counts.
    shard.marker_after(NEIGHBOUR, 2, 1).expect([
        "part 2: +shop/counter/ann count=2, -request shop/counter/ann \"k\", +request shop/counter/ann \"k\" Accepted",
    ]);
}

#[test]
fn what_has_expired_leaves_with_the_next_epoch() {
    let mut shard = ShardFixture::new();
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).whatever();
    shard.completed(1).whatever();
    shard.after_ms(5_000).whatever();
    shard.marker_after(SOURCE, 2, 1).whatever();
    shard.marker_after(NEIGHBOUR, 2, 1).expect(["part 2: -request shop/counter/ann \"k\""]);
    assert_eq!(shard.shard.requests(), (0, 0));
}

#[test]
fn without_room_a_new_key_is_refused_and_nothing_is_forgotten() {
    let mut shard = ShardFixture::with(Options { requests_bytes_max: 400, ..Options::default() }, Default::default());
    shard.ask(1, "shop/counter/ann", "x", Some("k"), false).whatever();
    shard.ask(2, "shop/counter/ann", "x", Some("l"), false).expect(["sink 0 <- verdict 2: Full"]);
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("1"));
    shard.ask(3, "shop/counter/ann", "x", Some("k"), false).expect(["sink 0 <- verdict 3: Accepted"]);
    // Who has no key is served, and its reply reaches it.
    let argument = format!("to http/reply/{} hello", request(4, "shop/counter/ann"));
    let reply = format!("sink 0 <- reply {}: hello", request(4, "shop/counter/ann"));
    shard.ask(4, "shop/counter/ann", &argument, None, true).expect([&reply]);
}

#[test]
fn rows_of_requests_are_of_the_key_group_of_their_target() {
    let mut shard = shard_in_call();
    shard.ask(2, "shop/cart/bob", "buy", None, true).whatever();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).whatever();
    let groups = statefun::KeyGroups::new(128, TOPOLOGY.shards);
    let mut found = 0;
    for (key, value) in shard.rows(1) {
        if let (RowKey::Idempotency { group, .. }, RowValue::Idempotency(kept)) = (key, value) {
            assert_eq!(group, groups.group(kept.request.home()));
            found += 1;
        }
    }
    assert_eq!(found, 2);
}
