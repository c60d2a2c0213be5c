//! From a line to its row.

use std::time::Duration;

use serde_json::Value;
use statefun::function::{Expiration, StateSpec};
use statefun::{
    Address, Envelope, EventTime, FunctionType, KeyGroup, KeyGroups, ProcessingTime, SmallBytes, Symbol, TypedValue,
    ValueType,
};
use statefun_admin::value::from_json;
use statefun_ports::rows::{Delayed, RowKey, RowValue, Stored};
use statefun_state::savepoint::{RowReader, row_bytes};

use super::FORMAT;
use super::fields::Fields;

/// What a line says.
pub(super) enum Line {
    /// A row, as bytes.
    Row { key: Vec<u8>, value: Vec<u8> },
    /// Where the lines come from.
    Head(Head),
}

/// Of which savepoint lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) key_groups: u16,
}

/// Reads lines.
pub(super) struct LineReader {
    groups: KeyGroups,
    /// The number of a message whose line names none.
    next_seq: u64,
    /// When a value was written whose line does not say.
    now: ProcessingTime,
    names: RowReader,
}

type Read<T> = Result<T, String>;

impl LineReader {
    pub(super) fn new(key_groups: u16, now: ProcessingTime) -> Self {
        Self { groups: KeyGroups::new(key_groups, 1), next_seq: 1, now, names: RowReader::default() }
    }

    /// Reads a line; what is wrong is said of the field that is wrong.
    pub(super) fn read(&mut self, text: &str) -> Read<Line> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        let mut fields = Fields::of(value)?;
        let kind = fields.text("kind")?;
        let (key, value) = match kind.as_str() {
            "savepoint" => return head(fields).map(Line::Head),
            "row" => return self.raw(fields),
            "value" => self.value(&mut fields)?,
            "waiting" => {
                let (seq, envelope) = (self.seq(&mut fields)?, envelope(&mut fields)?);
                (RowKey::Waiting { group: self.group(&envelope.target), seq }, RowValue::Waiting(envelope))
            }
            "delayed" => self.delayed(&mut fields)?,
            "specs" => {
                let function = fields.parsed("function", FunctionType::parse)?;
                let specs = fields.list("states")?.into_iter().map(spec).collect::<Read<_>>()?;
                (RowKey::Specs { function }, RowValue::Specs(specs))
            }
            "position" => {
                let source = fields.parsed("ingress", Symbol::intern)?;
                let partition = fields.text("partition")?.into();
                (RowKey::Position { source, partition }, RowValue::Position(fields.text("next")?.into()))
            }
            "clock" => {
                let participant = fields.text("participant")?.into();
                (RowKey::Clock { participant }, RowValue::Clock(ProcessingTime(fields.number("time_ms")?)))
            }
            other => {
                return Err(format!(
                    "field `kind`: {other:?} is none of value, waiting, delayed, specs, position, clock, row, \
                     savepoint"
                ));
            }
        };
        fields.end()?;
        let (key, value) = row_bytes(&key, &value);
        Ok(Line::Row { key, value })
    }

    fn group(&self, address: &Address) -> KeyGroup {
        self.groups.group(address.hash())
    }

    fn seq(&mut self, fields: &mut Fields) -> Read<u64> {
        let seq = fields.maybe_number("seq")?.unwrap_or(self.next_seq);
        self.next_seq = self.next_seq.max(seq.saturating_add(1));
        Ok(seq)
    }

    fn value(&self, fields: &mut Fields) -> Read<(RowKey, RowValue)> {
        let address = Address::new(fields.parsed("function", FunctionType::parse)?, fields.text("id")?);
        let name = fields.parsed("name", Symbol::intern)?;
        let touched = fields.maybe_number("touched_ms")?.map_or(self.now, ProcessingTime);
        let stored = Stored { value: typed(fields)?, touched };
        Ok((RowKey::Value { group: self.group(&address), address, name }, RowValue::Value(stored)))
    }

    fn delayed(&mut self, fields: &mut Fields) -> Read<(RowKey, RowValue)> {
        let due = ProcessingTime(fields.number("due_ms")?);
        let seq = self.seq(fields)?;
        let owner = fields.parsed("owner", Address::parse)?;
        let token = fields.maybe_text("token")?.map(Into::into);
        let key = RowKey::Delayed { group: self.group(&owner), due, seq };
        Ok((key, RowValue::Delayed(Delayed { owner, envelope: envelope(fields)?, token })))
    }

    /// A row as bytes, which brings its key group along.
    fn raw(&mut self, mut fields: Fields) -> Read<Line> {
        let (key, value) = (fields.bytes("key")?, fields.bytes("base64")?);
        fields.end()?;
        let group = key.first_chunk().copied().map(u16::from_be_bytes);
        match group {
            Some(group) if group < self.groups.count() || group == u16::MAX => {}
            Some(group) => {
                return Err(format!(
                    "field `key`: it belongs to key group {group}, and there are {}: such rows keep the --key-groups they \
                     were exported with",
                    self.groups.count()
                ));
            }
            None => return Err("field `key`: a key begins with a key group".to_owned()),
        }
        // A kind that this program does not know may be one of a later program's; a known one must be right.
        match self.names.read(&key, &value) {
            Ok(_) => Ok(Line::Row { key, value }),
            Err(_) if is_timer(&key) => Ok(Line::Row { key, value }),
            Err(error) => Err(format!("field `key` or `base64`: {error}")),
        }
    }
}

/// Event-time timers are kept by their owners, who know what they mean.
fn is_timer(key: &[u8]) -> bool {
    matches!(statefun_protocol::storage::RowKey::decode(key), Ok(statefun_protocol::storage::RowKey::Timer { .. }))
}

fn head(mut fields: Fields) -> Read<Head> {
    let format = fields.number("format")?;
    if format > FORMAT {
        return Err(format!("field `format`: {format} is newer than {FORMAT}, which this program knows"));
    }
    let key_groups = fields.number("key_groups")?;
    let key_groups = u16::try_from(key_groups).ok().filter(|groups| (1..=32768).contains(groups));
    let key_groups = key_groups.ok_or("field `key_groups`: a number from 1 to 32768 is expected")?;
    let head = Head { epoch: fields.number("epoch")?, key_groups };
    fields.end()?;
    Ok(head)
}

fn envelope(fields: &mut Fields) -> Read<Envelope> {
    let target = fields.parsed("target", Address::parse)?;
    let caller = fields.maybe_text("caller")?;
    let caller = caller.map(|text| Address::parse(&text).map_err(|error| format!("field `caller`: {error}")));
    let event_time = fields.maybe_signed("event_time_ms")?;
    let mut envelope = Envelope::new(target, typed(fields)?);
    envelope.caller = caller.transpose()?;
    envelope.event_time = event_time.map_or(EventTime::NONE, EventTime);
    Ok(envelope)
}

/// `typename` and either `value` or `base64`.
fn typed(fields: &mut Fields) -> Read<TypedValue> {
    let typename = fields.text("typename")?;
    match (fields.maybe("value"), fields.maybe("base64")) {
        (Some(value), None) => from_json(&typename, &value).map_err(|error| format!("field `value`: {error}")),
        (None, Some(Value::String(text))) => {
            let mut bytes = Fields::within("value", serde_json::json!({"base64": text}))?;
            let value_type = ValueType::named(&typename).map_err(|error| format!("field `typename`: {error}"))?;
            Ok(TypedValue::new(value_type, SmallBytes::from(bytes.bytes("base64")?)))
        }
        (None, Some(_)) => Err("field `base64`: a text is expected".to_owned()),
        (None, None) => Err("field `value` or `base64` is missing in the line".to_owned()),
        (Some(_), Some(_)) => Err("fields `value` and `base64`: give one of the two".to_owned()),
    }
}

fn spec(value: Value) -> Read<StateSpec> {
    let mut fields = Fields::within("states", value)?;
    let name = fields.parsed("name", Symbol::intern)?;
    let value_type = fields.parsed("typename", ValueType::named)?;
    let expiration = match fields.maybe("expires") {
        None => Expiration::Never,
        Some(expires) => {
            let mut fields = Fields::within("expires", expires)?;
            let after = fields.text("after")?;
            let nanos = fields.maybe_number("nanos")?.unwrap_or_default();
            let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
            let ttl = Duration::new(fields.number("seconds")?, nanos.ok_or("field `nanos`: less than a second")?);
            fields.end()?;
            match after.as_str() {
                "write" => Expiration::AfterWrite(ttl),
                "invoke" => Expiration::AfterInvoke(ttl),
                other => return Err(format!("field `after`: {other:?} is neither write nor invoke")),
            }
        }
    };
    fields.end()?;
    Ok(StateSpec { name, value_type, expiration })
}

#[cfg(test)]
mod tests;
