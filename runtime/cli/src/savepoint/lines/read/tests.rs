use serde_json::json;
use statefun_ports::rows::RowKey;

use super::super::write::line;
use super::*;

fn reader() -> LineReader {
    LineReader::new(128, ProcessingTime(77))
}

fn row(text: &str) -> (Vec<u8>, Vec<u8>) {
    match reader().read(text).unwrap_or_else(|error| panic!("{text}: {error}")) {
        Line::Row { key, value } => (key, value),
        Line::Head(head) => panic!("{text} is {head:?}"),
    }
}

fn error(text: &str) -> String {
    match reader().read(text) {
        Err(error) => error,
        Ok(_) => panic!("{text} is accepted"),
    }
}

#[test]
fn every_kind_of_line_comes_back_as_it_was() {
    for text in [
        json!({"kind": "value", "function": "shop/cart", "id": "a/b c", "name": "items",
            "typename": "io.statefun.types/int", "value": 2, "touched_ms": 5}),
        json!({"kind": "value", "function": "shop/cart", "id": "", "name": "blob", "typename": "shop/Blob",
            "base64": "AP8=", "touched_ms": 5}),
        json!({"kind": "value", "function": "shop/cart", "id": "x", "name": "order", "typename": "shop/Order",
            "value": {"a": [1, 2.5, null]}, "touched_ms": 5}),
        json!({"kind": "waiting", "seq": 9, "target": "shop/cart/ann", "caller": "shop/stock/pen", "event_time_ms": -4,
            "typename": "io.statefun.types/string", "value": "hi"}),
        json!({"kind": "delayed", "due_ms": 1000, "seq": 3, "owner": "shop/cart/ann", "token": "t",
            "target": "shop/cart/bob", "typename": "io.statefun.types/boolean", "value": true}),
        json!({"kind": "specs", "function": "shop/cart", "states": [
            {"name": "a", "typename": "io.statefun.types/int"},
            {"name": "b", "typename": "shop/B", "expires": {"after": "write", "seconds": 3, "nanos": 5}}]}),
        json!({"kind": "position", "ingress": "shop/in", "partition": "carts/3", "next": "42"}),
        json!({"kind": "clock", "participant": "node", "time_ms": 12345}),
    ] {
        let (key, value) = row(&text.to_string());
        let written = line(&key, &value, &mut RowReader::default(), &mut reader());
        assert_eq!(written, text);
        assert_eq!(row(&written.to_string()), (key, value));
    }
}

#[test]
fn what_has_no_line_of_its_own_is_bytes() {
    let timer = statefun_protocol::storage::RowKey::Timer {
        group: 5,
        time_ms: 3,
        function: "shop/cart".into(),
        id: "ann".into(),
        namespace: b"n".as_slice().into(),
    };
    let written = line(&timer.to_vec(), b"any", &mut RowReader::default(), &mut reader());
    assert_eq!(written["kind"], "row");
    assert_eq!(row(&written.to_string()), (timer.to_vec(), b"any".to_vec()));
    let refused = LineReader::new(4, ProcessingTime(0)).read(&written.to_string());
    assert!(refused.is_err_and(|error| error.contains("key group 5, and there are 4")));
    assert!(error(r#"{"kind":"row","key":"AAAB","base64":"AA=="}"#).contains("field `key` or `base64`"));
}

#[test]
fn what_is_left_out_gets_a_meaning() {
    let short = r#"{"kind":"value","function":"a/b","id":"1","name":"n","typename":"io.statefun.types/int","value":1}"#;
    let (key, value) = row(short);
    let (_, stored) = RowReader::default().read(&key, &value).unwrap();
    assert!(matches!(stored, RowValue::Value(Stored { touched: ProcessingTime(77), .. })));
    let mut lines = reader();
    let message = r#"{"kind":"waiting","target":"a/b/1","typename":"io.statefun.types/int","value":1}"#;
    let mut seqs = Vec::new();
    for _ in 0..3 {
        let Ok(Line::Row { key, value }) = lines.read(message) else { panic!("it is a row") };
        let Ok((RowKey::Waiting { seq, .. }, _)) = RowReader::default().read(&key, &value) else { panic!("a message") };
        seqs.push(seq);
    }
    assert_eq!(seqs, [1, 2, 3]);
}

#[test]
fn what_is_wrong_is_said_of_the_field_that_is_wrong() {
    for (text, why) in [
        ("", "no JSON"),
        ("[1]", "a line is a JSON object, this is a list"),
        ("{}", "field `kind` is missing"),
        (r#"{"kind":"valeu"}"#, "field `kind`: \"valeu\" is none of value, "),
        (r#"{"kind":"clock","participant":"n"}"#, "field `time_ms` is missing"),
        (r#"{"kind":"clock","participant":"n","time_ms":-1}"#, "field `time_ms`: a whole number from 0 on"),
        (
            r#"{"kind":"clock","participant":7,"time_ms":1}"#,
            "field `participant`: a text is expected, this is a number",
        ),
        (r#"{"kind":"clock","participant":"n","time_ms":1,"tiem":2}"#, "field `tiem` is unknown"),
        (r#"{"kind":"value","function":"cart","id":"1","name":"n"}"#, "field `function`: "),
        (
            r#"{"kind":"value","function":"a/b","id":"1","name":"n","typename":"io.statefun.types/int","value":"x"}"#,
            "field `value`: ",
        ),
        (
            r#"{"kind":"value","function":"a/b","id":"1","name":"n","typename":"a/B","base64":"?"}"#,
            "field `base64` is no base64",
        ),
        (
            r#"{"kind":"value","function":"a/b","id":"1","name":"n","typename":"a/B"}"#,
            "field `value` or `base64` is missing",
        ),
        (r#"{"kind":"savepoint","format":2,"epoch":1,"key_groups":1}"#, "field `format`: 2 is newer"),
        (r#"{"kind":"savepoint","format":1,"epoch":1,"key_groups":0}"#, "field `key_groups`"),
    ] {
        assert!(error(text).contains(why), "{text}: {}", error(text));
    }
}
