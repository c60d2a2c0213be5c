use std::collections::BTreeMap;

use proptest::prelude::*;
use statefun::{Generation, Lineage, ProcessingTime, TypedValue, ValueType};
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};

use super::*;
use crate::MemoryStore;

fn groups() -> KeyGroups {
    KeyGroups::new(4, 1)
}

fn cart(id: &str) -> Address {
    Address::new(FunctionType::parse("shop/cart").unwrap(), id)
}

fn stored(text: &str) -> Stored {
    let value = TypedValue::new(ValueType::named("shop/text").unwrap(), text.as_bytes());
    Stored { value, touched: ProcessingTime(7) }
}

fn manifest(epoch: u64) -> Manifest {
    Manifest { epoch: Epoch(epoch), generation: Generation(1), lineage: Lineage(1), key_groups: groups().count() }
}

/// A shard's state and the store behind it.
struct Fixture {
    state: MemoryState,
    store: MemoryStore,
    epoch: u64,
}

impl Fixture {
    fn new() -> Self {
        Self { state: MemoryState::new(groups(), ShardId(0)), store: MemoryStore::new(), epoch: 0 }
    }

    fn put(&mut self, id: &str, name: &str, value: Option<&str>) {
        let address = cart(id);
        let state = self.state.state_index(address.function, Symbol::intern(name).unwrap());
        let slot = self.state.slot(&address, address.hash());
        self.state.put(slot, state, value.map(stored));
    }

    fn get(&mut self, id: &str, name: &str) -> Option<String> {
        let address = cart(id);
        let state = self.state.state_index(address.function, Symbol::intern(name).unwrap());
        let slot = self.state.find(&address, address.hash())?;
        let stored = self.state.get(slot, state)?;
        Some(String::from_utf8(stored.value.bytes.to_vec()).unwrap())
    }

    fn freeze(&mut self) {
        self.epoch += 1;
        self.state.freeze(Epoch(self.epoch));
    }

    /// Encodes what is left and hands the part out.
    fn part(&mut self) -> EncodedPart {
        while !self.state.encode_slice(2) {}
        self.state.finish()
    }

    fn commit(&mut self, part: &EncodedPart) {
        self.store.commit(manifest(self.epoch), std::slice::from_ref(part)).unwrap();
        self.state.completed(Epoch(self.epoch));
    }

    fn abandon(&mut self) {
        self.state.abandoned(Epoch(self.epoch));
    }

    /// Freeze, encode, commit.
    fn snapshot(&mut self) -> u64 {
        self.freeze();
        let part = self.part();
        self.commit(&part);
        part.rows
    }

    fn in_store(&mut self) -> BTreeMap<(String, String), String> {
        let mut rows = BTreeMap::new();
        self.store
            .load(0..groups().count(), &mut |key, value| {
                let (RowKey::Value { address, name, .. }, RowValue::Value(stored)) = (key, value) else { panic!() };
                let text = String::from_utf8(stored.value.bytes.to_vec()).unwrap();
                rows.insert((address.id.to_string(), name.to_string()), text);
            })
            .unwrap();
        rows
    }

    fn live(&self) -> BTreeMap<(String, String), String> {
        let mut rows = BTreeMap::new();
        self.state.scan(cart("").function, &mut |address, name, stored| {
            let text = String::from_utf8(stored.value.bytes.to_vec()).unwrap();
            rows.insert((address.id.to_string(), name.to_string()), text);
            true
        });
        rows
    }
}

#[test]
fn a_part_holds_the_instant_of_the_freeze_whatever_is_written_later() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    shard.put("bob", "items", Some("ink"));
    shard.freeze();
    shard.put("ann", "items", Some("pen,cap"));
    shard.put("bob", "items", None);
    shard.put("eve", "items", Some("nib"));
    let part = shard.part();
    shard.commit(&part);
    let expected = [("ann", "pen"), ("bob", "ink")].map(|(id, text)| ((id.into(), "items".into()), text.into()));
    assert_eq!(shard.in_store(), BTreeMap::from(expected));
    assert_eq!(shard.get("ann", "items").as_deref(), Some("pen,cap"));
    assert_eq!(shard.snapshot(), 3, "a change, a tombstone and a new value");
    assert_eq!(shard.in_store(), shard.live());
}

#[test]
fn what_is_born_and_deleted_between_two_cuts_is_never_written_and_its_slot_is_free_again() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    shard.put("ann", "items", None);
    assert_eq!(shard.snapshot(), 0);
    assert_eq!(shard.state.find(&cart("ann"), cart("ann").hash()), None);
    assert_eq!(shard.state.addresses(), 0);
}

#[test]
fn a_slot_outlives_the_deletion_of_its_last_value_so_that_another_can_be_written() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    let slot = shard.state.slot(&cart("ann"), cart("ann").hash());
    let items = shard.state.state_index(cart("").function, Symbol::intern("items").unwrap());
    let total = shard.state.state_index(cart("").function, Symbol::intern("total").unwrap());
    shard.state.put(slot, items, None);
    shard.state.put(slot, total, Some(stored("1")));
    assert_eq!(shard.get("ann", "total").as_deref(), Some("1"));
    assert_eq!(shard.snapshot(), 1);
    assert_eq!(shard.state.addresses(), 1);
}

#[test]
fn a_deletion_is_a_tombstone_until_an_epoch_that_carries_it_completed() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    shard.snapshot();
    shard.put("ann", "items", None);
    shard.freeze();
    let part = shard.part();
    assert_eq!(part.rows, 1);
    shard.abandon();
    assert_eq!(shard.snapshot(), 1, "the tombstone is written again");
    assert_eq!(shard.snapshot(), 0);
    assert!(shard.in_store().is_empty());
    assert_eq!(shard.state.find(&cart("ann"), cart("ann").hash()), None, "nothing is left of it in memory");
}

#[test]
fn a_restored_value_is_not_dirty_and_its_deletion_is_a_tombstone() {
    let mut shard = Fixture::new();
    shard.state.restore(cart("ann"), Symbol::intern("items").unwrap(), stored("pen"));
    assert_eq!(shard.snapshot(), 0);
    assert_eq!(shard.state.addresses(), 1);
    shard.put("ann", "items", None);
    assert_eq!(shard.snapshot(), 1);
    assert_eq!(shard.state.addresses(), 0);
}

#[test]
fn what_an_abandoned_epoch_held_is_in_the_next_unless_it_was_written_since() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    shard.put("bob", "items", Some("ink"));
    shard.freeze();
    shard.put("ann", "items", Some("cap"));
    let _lost = shard.part();
    shard.abandon();
    assert_eq!(shard.snapshot(), 2);
    assert_eq!(shard.in_store(), shard.live());
}

#[test]
#[should_panic(expected = "epoch 2 is frozen while nobody said what became of epoch 1")]
fn two_parts_at_once_are_a_bug_of_the_caller() {
    let mut shard = Fixture::new();
    shard.freeze();
    shard.freeze();
}

#[test]
fn recorded_rows_are_in_the_part_beside_the_values() {
    let mut shard = Fixture::new();
    shard.put("ann", "items", Some("pen"));
    shard.freeze();
    shard.state.record(&(RowKey::Waiting { group: groups().group(cart("ann").hash()), seq: 4 }, None));
    assert_eq!(shard.part().rows, 2);
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        id: u8,
        name: u8,
        value: Option<u8>,
    },
    Freeze,
    Encode(usize),
    Finish,
    Complete,
    Abandon,
    /// The process dies; the state is what the newest epoch holds.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (0u8..6, 0u8..3, any::<Option<u8>>()).prop_map(|(id, name, value)| Step::Put { id, name, value }),
        2 => Just(Step::Freeze),
        3 => (1usize..4).prop_map(Step::Encode),
        2 => Just(Step::Finish),
        2 => Just(Step::Complete),
        1 => Just(Step::Abandon),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// The model: a map, and a copy of it taken at each freeze. Steps that make no sense at their time are skipped.
    #[test]
    fn an_epoch_is_a_copy_taken_at_its_freeze_whatever_happens_around_it(steps in steps()) {
        let mut shard = Fixture::new();
        let mut live = BTreeMap::new();
        let mut durable = BTreeMap::new();
        let mut frozen: Option<BTreeMap<_, _>> = None;
        let mut part: Option<EncodedPart> = None;
        for step in steps {
            match step {
                Step::Put { id, name, value } => {
                    let (id, name) = (format!("id{id}"), format!("state{name}"));
                    let value = value.map(|value| value.to_string());
                    shard.put(&id, &name, value.as_deref());
                    match value {
                        Some(value) => drop(live.insert((id, name), value)),
                        None => drop(live.remove(&(id, name))),
                    }
                }
                Step::Freeze if frozen.is_none() => {
                    shard.freeze();
                    frozen = Some(live.clone());
                }
                Step::Encode(rows) if frozen.is_some() && part.is_none() => {
                    shard.state.encode_slice(rows);
                }
                Step::Finish if frozen.is_some() && part.is_none() => part = Some(shard.part()),
                Step::Complete => if let Some(part) = part.take() {
                    shard.commit(&part);
                    durable = frozen.take().unwrap();
                    prop_assert_eq!(shard.in_store(), durable.clone());
                },
                Step::Abandon if frozen.is_some() => {
                    shard.abandon();
                    (frozen, part) = (None, None);
                }
                Step::Crash => {
                    shard.state = MemoryState::new(groups(), ShardId(0));
                    shard.epoch += 1;
                    (frozen, part) = (None, None);
                    let state = &mut shard.state;
                    shard.store.load(0..groups().count(), &mut |key, value| {
                        if let (RowKey::Value { address, name, .. }, RowValue::Value(stored)) = (key, value) {
                            state.restore(address, name, stored);
                        }
                    }).unwrap();
                    live = durable.clone();
                }
                _ => {}
            }
            shard.store.tidy().unwrap();
            prop_assert_eq!(shard.live(), live.clone());
            let ids: std::collections::BTreeSet<_> = live.keys().map(|(id, _)| id).collect();
            prop_assert_eq!(shard.state.addresses(), ids.len());
        }
        if frozen.is_some() {
            shard.abandon();
        }
        shard.snapshot();
        prop_assert_eq!(shard.in_store(), live);
    }
}
