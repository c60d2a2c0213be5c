//! Lists, maps and buffers behave like those of the standard library, whatever is done to them.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::testing::Instance;
use crate::{Buffer, Context, FunctionError, List, Map, Message, StateError, StatefulFunction, States, Value};

/// Holds one state of each kind and does nothing: the tests go in and use them.
struct Shelf {
    value: Value<i64>,
    list: List<String>,
    map: Map<String, i32>,
    buffer: Buffer<i32>,
}

impl Shelf {
    fn new(states: &mut States<'_>) -> Self {
        Self {
            value: states.value("value"),
            list: states.list("list"),
            map: states.map("map"),
            buffer: states.buffer("buffer"),
        }
    }
}

impl StatefulFunction for Shelf {
    const TYPE: &'static str = "test/shelf";

    fn invoke(&self, _: &mut Context<'_>, _: &Message<'_>) -> Result<(), FunctionError> {
        Ok(())
    }
}

fn shelf() -> Instance<Shelf> {
    Instance::of("a", Shelf::new)
}

#[test]
fn a_value_is_absent_until_it_is_written_and_again_when_it_is_removed() {
    shelf().arrange(|shelf, context| {
        assert_eq!(shelf.value.get(context).unwrap(), None);
        assert_eq!(shelf.value.get_or_default(context).unwrap(), 0);
        shelf.value.set(context, &0).unwrap();
        assert!(shelf.value.exists(context), "zero is a value, though it takes no bytes");
        assert_eq!(shelf.value.update(context, |value| *value += 2).unwrap(), 2);
        shelf.value.remove(context);
        assert_eq!(shelf.value.get(context).unwrap(), None);
    });
}

#[test]
fn an_empty_list_and_no_list_are_the_same() {
    shelf().arrange(|shelf, context| {
        shelf.list.push(context, &"pen".to_owned()).unwrap();
        assert_eq!(shelf.list.len(context).unwrap(), 1);
        shelf.list.set(context, []).unwrap();
        assert!(shelf.list.is_empty(context).unwrap());
        assert!(context.value(1).is_none());
        shelf.list.extend(context, []).unwrap();
        assert!(context.value(1).is_none());
    });
}

#[test]
fn a_list_of_another_type_is_refused_by_name() {
    let mut shelf = shelf();
    shelf.arrange(|shelf, context| shelf.buffer.append(context, &7).unwrap());
    let error = shelf.arrange(|shelf, context| {
        // What a function finds whose next version declares texts where this one stored numbers.
        let numbers = context.value(3).cloned();
        context.set_value(1, numbers);
        shelf.list.to_vec(context).unwrap_err()
    });
    assert_eq!(
        error.to_string(),
        "the state list holds a list of io.statefun.types/int, declared was a list of io.statefun.types/string"
    );
}

#[test]
fn bytes_that_are_no_map_are_refused() {
    let error = shelf().arrange(|shelf, context| {
        let mut torn = {
            shelf.map.insert(context, "pen", &1).unwrap();
            context.value(2).cloned().unwrap()
        };
        let bytes = torn.bytes.to_vec();
        torn.bytes = bytes[..bytes.len() - 1].into();
        context.set_value(2, Some(torn));
        shelf.map.get(context, "pen").unwrap_err()
    });
    assert!(matches!(error, StateError::Malformed { .. }), "{error}");
}

#[test]
fn the_stored_bytes_of_a_map_never_change() {
    shelf().arrange(|shelf, context| {
        shelf.map.insert(context, "b", &1).unwrap();
        shelf.map.insert(context, "a", &0).unwrap();
        let stored = context.value(2).unwrap();
        assert_eq!(stored.value_type.as_str(), "io.statefun.state/map");
        let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let header = [&[0x0a][..], &text("io.statefun.types/string"), &[0x12], &text("io.statefun.types/int")].concat();
        let a = b"\x1a\x07\x0a\x03\x0a\x01a\x12\x00";
        let b = b"\x1a\x0c\x0a\x03\x0a\x01b\x12\x05\x0d\x01\x00\x00\x00";
        assert_eq!(stored.bytes.as_slice(), [&header, &a[..], b].concat());
    });
}

#[test]
#[should_panic(expected = "the state seen is declared twice")]
fn a_name_is_declared_once() {
    let mut specs = Vec::new();
    let mut states = States::new(&mut specs);
    let _: Value<i32> = states.value("seen");
    let _: List<i32> = states.list("seen");
}

#[test]
fn expiration_belongs_to_the_states_declared_on_it() {
    let mut specs = Vec::new();
    let mut states = States::new(&mut specs);
    let _: Value<i32> = states.value("a");
    let _: Value<i32> = states.expire_after_write(Duration::from_secs(1)).value("b");
    let _: Value<i32> = states.expire_after_invoke(Duration::from_secs(2)).value("c");
    let _: Value<i32> = states.value("d");
    let expirations: Vec<_> = specs.iter().map(|spec| format!("{:?}", spec.expiration)).collect();
    assert_eq!(expirations, ["Never", "AfterWrite(1s)", "AfterInvoke(2s)", "Never"]);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(String, i32),
    Remove(String),
    Push(String),
    Append(i32),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || "[a-e]{0,2}";
    prop_oneof![
        4 => (key(), any::<i32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        2 => key().prop_map(Step::Remove),
        4 => "\\PC{0,40}".prop_map(Step::Push),
        4 => any::<i32>().prop_map(Step::Append),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn they_are_what_the_standard_library_has(steps in prop::collection::vec(step(), 0..60)) {
        let (mut map, mut list, mut buffer) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut shelf = shelf();
        for step in steps {
            shelf.arrange(|shelf, context| match step {
                Step::Insert(key, value) => {
                    shelf.map.insert(context, &key, &value).unwrap();
                    map.insert(key, value);
                }
                Step::Remove(key) => {
                    let there = shelf.map.contains(context, &key).unwrap();
                    assert_eq!(shelf.map.remove(context, &key).unwrap(), there);
                    assert_eq!(map.remove(&key).is_some(), there);
                }
                Step::Push(text) => {
                    shelf.list.push(context, &text).unwrap();
                    list.push(text);
                }
                Step::Append(number) => {
                    shelf.buffer.append(context, &number).unwrap();
                    buffer.push(number);
                }
                Step::Clear => {
                    shelf.map.clear(context);
                    shelf.list.clear(context);
                    shelf.buffer.clear(context);
                    (map, list, buffer) = Default::default();
                }
            });
            shelf.read(|shelf, context| {
                let entries: BTreeMap<_, _> = shelf.map.iter(context).unwrap().map(Result::unwrap).collect();
                assert_eq!(entries, map);
                assert_eq!(shelf.map.len(context).unwrap(), map.len());
                assert_eq!(shelf.map.is_empty(context).unwrap(), map.is_empty());
                map.iter().for_each(|(key, value)| assert_eq!(shelf.map.get(context, key).unwrap(), Some(*value)));
                assert_eq!(shelf.list.to_vec(context).unwrap(), list);
                assert_eq!(shelf.list.get(context, 1).unwrap().as_ref(), list.get(1));
                assert_eq!(shelf.list.len(context).unwrap(), list.len());
                assert_eq!(shelf.buffer.view(context).unwrap().collect::<Result<Vec<_>, _>>().unwrap(), buffer);
            });
        }
    }
}
