//! A shard's side of a consistent snapshot.

use super::fixture::*;

#[test]
fn the_first_marker_goes_on_to_everybody_behind_all_that_was_sent() {
    let mut shard = ShardFixture::new();
    let batch = |shard: &mut ShardFixture| {
        use super::super::Input;
        use crate::channel::{Item, Marker};
        use statefun::{Envelope, Epoch};
        let envelope = Envelope::new(address("shop/counter/ann"), text("to shop/cart/42 hello"));
        let marker = Item::Marker(Marker { epoch: Epoch(1), completed: Epoch(0) });
        shard.drive(Input::Batch { from: SOURCE, items: vec![Item::Envelope(envelope), marker] })
    };
    batch(&mut shard).expect([
        "shard 0 <- shop/cart/42: hello",
        "shard 0 <- marker 1",
        "sink 0 <- marker 1",
        "sink 1 <- marker 1",
    ]);
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +shop/counter/ann count=1"]);
}

#[test]
fn what_arrives_ahead_of_a_missing_marker_is_recorded_and_handled() {
    let mut shard = ShardFixture::new();
    shard.marker(SOURCE, 1).whatever();
    shard.receive_from(NEIGHBOUR, "shop/counter/ann", "write early").expect(["sink 0 <- early"]);
    shard.receive("shop/counter/ann", "write late").expect(["sink 0 <- late"]);
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +waiting#1 shop/counter/ann: write early"]);
    // Handled since: the next epoch forgets the message and holds what it did.
    shard.completed(1).expect_nothing();
    shard.marker_after(SOURCE, 2, 1).whatever();
    shard.marker_after(NEIGHBOUR, 2, 1).expect(["part 2: +shop/counter/ann count=2, -waiting#1"]);
}

#[test]
fn a_call_in_flight_is_recorded_and_not_awaited() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/ann", "b").expect_nothing();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +waiting#1 shop/cart/ann: a, +waiting#2 shop/cart/ann: b"]);
    shard.completed(1).expect_nothing();
    shard.marker_after(SOURCE, 2, 1).whatever();
    // Written once: an epoch costs what changed.
    shard.marker_after(NEIGHBOUR, 2, 1).expect(["part 2: "]);
}

#[test]
fn a_waiting_message_survives_an_abandoned_epoch_in_the_next() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.marker(SOURCE, 1).whatever();
    shard.receive_from(NEIGHBOUR, "shop/cart/ann", "b").expect_nothing();
    shard.abandoned(1).expect_nothing();
    shard.marker(NEIGHBOUR, 1).expect_nothing();
    shard.marker(SOURCE, 2).whatever();
    shard.marker(NEIGHBOUR, 2).expect(["part 2: +waiting#1 shop/cart/ann: a, +waiting#2 shop/cart/ann: b"]);
}

#[test]
fn tombstones_values_and_delayed_messages_of_an_abandoned_epoch_are_written_again() {
    let mut shard = ShardFixture::new();
    shard.receive("shop/cart/ann", "a").expect(["call 1 shop/cart/ann: a"]);
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +waiting#1 shop/cart/ann: a"]);
    shard.completed(1).expect_nothing();
    shard.reply(1, sends_later(500, "shop/cart/42", "later", None)).expect_nothing();
    shard.receive("shop/counter/ann", "count").expect_nothing();
    let rows = "+shop/counter/ann count=1, -waiting#1, +delayed@1500#2 shop/cart/42: later";
    shard.marker_after(SOURCE, 2, 1).whatever();
    shard.marker_after(NEIGHBOUR, 2, 1).expect([&*format!("part 2: {rows}")]);
    shard.abandoned(2).expect_nothing();
    shard.marker_after(SOURCE, 3, 1).whatever();
    shard.marker_after(NEIGHBOUR, 3, 1).expect([&*format!("part 3: {rows}")]);
}

#[test]
fn a_marker_that_overtakes_the_news_says_what_became_of_the_epoch_before() {
    for (completed, rows) in [(1, "part 2: "), (0, "part 2: +shop/counter/ann count=1")] {
        let mut shard = ShardFixture::new();
        shard.receive("shop/counter/ann", "count").expect_nothing();
        shard.marker(SOURCE, 1).whatever();
        shard.marker(NEIGHBOUR, 1).expect(["part 1: +shop/counter/ann count=1"]);
        shard.marker_after(SOURCE, 2, completed).expect([
            "shard 0 <- marker 2",
            "sink 0 <- marker 2",
            "sink 1 <- marker 2",
        ]);
        shard.marker_after(NEIGHBOUR, 2, completed).expect([rows]);
    }
}

#[test]
fn markers_of_epochs_that_are_over_are_ignored() {
    let mut shard = ShardFixture::new();
    shard.abandoned(1).expect_nothing();
    shard.marker(SOURCE, 1).expect_nothing();
    shard.marker(NEIGHBOUR, 1).expect_nothing();
}

#[test]
fn a_shards_own_backlog_is_part_of_what_is_frozen() {
    let options = super::super::Options { backlog_per_turn: 0, ..Default::default() };
    let mut shard = ShardFixture::with(options, Default::default());
    shard.receive("shop/counter/ann", "to shop/counter/bob hello").expect_nothing();
    shard.marker(SOURCE, 1).whatever();
    shard.marker(NEIGHBOUR, 1).expect(["part 1: +shop/counter/ann count=1, +waiting#2 shop/counter/bob: hello"]);
}
