use proptest::prelude::*;

use super::*;

fn value<'a>(group: u16, function: &'a str, id: &'a str, state: &'a str) -> RowKey<'a> {
    RowKey::Value { group, function: function.into(), id: id.into(), state: state.into() }
}

#[test]
fn keys_of_version_1_look_like_this() {
    let golden: [(RowKey<'_>, &[u8]); 6] = [
        (value(1, "shop/cart", "ann", "items"), b"\x00\x01\x01shop/cart\0ann\0items"),
        (RowKey::Waiting { group: 0x0203, seq: 258 }, b"\x02\x03\x02\0\0\0\0\0\0\x01\x02"),
        (
            RowKey::Delayed { group: 4, due_ms: 0x0102_0304, seq: 5 },
            b"\x00\x04\x03\0\0\0\0\x01\x02\x03\x04\0\0\0\0\0\0\0\x05",
        ),
        (
            RowKey::Timer {
                group: 5,
                time_ms: -2,
                function: "a/b".into(),
                id: "".into(),
                namespace: b"n\0"[..].into(),
            },
            b"\x00\x05\x04\x7f\xff\xff\xff\xff\xff\xff\xfea/b\0\0n\0",
        ),
        (
            RowKey::Idempotency { group: 6, function: "a/b".into(), id: "\0\u{1}".into(), key: b"k"[..].into() },
            b"\x00\x06\x05a/b\0\x01\x01\x01\x02\0k",
        ),
        (
            RowKey::System { participant: "source orders".into(), suffix: b"p/3"[..].into() },
            b"\xff\xffsource orders\0p/3",
        ),
    ];
    for (key, bytes) in golden {
        assert_eq!(key.to_vec(), bytes, "{key:?}");
        assert_eq!(RowKey::decode(bytes).unwrap(), key);
    }
}

#[test]
fn plain_texts_are_borrowed() {
    let bytes = value(1, "shop/cart", "ann", "items").to_vec();
    let RowKey::Value { function, id, .. } = RowKey::decode(&bytes).unwrap() else { panic!("not a value") };
    assert!(matches!((function, id), (Cow::Borrowed(_), Cow::Borrowed(_))));
}

#[test]
fn rows_of_one_instance_share_a_prefix_that_no_other_instance_has() {
    let mut prefix = Vec::new();
    put_instance_prefix(&mut prefix, 1, RowKind::Value, "shop/cart", "ann");
    assert!(value(1, "shop/cart", "ann", "items").to_vec().starts_with(&prefix));
    for other in
        [value(1, "shop/cart", "anna", "x"), value(1, "shop/cart", "an", "n"), value(1, "shop/cartann", "", "x")]
    {
        assert!(!other.to_vec().starts_with(&prefix), "{other:?}");
    }
}

#[test]
fn errors_name_the_key_and_the_part() {
    let cut = RowKey::decode(b"\x00\x01\x01shop/cart\0an").unwrap_err();
    assert_eq!(cut.to_string(), r"row key \x00\x01\x01shop/cart\x00an ends where id should be");
    let unknown = RowKey::decode(b"\x00\x01\x7f").unwrap_err();
    assert_eq!(unknown.to_string(), r"row key \x00\x01\x7f is of kind 0x7f, which this program does not know");
    let long = RowKey::decode(b"\x00\x01\x02\0\0\0\0\0\0\0\x01!").unwrap_err();
    assert!(long.to_string().ends_with("ends where the end should be"), "{long}");
}

#[test]
#[should_panic(expected = "belongs to a key group")]
fn a_row_of_a_key_group_cannot_pass_for_one_of_the_system() {
    let _ = RowKey::Waiting { group: GROUP_SYSTEM, seq: 1 }.to_vec();
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof!["[\\x00\\x01\\x02ab]{0,4}", "\\PC{0,8}"].prop_map(Cow::Owned)
}

fn bytes() -> impl Strategy<Value = Cow<'static, [u8]>> {
    prop::collection::vec(prop_oneof![0u8..3, any::<u8>()], 0..4).prop_map(Cow::Owned)
}

fn key() -> impl Strategy<Value = RowKey<'static>> {
    let group = || prop_oneof![0u16..3, 0..GROUP_SYSTEM];
    let number = || prop_oneof![0u64..3, any::<u64>()];
    prop_oneof![
        (group(), text(), text(), text()).prop_map(|(group, function, id, state)| RowKey::Value {
            group,
            function,
            id,
            state
        }),
        (group(), number()).prop_map(|(group, seq)| RowKey::Waiting { group, seq }),
        (group(), number(), number()).prop_map(|(group, due_ms, seq)| RowKey::Delayed { group, due_ms, seq }),
        (group(), prop_oneof![-2i64..3, any::<i64>()], text(), text(), bytes()).prop_map(
            |(group, time_ms, function, id, namespace)| RowKey::Timer { group, time_ms, function, id, namespace }
        ),
        (group(), text(), text(), bytes()).prop_map(|(group, function, id, key)| RowKey::Idempotency {
            group,
            function,
            id,
            key
        }),
        (text(), bytes()).prop_map(|(participant, suffix)| RowKey::System { participant, suffix }),
    ]
}

/// What the order of keys means: group, then kind, then the parts from left to right, which is what the derived order
/// of one variant says.
fn model_order(a: &RowKey<'_>, b: &RowKey<'_>) -> std::cmp::Ordering {
    a.group().cmp(&b.group()).then_with(|| a.cmp(b))
}

proptest! {
    #[test]
    fn every_key_survives(key in key()) {
        let bytes = key.to_vec();
        let mut group = key.group().to_be_bytes().to_vec();
        group.truncate(2);
        prop_assert!(bytes.starts_with(&group));
        prop_assert_eq!(RowKey::decode(&bytes).unwrap(), key);
    }

    #[test]
    fn bytes_compare_as_keys_do(a in key(), b in key()) {
        prop_assert_eq!(a.to_vec().cmp(&b.to_vec()), model_order(&a, &b), "{:?} {:?}", a, b);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in 0u8..8) {
        let _ = RowKey::decode(&bytes);
        let _ = RowKey::decode(&[&[0, 1, kind], bytes.as_slice()].concat());
        let _ = RowKey::decode(&[&[0xff, 0xff], bytes.as_slice()].concat());
    }
}
