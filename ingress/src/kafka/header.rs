//! The time of a record in one of its headers.

use rdkafka::message::{Headers, Message};
use statefun_ports::source::SourceRecord;

use super::TimeHeader;
use crate::file::parse_time;

/// The record with the time that its header says, or the dead letter it is without one.
pub(super) fn stamp(record: SourceRecord, message: &impl Message, header: &TimeHeader) -> SourceRecord {
    let SourceRecord::Keyed { route, key, value, position, .. } = record else { return record };
    let name = &header.name;
    let written = message.headers().and_then(|headers| {
        let found = headers.iter().filter(|known| known.key == name).last()?;
        Some(found.value.unwrap_or_default().to_vec())
    });
    let time = match written {
        None => Err(format!("no event time: there is no header {name:?}")),
        Some(bytes) => std::str::from_utf8(&bytes)
            .map_err(|_| format!("no event time: header {name:?} is no text"))
            .and_then(|text| parse_time(header.format, text.trim())),
    };
    match time {
        Ok(event_time) => SourceRecord::Keyed { route, key, value, event_time, position },
        Err(detail) => SourceRecord::Malformed { detail, raw: value.unwrap_or_default(), position },
    }
}
