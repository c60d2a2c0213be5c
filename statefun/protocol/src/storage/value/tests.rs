use proptest::prelude::*;

use super::*;

fn bytes(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

const ANN: AddressRow<'static> = AddressRow { function: "shop/cart", id: "ann" };

#[test]
fn values_of_version_1_look_like_this() {
    let row = ValueRow { typename: types::LONG, touched_ms: 0x0102, value: b"\x09x" };
    assert_eq!(bytes(|out| row.encode(out)), b"\x04\x02\x01\0\0\0\0\0\0\x09x");
    let row = ValueRow { typename: "a/b", touched_ms: 0, value: b"" };
    assert_eq!(bytes(|out| row.encode(out)), b"\x13a/b\0\0\0\0\0\0\0\0");
}

#[test]
fn the_numbers_of_typenames_never_change() {
    let numbered = ["bool", "int", "float", "long", "double", "string"];
    for (index, name) in numbered.iter().enumerate() {
        assert_eq!(bytes(|out| put_typename(out, &format!("io.statefun.types/{name}"))), [index as u8 + 1]);
    }
}

#[test]
fn messages_of_version_1_look_like_this() {
    let plain = EnvelopeRow {
        target: ANN,
        caller: None,
        typename: types::STRING,
        value: b"v",
        event_time_ms: None,
        request: None,
        hold: None,
    };
    assert_eq!(bytes(|out| plain.encode(out)), b"\x00\x09shop/cart\x03ann\x06v");
    let full = EnvelopeRow {
        caller: Some(AddressRow { function: "a/b", id: "" }),
        event_time_ms: Some(-1),
        request: Some(3),
        ..plain
    };
    let full_bytes = b"\x07\x09shop/cart\x03ann\x03a/b\x00\xff\xff\xff\xff\xff\xff\xff\xff\x03\0\0\0\0\0\0\0\x06v";
    assert_eq!(bytes(|out| full.encode(out)), full_bytes);
    let hold = HoldRow { domain: "shop/in", level: 2, counted: true, is_timer: false };
    let held = EnvelopeRow { hold: Some(hold), ..plain };
    assert_eq!(bytes(|out| held.encode(out)), b"\x08\x09shop/cart\x03ann\x01\x02\x07shop/in\x06v");
    let delayed = DelayedRow { owner: ANN, token: Some("tok"), envelope: plain };
    assert_eq!(bytes(|out| delayed.encode(out)), b"\x01\x09shop/cart\x03ann\x03tok\x00\x09shop/cart\x03ann\x06v");
}

#[test]
fn errors_name_the_row_and_the_part() {
    let cut = EnvelopeRow::decode(b"\x00\x09shop/cart\x03an").unwrap_err();
    assert_eq!(cut.to_string(), "value of a message row of 14 bytes has no valid target");
    let unknown = EnvelopeRow::decode(b"\x80").unwrap_err();
    assert_eq!(unknown.to_string(), "value of a message row of 1 bytes has no valid flags");
    let unnumbered = ValueRow::decode(b"\x0f\0\0\0\0\0\0\0\0").unwrap_err();
    assert_eq!(unnumbered.to_string(), "value of a value row of 9 bytes has no valid typename");
}

fn typename() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(TYPENAMES.as_slice()).prop_map(str::to_owned), "\\PC{0,20}"]
}

type OwnedAddress = (String, String);

fn address() -> impl Strategy<Value = OwnedAddress> {
    ("\\PC{0,20}", "\\PC{0,8}")
}

fn borrow((function, id): &OwnedAddress) -> AddressRow<'_> {
    AddressRow { function, id }
}

proptest! {
    #[test]
    fn every_value_survives(typename in typename(), touched_ms: u64, value: Vec<u8>) {
        let row = ValueRow { typename: &typename, touched_ms, value: &value };
        let encoded = bytes(|out| row.encode(out));
        prop_assert_eq!(ValueRow::decode(&encoded).unwrap(), row);
    }

    #[test]
    fn every_message_survives(
        target in address(), caller in prop::option::of(address()), owner in address(), token: Option<String>,
        typename in typename(), value: Vec<u8>, event_time_ms: Option<i64>, request: Option<u64>,
        hold in prop::option::of(("\\PC{0,20}", any::<u8>(), any::<bool>(), any::<bool>())),
    ) {
        let envelope = EnvelopeRow {
            target: borrow(&target),
            caller: caller.as_ref().map(borrow),
            typename: &typename,
            value: &value,
            event_time_ms,
            request,
            hold: hold.as_ref().map(|(domain, level, counted, is_timer)| HoldRow {
                domain,
                level: *level,
                counted: *counted,
                is_timer: *is_timer,
            }),
        };
        let encoded = bytes(|out| envelope.encode(out));
        prop_assert_eq!(EnvelopeRow::decode(&encoded).unwrap(), envelope);
        let delayed = DelayedRow { owner: borrow(&owner), token: token.as_deref(), envelope };
        let encoded = bytes(|out| delayed.encode(out));
        prop_assert_eq!(DelayedRow::decode(&encoded).unwrap(), delayed);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, flags in 0u8..16) {
        let flagged = [&[flags], bytes.as_slice()].concat();
        for bytes in [&bytes, &flagged] {
            let _ = ValueRow::decode(bytes);
            let _ = EnvelopeRow::decode(bytes);
            let _ = DelayedRow::decode(bytes);
        }
    }
}
