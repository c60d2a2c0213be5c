use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use statefun_protocol::types;

/// `typename`, `value_base64` and `value` of a value, as every answer shows it.
pub(crate) fn rendered(typename: &str, bytes: &[u8]) -> Value {
    json!({"typename": typename, "value_base64": STANDARD.encode(bytes), "value": decoded(typename, bytes)})
}

/// A value as JSON where its type is known: the built-in ones, and whatever is JSON text under another name. Null
/// otherwise.
pub(crate) fn decoded(typename: &str, bytes: &[u8]) -> Value {
    let built_in = match typename {
        types::BOOL => types::decode_bool(bytes).map(Value::from),
        types::INT => types::decode_int(bytes).map(Value::from),
        types::LONG => types::decode_long(bytes).map(Value::from),
        types::FLOAT => types::decode_float(bytes).map(|value| {
            // By way of its own shortest text: 0.1 is 0.1, not 0.10000000149011612.
            real(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
        }),
        types::DOUBLE => types::decode_double(bytes).map(real),
        types::STRING => types::decode_string(bytes).map(|text| Value::from(text.into_owned())),
        _ => return serde_json::from_slice(bytes).unwrap_or(Value::Null),
    };
    built_in.unwrap_or(Value::Null)
}

/// JSON has no words for what is no number; these are the ones that Protobuf's JSON uses.
fn real(value: f64) -> Value {
    match value {
        value if value.is_nan() => Value::from("NaN"),
        f64::INFINITY => Value::from("Infinity"),
        f64::NEG_INFINITY => Value::from("-Infinity"),
        value => Value::from(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_values_are_shown_as_what_they_are() {
        assert_eq!(decoded(types::BOOL, &types::encode_bool(true)), json!(true));
        assert_eq!(decoded(types::INT, &types::encode_int(-7)), json!(-7));
        assert_eq!(decoded(types::LONG, &types::encode_long(i64::MAX)), json!(i64::MAX));
        assert_eq!(decoded(types::FLOAT, &types::encode_float(0.1)), json!(0.1));
        assert_eq!(decoded(types::DOUBLE, &types::encode_double(-2.5)), json!(-2.5));
        assert_eq!(decoded(types::STRING, &types::encode_string("hé")), json!("hé"));
    }

    #[test]
    fn defaults_take_no_bytes_and_are_shown_all_the_same() {
        assert_eq!(decoded(types::BOOL, b""), json!(false));
        assert_eq!(decoded(types::INT, b""), json!(0));
        assert_eq!(decoded(types::STRING, b""), json!(""));
    }

    #[test]
    fn what_is_no_number_has_a_name() {
        assert_eq!(decoded(types::DOUBLE, &types::encode_double(f64::NAN)), json!("NaN"));
        assert_eq!(decoded(types::FLOAT, &types::encode_float(f32::NEG_INFINITY)), json!("-Infinity"));
    }

    #[test]
    fn json_text_is_shown_under_any_other_name_and_other_bytes_are_not() {
        assert_eq!(decoded("shop/Order", br#"{"pen":2}"#), json!({"pen": 2}));
        assert_eq!(decoded("shop/Order", b"\x08\x01"), Value::Null);
        assert_eq!(decoded("shop/Order", b""), Value::Null);
        assert_eq!(decoded(types::INT, b"7"), Value::Null, "a built-in type is what it says or nothing");
        assert_eq!(decoded("shop/Deep", "[".repeat(100_000).as_bytes()), Value::Null, "depth has a limit");
    }

    #[test]
    fn the_bytes_are_always_shown() {
        let shown = rendered("shop/Order", b"\xff");
        assert_eq!(shown, json!({"typename": "shop/Order", "value_base64": "/w==", "value": null}));
    }
}
