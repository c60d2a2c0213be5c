//! Event times that a connector does not know by itself: from the payload or from the clock.
//!
//! [`Stamped`] stands before any connector whose records are keyed and gives each record its time on the way into the
//! engine. A record whose time is missing or unreadable becomes a dead letter that says so; nothing is guessed.

use std::time::SystemTime;

use bytes::Bytes;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use statefun::EventTime;
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceEvent, SourceOutput, SourceRecord};

use crate::file::{EventTimeFormat, parse_time};

/// Where the time of a record comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The connector knows.
    Record,
    /// A field of the JSON payload.
    Field {
        /// Names from the outside in.
        path: Vec<String>,
        /// How the time is written.
        format: EventTimeFormat,
    },
    /// The clock, when the record is handed over.
    Ingestion,
}

/// A connector whose records get their times here.
pub struct Stamped {
    inner: Box<dyn Source>,
    stamp: Stamp,
    mark: Option<Vec<String>>,
}

impl Stamped {
    /// Gives the records of `inner` their times. Where a payload has the field `mark`, it says in Unix milliseconds how
    /// far its partition has come: nothing at or before that time is behind it.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, stamp: Stamp, mark: Option<Vec<String>>) -> Self {
        Self { inner, stamp, mark }
    }
}

impl Source for Stamped {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        let Self { inner, stamp, mark } = *self;
        inner.run(positions, Box::new(Stamping { output, stamp, mark }))
    }
}

struct Stamping {
    output: Box<dyn SourceOutput>,
    stamp: Stamp,
    mark: Option<Vec<String>>,
}

impl SourceOutput for Stamping {
    fn send(&mut self, records: Vec<SourceRecord>) -> BoxFuture<'_, bool> {
        let mut stamped = Vec::with_capacity(records.len());
        for record in records {
            self.stamp(record, &mut stamped);
        }
        self.output.send(stamped)
    }

    fn event(&mut self) -> BoxFuture<'_, SourceEvent> {
        self.output.event()
    }

    fn try_event(&mut self) -> Option<SourceEvent> {
        self.output.try_event()
    }
}

impl Stamping {
    /// The record with its time, and behind it what it says of its partition's time.
    fn stamp(&self, record: SourceRecord, out: &mut Vec<SourceRecord>) {
        let SourceRecord::Keyed { route, key, value, event_time, position } = record else {
            out.push(record);
            return;
        };
        // A record without a value becomes a dead letter for that.
        let time = match (&self.stamp, &value) {
            (Stamp::Field { path, format }, Some(value)) => in_payload(value, path, *format),
            (Stamp::Ingestion, _) => Ok(clock()),
            (Stamp::Record, _) | (Stamp::Field { .. }, None) => Ok(event_time),
        };
        let mark = match (&self.mark, &value) {
            (Some(path), Some(value)) => mark(value, path),
            _ => Ok(None),
        };
        match (time, mark) {
            (Ok(event_time), Ok(mark)) => {
                let partition = position.partition.clone();
                out.push(SourceRecord::Keyed { route, key, value, event_time, position });
                out.extend(mark.map(|at| SourceRecord::Watermark { partition, at }));
            }
            (Err(detail), _) | (_, Err(detail)) => {
                out.push(SourceRecord::Malformed { detail, raw: value.unwrap_or_default(), position });
            }
        }
    }
}

fn clock() -> EventTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(EventTime::NONE, |since| EventTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn in_payload(value: &Bytes, path: &[String], format: EventTimeFormat) -> Result<EventTime, String> {
    let name = || path.join(".");
    match field(value, path)? {
        Some(Value::String(text)) => parse_time(format, &text),
        Some(Value::Number(number)) => parse_time(format, &number.to_string()),
        Some(Value::Null) => Err(format!("no event time: field {:?} is null", name())),
        Some(_) => Err(format!("no event time: field {:?} is neither a number nor a text", name())),
        None => Err(format!("no event time: there is no field {:?}", name())),
    }
}

/// How far a payload says its partition has come, if it does.
fn mark(value: &Bytes, path: &[String]) -> Result<Option<EventTime>, String> {
    match field(value, path)? {
        None | Some(Value::Null) => Ok(None),
        Some(found) => match found.as_i64() {
            Some(millis) => Ok(Some(EventTime(millis))),
            None => Err(format!("watermark {found} in field {:?} is not Unix milliseconds", path.join("."))),
        },
    }
}

/// The value at `path` of a JSON text. What lies beside the path is read over without being built.
pub(crate) fn field(value: &[u8], path: &[String]) -> Result<Option<Value>, String> {
    let mut reader = serde_json::Deserializer::from_slice(value);
    let found = Path(path).deserialize(&mut reader).map_err(|error| format!("no event time: not JSON: {error}"))?;
    reader.end().map_err(|error| format!("no event time: not JSON: {error}"))?;
    Ok(found)
}

struct Path<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = Option<Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Option<Value>, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(reader).map(Some),
            _ => reader.deserialize_any(self),
        }
    }
}

macro_rules! not_an_object {
    ($($name:ident: $type:ty),+) => {
        $(fn $name<E>(self, _: $type) -> Result<Option<Value>, E> {
            Ok(None)
        })+
    };
}

impl<'de> Visitor<'de> for Path<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<Value>, M::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == self.0[0] {
                found = map.next_value_seed(Path(&self.0[1..]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<S: serde::de::SeqAccess<'de>>(self, mut items: S) -> Result<Option<Value>, S::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    not_an_object!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(value: &'static str, stamp: Stamp, marked: bool) -> Vec<SourceRecord> {
        struct Nobody;
        impl SourceOutput for Nobody {
            fn send(&mut self, _: Vec<SourceRecord>) -> BoxFuture<'_, bool> {
                Box::pin(async { true })
            }
            fn event(&mut self) -> BoxFuture<'_, SourceEvent> {
                Box::pin(std::future::pending())
            }
            fn try_event(&mut self) -> Option<SourceEvent> {
                None
            }
        }
        let mark = marked.then(|| vec!["low".to_owned()]);
        let stamping = Stamping { output: Box::new(Nobody), stamp, mark };
        let mut out = Vec::new();
        let record = SourceRecord::Keyed {
            route: 0,
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::from_static(value.as_bytes())),
            event_time: EventTime(7),
            position: Position { partition: "p".into(), next: "1".into() },
        };
        stamping.stamp(record, &mut out);
        out
    }

    fn at(path: &[&str], format: EventTimeFormat) -> Stamp {
        Stamp::Field { path: path.iter().map(|name| (*name).to_owned()).collect(), format }
    }

    fn time(value: &'static str, stamp: Stamp) -> Result<i64, String> {
        match &stamped(value, stamp, false)[..] {
            [SourceRecord::Keyed { event_time, .. }] => Ok(event_time.0),
            [SourceRecord::Malformed { detail, .. }] => Err(detail.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_are_found_in_payloads() {
        use EventTimeFormat::{Millis, Rfc3339, Seconds};
        assert_eq!(time(r#"{"x":[1,{"at":9}],"at":42}"#, at(&["at"], Millis)), Ok(42));
        assert_eq!(time(r#"{"order":{"at":"1.5"}}"#, at(&["order", "at"], Seconds)), Ok(1500));
        assert_eq!(time(r#"{"at":"1970-01-01T00:00:01Z"}"#, at(&["at"], Rfc3339)), Ok(1000));
        assert_eq!(time("not JSON", Stamp::Record), Ok(7));
        assert!(time("{}", Stamp::Ingestion).unwrap() > 1_500_000_000_000);
    }

    #[test]
    fn what_has_no_time_says_why() {
        use EventTimeFormat::Millis;
        for (value, why) in [
            ("{}", "there is no field \"at\""),
            (r#"{"at":null}"#, "is null"),
            (r#"{"at":{}}"#, "neither a number nor a text"),
            (r#"{"at":"soon"}"#, "not Unix milliseconds"),
            ("[1, 2]", "there is no field"),
            ("7", "there is no field"),
            (r#"{"at":1"#, "not JSON"),
            (r#"{"at":1}}"#, "not JSON"),
        ] {
            let found = time(value, at(&["at"], Millis)).expect_err(value);
            assert!(found.contains(why), "{value}: {found}");
        }
    }

    #[test]
    fn a_payload_may_say_how_far_its_partition_has_come() {
        let found = stamped(r#"{"at":5,"low":3}"#, at(&["at"], EventTimeFormat::Millis), true);
        assert_eq!(found[1], SourceRecord::Watermark { partition: "p".into(), at: EventTime(3) });
        assert_eq!(stamped(r#"{"at":5}"#, Stamp::Record, true).len(), 1);
        assert!(matches!(stamped(r#"{"low":"x"}"#, Stamp::Record, true)[..], [SourceRecord::Malformed { .. }]));
    }
}
