//! Rows of an outbox.
//!
//! ```text
//!   1 Kafka        topic │ has key u8 │ key? │ value
//!   2 Playground   topic │ payload
//!   3 Value        function │ id │ typename │ value
//!   4 Reply        request │ typename │ value
//!   6 Verdict      request u128 │ home u64 │ u8 (1 accepted, 2 awaited, 3 conflict, 4 full) │ awaited: request │ home
//!   5 Dead letter  cause u8 │ detail │ origin │ flags u8 (1 message, 2 raw) │ message? │ raw?
//! ```
//! The first byte says which; once used it is never used for something else. A cause is its position in
//! [`DeadLetterCause::ALL`].

use bytes::Bytes;
use statefun::{Address, DeadLetter, DeadLetterCause, EgressRecord, KafkaRecord, Symbol, TypedValue, Verdict};

use super::fields::{Fields, put_bytes};
use super::value::{decode_envelope, encode_envelope, put_request, request};
use super::{CodecError, Names};

const KAFKA: u8 = 1;
const PLAYGROUND: u8 = 2;
const VALUE: u8 = 3;
const REPLY: u8 = 4;
const DEAD_LETTER: u8 = 5;
const VERDICT: u8 = 6;

const ACCEPTED: u8 = 1;
const AWAITED: u8 = 2;
const CONFLICT: u8 = 3;
const FULL: u8 = 4;

const LETTER_ENVELOPE: u8 = 1;
const LETTER_RAW: u8 = 2;

pub(super) fn encode(record: &EgressRecord, out: &mut Vec<u8>) {
    match record {
        EgressRecord::Kafka(KafkaRecord { topic, key, value }) => {
            out.push(KAFKA);
            put_bytes(out, topic.as_bytes());
            out.push(u8::from(key.is_some()));
            if let Some(key) = key {
                put_bytes(out, key);
            }
            put_bytes(out, value);
        }
        EgressRecord::Playground { topic, payload } => {
            out.push(PLAYGROUND);
            put_bytes(out, topic.as_str().as_bytes());
            put_bytes(out, payload);
        }
        EgressRecord::Value { source, value } => {
            out.push(VALUE);
            put_bytes(out, source.function.as_str().as_bytes());
            put_bytes(out, source.id.as_bytes());
            put_typed(out, value);
        }
        EgressRecord::Reply { request, value } => {
            out.push(REPLY);
            put_bytes(out, request.as_bytes());
            put_typed(out, value);
        }
        EgressRecord::Verdict { request, verdict } => {
            out.push(VERDICT);
            put_request(out, *request);
            match verdict {
                Verdict::Accepted => out.push(ACCEPTED),
                Verdict::Awaited { request } => {
                    out.push(AWAITED);
                    put_request(out, *request);
                }
                Verdict::Conflict => out.push(CONFLICT),
                Verdict::Full => out.push(FULL),
            }
        }
        EgressRecord::DeadLetter(letter) => {
            out.push(DEAD_LETTER);
            put_letter(out, letter);
        }
    }
}

fn put_typed(out: &mut Vec<u8>, value: &TypedValue) {
    put_bytes(out, value.value_type.as_str().as_bytes());
    put_bytes(out, &value.bytes);
}

fn put_letter(out: &mut Vec<u8>, letter: &DeadLetter) {
    let cause = DeadLetterCause::ALL.iter().position(|&cause| cause == letter.cause);
    out.push(cause.expect("ALL lists every cause") as u8);
    put_bytes(out, letter.detail.as_bytes());
    put_bytes(out, letter.origin.as_bytes());
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(flag(letter.envelope.is_some(), LETTER_ENVELOPE) | flag(letter.raw.is_some(), LETTER_RAW));
    if let Some(envelope) = &letter.envelope {
        let mut bytes = Vec::new();
        encode_envelope(envelope, &mut bytes);
        put_bytes(out, &bytes);
    }
    if let Some(raw) = &letter.raw {
        put_bytes(out, raw);
    }
}

pub(super) fn decode(bytes: &[u8], names: &mut Names) -> Result<EgressRecord, CodecError> {
    let mut fields = Fields::new("outbox", bytes);
    let record = match fields.byte("kind")? {
        KAFKA => {
            let topic = fields.text("topic")?.to_owned();
            let key = match fields.byte("key flag")? {
                0 => None,
                1 => Some(Bytes::copy_from_slice(fields.bytes("key")?)),
                _ => return Err(fields.invalid("key flag")),
            };
            let value = Bytes::copy_from_slice(fields.bytes("value")?);
            EgressRecord::Kafka(KafkaRecord { topic, key, value })
        }
        PLAYGROUND => {
            let topic = Symbol::intern(fields.text("topic")?)?;
            EgressRecord::Playground { topic, payload: Bytes::copy_from_slice(fields.bytes("payload")?) }
        }
        VALUE => {
            let function = names.function(fields.text("function")?)?;
            let source = Address::new(function, fields.text("id")?);
            EgressRecord::Value { source, value: typed(&mut fields, names)? }
        }
        REPLY => {
            let request = fields.text("request")?.into();
            EgressRecord::Reply { request, value: typed(&mut fields, names)? }
        }
        VERDICT => {
            let asked = request(&mut fields)?;
            let verdict = match fields.byte("verdict")? {
                ACCEPTED => Verdict::Accepted,
                AWAITED => Verdict::Awaited { request: request(&mut fields)? },
                CONFLICT => Verdict::Conflict,
                FULL => Verdict::Full,
                _ => return Err(fields.invalid("verdict")),
            };
            EgressRecord::Verdict { request: asked, verdict }
        }
        DEAD_LETTER => EgressRecord::DeadLetter(Box::new(letter(&mut fields, names)?)),
        _ => return Err(fields.invalid("kind")),
    };
    fields.end()?;
    Ok(record)
}

fn typed(fields: &mut Fields<'_>, names: &mut Names) -> Result<TypedValue, CodecError> {
    let value_type = names.value_type(fields.text("typename")?)?;
    Ok(TypedValue::new(value_type, fields.bytes("value")?))
}

fn letter(fields: &mut Fields<'_>, names: &mut Names) -> Result<DeadLetter, CodecError> {
    let cause = usize::from(fields.byte("cause")?);
    let cause = *DeadLetterCause::ALL.get(cause).ok_or_else(|| fields.invalid("cause"))?;
    let detail = fields.text("detail")?.to_owned();
    let origin = fields.text("origin")?.to_owned();
    let flags = fields.byte("flags")?;
    if flags & !(LETTER_ENVELOPE | LETTER_RAW) != 0 {
        return Err(fields.invalid("flags"));
    }
    let envelope = match flags & LETTER_ENVELOPE {
        0 => None,
        _ => Some(decode_envelope(fields.bytes("message")?, names)?),
    };
    let raw = match flags & LETTER_RAW {
        0 => None,
        _ => Some(Bytes::copy_from_slice(fields.bytes("raw record")?)),
    };
    Ok(DeadLetter { cause, detail, origin, envelope, raw })
}
