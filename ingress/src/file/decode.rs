//! From a record's bytes to its key, value and event time.

use bytes::Bytes;
use serde_json::Value;
use statefun::EventTime;

use super::time_text::{rfc3339_millis, seconds_millis};
use super::{EventTimeField, EventTimeFormat, Format, Options, TextKey};

/// A record as the engine wants it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) event_time: EventTime,
}

/// The columns of a CSV file, and which of them matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    names: Vec<String>,
    key: usize,
    event_time: Option<usize>,
}

impl Header {
    /// Reads a header row; an error says what is wrong with it.
    pub(super) fn parse(options: &Options, row: &[u8]) -> Result<Self, String> {
        let names = fields(row)?;
        let find = |column: &str| {
            let found = names.iter().position(|name| name == column);
            found.ok_or_else(|| format!("there is no column {column:?}; the header names {}", names.join(", ")))
        };
        let key = match &options.format {
            Format::Csv { key } => find(key)?,
            Format::Jsonl { .. } | Format::Text { .. } => return Err("only CSV files have a header".to_owned()),
        };
        let event_time = options.event_time.as_ref().map(|time| find(&time.field)).transpose()?;
        Ok(Self { names, key, event_time })
    }
}

/// Decodes a record without its line end; an error says what is wrong with it. `line` is its first line, from 1.
pub(super) fn decode(options: &Options, header: Option<&Header>, record: &[u8], line: u64) -> Result<Decoded, String> {
    match &options.format {
        Format::Jsonl { key } => jsonl(key, options.event_time.as_ref(), record),
        Format::Csv { .. } => {
            let header = header.ok_or("the file has no header row")?;
            csv(header, options.event_time.as_ref(), record)
        }
        Format::Text { key } => {
            let text = std::str::from_utf8(record).map_err(|error| format!("not UTF-8: {error}"))?;
            let value = Bytes::copy_from_slice(record);
            let key = match key {
                TextKey::Line => value.clone(),
                TextKey::Number => Bytes::from(line.to_string()),
            };
            // Plain lines have no fields: a line that is nothing but a time is the one useful case.
            let event_time = options.event_time.as_ref().map(|time| parse_time(time.format, text)).transpose()?;
            Ok(Decoded { key, value, event_time: event_time.unwrap_or(EventTime::NONE) })
        }
    }
}

fn jsonl(key: &str, time: Option<&EventTimeField>, record: &[u8]) -> Result<Decoded, String> {
    let object: Value = serde_json::from_slice(record).map_err(|error| format!("not JSON: {error}"))?;
    if !object.is_object() {
        return Err("not a JSON object".to_owned());
    }
    let key = scalar(&object, key)?;
    let event_time = match time {
        Some(time) => parse_time(time.format, &scalar(&object, &time.field)?)?,
        None => EventTime::NONE,
    };
    Ok(Decoded { key: Bytes::from(key), value: Bytes::copy_from_slice(record), event_time })
}

/// The text of a field that holds a text, a number or a boolean. A field whose name has dots is found before a nested one.
fn scalar(object: &Value, path: &str) -> Result<String, String> {
    let nested = || path.split('.').try_fold(object, |value, name| value.get(name));
    match object.get(path).or_else(nested) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(truth)) => Ok(truth.to_string()),
        Some(Value::Null) => Err(format!("field {path:?} is null")),
        Some(Value::Array(_) | Value::Object(_)) => {
            Err(format!("field {path:?} is neither a text nor a number nor a boolean"))
        }
        None => Err(format!("there is no field {path:?}")),
    }
}

fn csv(header: &Header, time: Option<&EventTimeField>, record: &[u8]) -> Result<Decoded, String> {
    let fields = fields(record)?;
    if fields.len() != header.names.len() {
        return Err(format!("{} fields, the header has {}", fields.len(), header.names.len()));
    }
    let event_time = match (time, header.event_time) {
        (Some(time), Some(column)) => parse_time(time.format, &fields[column])?,
        _ => EventTime::NONE,
    };
    Ok(Decoded {
        key: Bytes::from(fields[header.key].clone()),
        value: Bytes::from(json_object(&header.names, &fields)),
        event_time,
    })
}

fn fields(row: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).buffer_capacity(row.len().max(64)).from_reader(row);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(str::to_owned).collect()),
        Ok(false) => Err("an empty row".to_owned()),
        Err(error) => Err(match error.utf8_error() {
            Some(utf8) => format!("not UTF-8: {utf8}"),
            None => format!("not CSV: {error}"),
        }),
    }
}

trait Utf8Cause {
    fn utf8_error(&self) -> Option<&csv::Utf8Error>;
}

impl Utf8Cause for csv::Error {
    fn utf8_error(&self) -> Option<&csv::Utf8Error> {
        match self.kind() {
            csv::ErrorKind::Utf8 { err, .. } => Some(err),
            _ => None,
        }
    }
}

/// An object in the order of the columns, which a map would lose.
fn json_object(names: &[String], fields: &[String]) -> String {
    let mut json = String::from("{");
    for (name, field) in names.iter().zip(fields) {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&Value::from(name.as_str()).to_string());
        json.push(':');
        json.push_str(&Value::from(field.as_str()).to_string());
    }
    json.push('}');
    json
}

pub(crate) fn parse_time(format: EventTimeFormat, text: &str) -> Result<EventTime, String> {
    let (millis, wanted) = match format {
        // Writers that divide may leave a fraction; it is less than the clock's step.
        EventTimeFormat::Millis => {
            (text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|millis| millis as i64)), "Unix milliseconds")
        }
        EventTimeFormat::Seconds => (seconds_millis(text), "Unix seconds"),
        EventTimeFormat::Rfc3339 => (rfc3339_millis(text), "an RFC 3339 time"),
    };
    // The least number means "no event time"; nothing happened 292 million years ago either.
    let millis = millis.filter(|millis| EventTime(*millis).is_some());
    millis.map(EventTime).ok_or_else(|| format!("event time {text:?} is not {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use statefun::Symbol;

    fn options(format: Format, time: Option<(&str, EventTimeFormat)>) -> Options {
        let mut options = Options::new(Symbol::intern("test/file").unwrap(), "events", format);
        options.event_time = time.map(|(field, format)| EventTimeField { field: field.to_owned(), format });
        options
    }

    fn json(line: &str) -> Result<Decoded, String> {
        let options = options(Format::Jsonl { key: "user.id".to_owned() }, Some(("at", EventTimeFormat::Millis)));
        decode(&options, None, line.as_bytes(), 1)
    }

    #[test]
    fn a_json_line_is_its_own_value_and_names_its_key_and_time() {
        let line = r#"{"user":{"id":"ann"},"at":1700000000000}"#;
        let decoded = json(line).unwrap();
        assert_eq!(decoded.key, "ann");
        assert_eq!(decoded.value, line);
        assert_eq!(decoded.event_time, EventTime(1_700_000_000_000));
    }

    #[test]
    fn numbers_and_booleans_serve_as_keys() {
        assert_eq!(json(r#"{"user":{"id":42},"at":"7"}"#).unwrap().key, "42");
        assert_eq!(json(r#"{"user":{"id":true},"at":7}"#).unwrap().key, "true");
        assert_eq!(json(r#"{"user.id":"dotted","at":7}"#).unwrap().key, "dotted");
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for (line, complaint) in [
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"at":1}"#, "there is no field \"user.id\""),
            (r#"{"user":{"id":null},"at":1}"#, "is null"),
            (r#"{"user":{"id":[]},"at":1}"#, "neither a text"),
            (r#"{"user":{"id":"a"}}"#, "there is no field \"at\""),
            (r#"{"user":{"id":"a"},"at":"noon"}"#, "not Unix milliseconds"),
        ] {
            let error = json(line).unwrap_err();
            assert!(error.contains(complaint), "{line}: {error}");
        }
    }

    #[test]
    fn a_csv_row_becomes_an_object_of_texts_in_the_order_of_the_columns() {
        let options = options(Format::Csv { key: "zip".to_owned() }, Some(("when", EventTimeFormat::Rfc3339)));
        let header = Header::parse(&options, b"when,zip,name").unwrap();
        let row = br#"1970-01-01T00:00:01Z,01234,"Quote "" and, comma""#;
        let decoded = decode(&options, Some(&header), row, 2).unwrap();
        assert_eq!(decoded.key, "01234");
        assert_eq!(decoded.value, r#"{"when":"1970-01-01T00:00:01Z","zip":"01234","name":"Quote \" and, comma"}"#);
        assert_eq!(decoded.event_time, EventTime(1000));
        assert!(decode(&options, Some(&header), b"a,b", 3).unwrap_err().contains("2 fields, the header has 3"));
    }

    #[test]
    fn a_header_without_the_key_names_what_it_has() {
        let options = options(Format::Csv { key: "id".to_owned() }, None);
        let error = Header::parse(&options, b"user,amount").unwrap_err();
        assert_eq!(error, "there is no column \"id\"; the header names user, amount");
    }

    #[test]
    fn a_plain_line_is_keyed_by_itself_or_its_number() {
        let by_line = options(Format::Text { key: TextKey::Line }, None);
        let by_number = options(Format::Text { key: TextKey::Number }, None);
        assert_eq!(decode(&by_line, None, b"hello", 9).unwrap().key, "hello");
        assert_eq!(decode(&by_number, None, b"hello", 9).unwrap().key, "9");
        assert!(decode(&by_line, None, b"\xff", 9).unwrap_err().contains("not UTF-8"));
    }
}
