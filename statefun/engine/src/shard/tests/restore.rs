//! Beginning with what a snapshot holds.

use statefun::function::StateSpec;
use statefun::{Envelope, Epoch, IdHash, KeyGroup, KeyGroups, ProcessingTime, ValueType};
use statefun_ports::rows::{Delayed, RowKey, RowValue};

use super::super::Options;
use super::fixture::*;
use crate::directory::RemotePolicy;

fn group(id: &str) -> KeyGroup {
    KeyGroups::new(128, 2).group(IdHash::of(id))
}

fn waiting(seq: u64, target: &str, argument: &str) -> (RowKey, RowValue) {
    let envelope = Envelope::new(address(target), text(argument));
    (RowKey::Waiting { group: group(&envelope.target.id), seq }, RowValue::Waiting(envelope))
}

fn delayed(due: u64, seq: u64, owner: &str, target: &str, argument: &str) -> (RowKey, RowValue) {
    let owner = address(owner);
    let key = RowKey::Delayed { group: group(&owner.id), due: ProcessingTime(due), seq };
    let envelope = Envelope::new(address(target), text(argument)).from(owner.clone());
    (key, RowValue::Delayed(Delayed { owner, envelope, token: None }))
}

fn restored(rows: Vec<(RowKey, RowValue)>) -> ShardFixture {
    ShardFixture::restored(Options::default(), Default::default(), Epoch(5), rows)
}

#[test]
fn waiting_messages_are_handled_first_and_in_their_order() {
    let mut shard = restored(vec![
        waiting(3, "shop/cart/ann", "a"),
        waiting(9, "shop/cart/ann", "b"),
        waiting(4, "shop/cart/bob", "c"),
    ]);
    shard.tick().expect(["call 1 shop/cart/ann: a, b"]);
    shard.reply(1, nothing()).expect(["call 2 shop/cart/bob: c"]);
}

#[test]
fn a_row_that_was_restored_is_removed_when_its_message_is_finished_and_its_place_is_not_taken() {
    let mut shard = restored(vec![waiting(3, "shop/cart/ann", "a")]);
    shard.tick().expect(["call 1 shop/cart/ann: a"]);
    shard.receive("shop/cart/ann", "b").expect_nothing();
    shard.reply(1, nothing()).expect(["call 2 shop/cart/ann: b"]);
    shard.marker_after(SOURCE, 6, 5).whatever();
    shard.marker_after(NEIGHBOUR, 6, 5).expect(["part 6: -waiting#3, +waiting#4 shop/cart/ann: b"]);
}

#[test]
fn what_arrives_does_not_overtake_restored_messages() {
    let options = Options { backlog_per_turn: 1, ..Options::default() };
    let rows = (1..=5).map(|seq| waiting(seq, "shop/counter/ann", &format!("write {seq}")));
    let mut shard = ShardFixture::restored(options, Default::default(), Epoch(5), rows);
    let mut seen = shard.receive_from(NEIGHBOUR, "shop/counter/ann", "write 6").0;
    while shard.shard.has_work() {
        seen.extend(shard.tick().0);
    }
    assert_eq!(seen, (1..=6).map(|record| format!("sink 0 <- {record}")).collect::<Vec<_>>());
}

#[test]
fn delayed_messages_of_shards_that_were_merged_keep_apart() {
    // Two shards gave both of them the same place in their orders.
    let mut shard = restored(vec![
        delayed(1010, 7, "shop/cart/ann", "shop/cart/42", "of ann"),
        delayed(1010, 7, "shop/cart/bob", "shop/cart/42", "of bob"),
    ]);
    shard.after_ms(10).expect(["shard 0 <- shop/cart/42: of ann", "shard 0 <- shop/cart/42: of bob"]);
}

#[test]
fn an_old_marker_means_nothing_to_a_restored_shard() {
    let mut shard = restored(Vec::new());
    shard.marker(SOURCE, 5).expect_nothing();
    shard.marker_after(SOURCE, 6, 5).expect(["shard 0 <- marker 6", "sink 0 <- marker 6", "sink 1 <- marker 6"]);
}

#[test]
fn deployments_leave_embedded_functions_alone_whatever_a_snapshot_says_they_had_declared() {
    let function = address("shop/counter/ann").function;
    let other = StateSpec { value_type: ValueType::named("test/other").unwrap(), ..spec("count") };
    let rows = [(RowKey::Specs { function }, RowValue::Specs(vec![other]))];
    let mut shard = ShardFixture::restored(Options::default(), RemotePolicy::default(), Epoch(3), rows);
    shard.receive("shop/counter/ann", "hello").expect_nothing();
    shard.deploy_cart(false).expect_nothing();
    shard.receive("shop/counter/ann", "hello").expect_nothing();
    assert_eq!(shard.value("shop/counter/ann", "count").as_deref(), Some("2"));
}
