//! Values that stay decoded: what snapshots and scans see of them.

use statefun::function::{Live, LiveValue};
use statefun::{Address, Epoch, FunctionType, KeyGroups, ProcessingTime, ShardId, Symbol, TypedValue, ValueType};
use statefun_ports::keyed_state::{KeyedState, Slot, StateIndex};
use statefun_ports::rows::Stored;

use super::MemoryState;

struct Counter(u64);

impl LiveValue for Counter {
    fn encode(&self) -> TypedValue {
        TypedValue::new(ValueType::named("shop/count").unwrap(), self.0.to_be_bytes().as_slice())
    }
}

fn count(live: Live) -> u64 {
    match live {
        Live::Absent => 0,
        Live::Decoded(value) => {
            let any: Box<dyn std::any::Any> = value;
            any.downcast::<Counter>().unwrap().0
        }
        Live::Encoded(value) => u64::from_be_bytes(value.bytes.as_slice().try_into().unwrap()),
    }
}

struct Fixture {
    state: MemoryState,
    slot: Slot,
    index: StateIndex,
    function: FunctionType,
    epoch: u64,
}

impl Fixture {
    fn new() -> Self {
        let mut state = MemoryState::new(KeyGroups::new(4, 1), ShardId(0));
        let function = FunctionType::parse("shop/live").unwrap();
        let address = Address::new(function, "ann");
        let index = state.state_index(function, Symbol::intern("count").unwrap());
        let slot = state.slot(&address, address.hash());
        Self { state, slot, index, function, epoch: 0 }
    }

    fn add(&mut self, n: u64) -> u64 {
        let count = count(self.state.take_live(self.slot, self.index)) + n;
        self.state.put_live(self.slot, self.index, Live::Decoded(Box::new(Counter(count))), ProcessingTime(1));
        count
    }

    fn freeze(&mut self) {
        self.epoch += 1;
        self.state.freeze(Epoch(self.epoch));
    }

    /// The values in the part, as they would be restored.
    fn part(&mut self) -> Vec<u64> {
        while !self.state.encode_slice(1) {}
        let part = self.state.finish();
        let mut store = crate::MemoryStore::new();
        let manifest = statefun_ports::snapshot_store::Manifest {
            epoch: part.epoch,
            generation: statefun::Generation(1),
            lineage: statefun::Lineage(1),
            key_groups: 4,
        };
        statefun_ports::snapshot_store::SnapshotStore::commit(&mut store, manifest, std::slice::from_ref(&part))
            .unwrap();
        let mut values = Vec::new();
        let mut each = |_, value| {
            let statefun_ports::rows::RowValue::Value(stored) = value else { panic!() };
            values.push(count(Live::Encoded(stored.value)));
        };
        statefun_ports::snapshot_store::SnapshotStore::load(&mut store, 0..4, &mut each).unwrap();
        values
    }

    fn scanned(&self) -> Vec<u64> {
        let mut values = Vec::new();
        self.state.scan(self.function, &mut |_, _, stored: &Stored| {
            values.push(count(Live::Encoded(stored.value.clone())));
            true
        });
        values
    }
}

#[test]
fn a_snapshot_holds_what_was_there_when_it_was_cut() {
    let mut key = Fixture::new();
    key.add(3);
    key.freeze();
    assert_eq!(key.add(4), 7, "the function goes on");
    assert_eq!(key.part(), [3], "encoded before it was changed");
    key.state.completed(Epoch(1));
    key.freeze();
    assert_eq!(key.part(), [7]);
    key.state.completed(Epoch(2));
    key.freeze();
    assert_eq!(key.part(), [] as [u64; 0], "nothing was written");
}

#[test]
fn an_abandoned_change_is_written_again() {
    let mut key = Fixture::new();
    key.add(3);
    key.freeze();
    assert_eq!(key.part(), [3]);
    key.state.abandoned(Epoch(1));
    key.freeze();
    assert_eq!(key.part(), [3]);
}

#[test]
fn scans_show_it_and_deleting_it_leaves_nothing() {
    let mut key = Fixture::new();
    key.add(3);
    assert_eq!((key.scanned(), key.state.addresses()), (vec![3], 1));
    assert_eq!(count(key.state.take_live(key.slot, key.index)), 3);
    key.state.put_live(key.slot, key.index, Live::Absent, ProcessingTime(1));
    assert_eq!((key.scanned(), key.state.addresses()), (vec![], 0));
    key.freeze();
    assert_eq!(key.part(), [] as [u64; 0]);
    assert!(matches!(key.state.take_live(key.slot, key.index), Live::Absent));
}
