//! From records to requests.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use statefun::{EgressRecord, TypedValue};
use statefun_protocol::types;

use super::Options;
use crate::render;

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TYPENAME: HeaderName = HeaderName::from_static("statefun-typename");
const SOURCE: HeaderName = HeaderName::from_static("statefun-source");

/// A record as a request's headers and body. Built-in values are posted as JSON, everything else byte for byte.
pub(super) fn request(options: &Options, fixed: &HeaderMap, seq: u64, record: &EgressRecord) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    put(&mut headers, IDEMPOTENCY_KEY, &format!("{}-{}-{seq}", options.lineage, options.id));
    let body = match record {
        EgressRecord::Value { source, value } => {
            put(&mut headers, SOURCE, &source.to_string());
            value_body(value, &mut headers)
        }
        EgressRecord::Reply { value, .. } => value_body(value, &mut headers),
        EgressRecord::Playground { payload, .. } => raw_body(payload.clone(), &mut headers),
        EgressRecord::Kafka(_) | EgressRecord::DeadLetter(_) | EgressRecord::Verdict { .. } => {
            put(&mut headers, CONTENT_TYPE, JSON);
            Bytes::from(render::json(record).to_string())
        }
    };
    for (name, value) in fixed {
        headers.insert(name.clone(), value.clone());
    }
    (headers, body)
}

fn value_body(value: &TypedValue, headers: &mut HeaderMap) -> Bytes {
    let typename = value.value_type.as_str();
    put(headers, TYPENAME, typename);
    match typename {
        types::BOOL | types::INT | types::LONG | types::FLOAT | types::DOUBLE | types::STRING => {
            put(headers, CONTENT_TYPE, JSON);
            Bytes::from(render::value_json(value).to_string())
        }
        _ => raw_body(value.bytes.to_bytes(), headers),
    }
}

fn raw_body(bytes: Bytes, headers: &mut HeaderMap) -> Bytes {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
    put(headers, CONTENT_TYPE, if is_json { JSON } else { OCTETS });
    bytes
}

/// Text that cannot stand in a header (an id with control characters) is written escaped.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let escaped = || HeaderValue::from_str(&value.escape_default().to_string());
    if let Ok(value) = HeaderValue::from_str(value).or_else(|_| escaped()) {
        headers.insert(name, value);
    }
}
