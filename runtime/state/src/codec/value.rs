//! Values of rows.
//!
//! Values, messages and delayed messages have the layouts of [`statefun_protocol::storage`]. The others:
//!
//! ```text
//!   specs        count u16 │ per state: name │ typename │ kind u8 (0 never, 1 write, 2 invoke) │ seconds u64 │ ns u32
//!   position     the source's own words, UTF-8
//!   clock        ms u64
//!   timer        the domain that it holds back, UTF-8; nothing if it holds nothing back
//!   time         bytes of the participant's choosing
//!   idempotency  request u128 │ home u64 │ fingerprint u64 │ expires ms u64 │ progress u8 (0 pending, 1 accepted,
//!                2 replied) │ replied: typename │ value
//!   outbox       see egress.rs
//! ```

use std::time::Duration;

use statefun::function::{Expiration, StateSpec};
use statefun::{Address, Domain, Envelope, EventTime, Hold, IdHash, ProcessingTime, RequestId, TypedValue};
use statefun_ports::rows::{Delayed, KeptRequest, RequestProgress, RowValue, Stored};
use statefun_protocol::storage::{AddressRow, DelayedRow, EnvelopeRow, HoldRow, ValueRow};

use super::fields::{Fields, put_bytes};
use super::{CodecError, Names, egress};

const EXPIRES_NEVER: u8 = 0;
const EXPIRES_AFTER_WRITE: u8 = 1;
const EXPIRES_AFTER_INVOKE: u8 = 2;

pub(super) fn encode(value: &RowValue, out: &mut Vec<u8>) {
    match value {
        RowValue::Value(stored) => encode_stored(stored, out),
        RowValue::Waiting(envelope) => encode_envelope(envelope, out),
        RowValue::Delayed(delayed) => DelayedRow {
            owner: address_row(&delayed.owner),
            token: delayed.token.as_deref(),
            envelope: envelope_row(&delayed.envelope),
        }
        .encode(out),
        RowValue::Idempotency(kept) => encode_request(kept, out),
        RowValue::Timer(domain) => {
            out.extend_from_slice(domain.map_or("", |domain| domain.name().as_str()).as_bytes());
        }
        RowValue::Time(bytes) => out.extend_from_slice(bytes),
        RowValue::Specs(specs) => encode_specs(specs, out),
        RowValue::Position(position) => out.extend_from_slice(position.as_bytes()),
        RowValue::Outbox(record) => egress::encode(record, out),
        RowValue::Clock(clock) => out.extend_from_slice(&clock.0.to_le_bytes()),
    }
}

/// A state value, the row that most rows are.
pub(super) fn encode_stored(stored: &Stored, out: &mut Vec<u8>) {
    let Stored { value: TypedValue { value_type, bytes }, touched } = stored;
    ValueRow { typename: value_type.as_str(), touched_ms: touched.0, value: bytes }.encode(out);
}

pub(super) fn decode_stored(bytes: &[u8], names: &mut Names) -> Result<Stored, CodecError> {
    let row = ValueRow::decode(bytes)?;
    let value = TypedValue::new(names.value_type(row.typename)?, row.value);
    Ok(Stored { value, touched: ProcessingTime(row.touched_ms) })
}

pub(super) fn encode_envelope(envelope: &Envelope, out: &mut Vec<u8>) {
    envelope_row(envelope).encode(out);
}

pub(super) fn decode_envelope(bytes: &[u8], names: &mut Names) -> Result<Envelope, CodecError> {
    envelope(&EnvelopeRow::decode(bytes)?, names)
}

pub(super) fn decode_delayed(bytes: &[u8], names: &mut Names) -> Result<Delayed, CodecError> {
    let row = DelayedRow::decode(bytes)?;
    Ok(Delayed {
        owner: address(row.owner, names)?,
        envelope: envelope(&row.envelope, names)?,
        token: row.token.map(Into::into),
    })
}

fn envelope_row(envelope: &Envelope) -> EnvelopeRow<'_> {
    EnvelopeRow {
        target: address_row(&envelope.target),
        caller: envelope.caller.as_ref().map(address_row),
        typename: envelope.argument.value_type.as_str(),
        value: &envelope.argument.bytes,
        event_time_ms: envelope.event_time.get(),
        request: None,
        hold: (envelope.hold != Hold::NONE).then(|| HoldRow {
            domain: envelope.hold.domain.map_or("", |domain| domain.name().as_str()),
            level: envelope.hold.level,
            counted: envelope.hold.counted,
            is_timer: envelope.hold.is_timer,
        }),
    }
}

fn envelope(row: &EnvelopeRow<'_>, names: &mut Names) -> Result<Envelope, CodecError> {
    let argument = TypedValue::new(names.value_type(row.typename)?, row.value);
    let mut envelope = Envelope::new(address(row.target, names)?, argument);
    envelope.caller = row.caller.map(|caller| address(caller, names)).transpose()?;
    envelope.event_time = row.event_time_ms.map_or(EventTime::NONE, EventTime);
    if let Some(HoldRow { domain, level, counted, is_timer }) = row.hold {
        let domain = if domain.is_empty() { None } else { Some(Domain::of(names.domain(domain)?)) };
        envelope.hold = Hold { domain, level, counted, is_timer };
    }
    Ok(envelope)
}

fn address_row(address: &Address) -> AddressRow<'_> {
    AddressRow { function: address.function.as_str(), id: &address.id }
}

fn address(row: AddressRow<'_>, names: &mut Names) -> Result<Address, CodecError> {
    Ok(Address::new(names.function(row.function)?, row.id))
}

fn encode_specs(specs: &[StateSpec], out: &mut Vec<u8>) {
    let count = u16::try_from(specs.len()).expect("a function declares far fewer states than 65536");
    out.extend_from_slice(&count.to_le_bytes());
    for spec in specs {
        put_bytes(out, spec.name.as_str().as_bytes());
        put_bytes(out, spec.value_type.as_str().as_bytes());
        let (kind, ttl) = match spec.expiration {
            Expiration::Never => (EXPIRES_NEVER, Duration::ZERO),
            Expiration::AfterWrite(ttl) => (EXPIRES_AFTER_WRITE, ttl),
            Expiration::AfterInvoke(ttl) => (EXPIRES_AFTER_INVOKE, ttl),
        };
        out.push(kind);
        out.extend_from_slice(&ttl.as_secs().to_le_bytes());
        out.extend_from_slice(&ttl.subsec_nanos().to_le_bytes());
    }
}

pub(super) fn decode_specs(bytes: &[u8], names: &mut Names) -> Result<Vec<StateSpec>, CodecError> {
    let mut fields = Fields::new("specs", bytes);
    let count = u16::from_le_bytes(fields.array("count")?);
    let mut specs = Vec::with_capacity(usize::from(count).min(64));
    for _ in 0..count {
        let name = names.state(fields.text("state name")?)?;
        let value_type = names.value_type(fields.text("typename")?)?;
        let kind = fields.byte("expiration")?;
        let seconds = u64::from_le_bytes(fields.array("duration")?);
        let nanos = u32::from_le_bytes(fields.array("duration")?);
        if nanos >= 1_000_000_000 {
            return Err(fields.invalid("duration"));
        }
        let ttl = Duration::new(seconds, nanos);
        let expiration = match kind {
            EXPIRES_NEVER => Expiration::Never,
            EXPIRES_AFTER_WRITE => Expiration::AfterWrite(ttl),
            EXPIRES_AFTER_INVOKE => Expiration::AfterInvoke(ttl),
            _ => return Err(fields.invalid("expiration")),
        };
        specs.push(StateSpec { name, value_type, expiration });
    }
    fields.end()?;
    Ok(specs)
}

pub(super) fn decode_position(bytes: &[u8]) -> Result<RowValue, CodecError> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fields::new("position", bytes).invalid("text"))?;
    Ok(RowValue::Position(text.into()))
}

pub(super) fn decode_timer(bytes: &[u8], names: &mut Names) -> Result<RowValue, CodecError> {
    let domain = std::str::from_utf8(bytes).map_err(|_| Fields::new("timer", bytes).invalid("domain"))?;
    Ok(RowValue::Timer(if domain.is_empty() { None } else { Some(Domain::of(names.domain(domain)?)) }))
}

pub(super) fn decode_clock(bytes: &[u8]) -> Result<RowValue, CodecError> {
    let mut fields = Fields::new("clock", bytes);
    let clock = u64::from_le_bytes(fields.array("time")?);
    fields.end()?;
    Ok(RowValue::Clock(ProcessingTime(clock)))
}

const PENDING: u8 = 0;
const ACCEPTED: u8 = 1;
const REPLIED: u8 = 2;

fn encode_request(kept: &KeptRequest, out: &mut Vec<u8>) {
    put_request(out, kept.request);
    out.extend_from_slice(&kept.fingerprint.to_le_bytes());
    out.extend_from_slice(&kept.expires.0.to_le_bytes());
    match &kept.progress {
        RequestProgress::Pending => out.push(PENDING),
        RequestProgress::Accepted => out.push(ACCEPTED),
        RequestProgress::Replied(TypedValue { value_type, bytes }) => {
            out.push(REPLIED);
            put_bytes(out, value_type.as_str().as_bytes());
            put_bytes(out, bytes);
        }
    }
}

pub(super) fn decode_request(bytes: &[u8], names: &mut Names) -> Result<KeptRequest, CodecError> {
    let mut fields = Fields::new("idempotency", bytes);
    let request = request(&mut fields)?;
    let fingerprint = u64::from_le_bytes(fields.array("fingerprint")?);
    let expires = ProcessingTime(u64::from_le_bytes(fields.array("time")?));
    let progress = match fields.byte("progress")? {
        PENDING => RequestProgress::Pending,
        ACCEPTED => RequestProgress::Accepted,
        REPLIED => {
            let value_type = names.value_type(fields.text("typename")?)?;
            RequestProgress::Replied(TypedValue::new(value_type, fields.bytes("value")?))
        }
        _ => return Err(fields.invalid("progress")),
    };
    fields.end()?;
    Ok(KeptRequest { request, fingerprint, expires, progress })
}

/// Appends the name of a request.
pub(super) fn put_request(out: &mut Vec<u8>, request: RequestId) {
    out.extend_from_slice(&request.unique().to_le_bytes());
    out.extend_from_slice(&request.home().0.to_le_bytes());
}

/// Reads the name of a request.
pub(super) fn request(fields: &mut Fields<'_>) -> Result<RequestId, CodecError> {
    let unique = u128::from_le_bytes(fields.array("request")?);
    Ok(RequestId::new(unique, IdHash(u64::from_le_bytes(fields.array("request")?))))
}
