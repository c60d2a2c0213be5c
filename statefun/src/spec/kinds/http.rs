//! `io.statefun.http.v1/ingress` and `io.statefun.http.v1/egress`.

use std::time::Duration;

use super::Declared;
use super::time::{Offers, event_time};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown};
use crate::spec::{
    Backoff, Code, Egress, HttpEgress, HttpIngress, HttpValueType, Ingress, Properties, TypeNameText, check_http_url,
};

/// What a request tells of time.
pub(super) const TIME_OFFERS: Offers = Offers { record: false, field: true, header: true, bare: false, column: false };
const PORT: u16 = 8090;
/// What the names of claimed addresses begin with.
pub(in crate::spec) const LISTENER: &str = "listener ";

pub(super) fn ingress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id_field = fields.optional("id");
    let id = match &id_field {
        Some(field) => field.typename(out.faults),
        None => Some(TypeNameText::parse("io.statefun.http/ingress").expect("a constant with one slash")),
    };
    let address = address(fields, out);
    let max_body_bytes = fields.optional("maxBodyBytes").and_then(|field| field.size(out.faults));
    let wait_max = fields.optional("waitMax").and_then(|field| field.positive_duration(out.faults));
    let retention = fields.optional("idempotencyRetention").and_then(|field| field.positive_duration(out.faults));
    let value_type = fields.optional("valueType").and_then(|field| field.text(out.faults));
    let event_time = event_time(fields, TIME_OFFERS, out.faults);
    let Some(id) = id else { return };
    match &id_field {
        Some(field) => out.claim_ingress(&id, field),
        None => {
            let message = format!("the ingress `{id}` was previously defined; give this one an `id`");
            let fault = fields.fault(Code::DuplicateId, message);
            out.ingress_ids.push(super::Claim { name: id.to_string(), declared_at: declared_at.clone(), fault });
        }
    }
    let Some(address) = address else { return };
    out.module.ingresses.push(Ingress::Http(HttpIngress {
        id,
        address,
        max_body_bytes: max_body_bytes.unwrap_or(1 << 20),
        wait_max: wait_max.unwrap_or(Duration::from_secs(60)),
        idempotency_retention: retention.unwrap_or(Duration::from_secs(86_400)),
        value_type: value_type.map_or(HttpValueType::FromContentType, HttpValueType::Fixed),
        event_time,
        declared_at,
    }));
}

pub(super) fn egress(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let id = out.egress_id(fields);
    let url = fields.required("url").and_then(|field| url(&field, out.faults));
    let headers = fields.optional("headers").map(|field| headers(&field, out.faults)).unwrap_or_default();
    let timeout = fields.optional("timeout").and_then(|field| field.positive_duration(out.faults));
    let retries = fields.optional("retries").and_then(|field| field.integer(0..=i32::MAX, out.faults));
    let backoff = fields.optional("backoff").and_then(|field| backoff(&field, out.faults));
    let (Some(id), Some(url)) = (id, url) else { return };
    out.module.egresses.push(Egress::Http(HttpEgress {
        id,
        url,
        headers,
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        retries: retries.map(i32::unsigned_abs),
        backoff: backoff.unwrap_or_default(),
        declared_at,
    }));
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(30) }
    }
}

impl Declared<'_, '_> {
    /// Notes that somebody listens. Port 0 lets the system choose, so it never collides; the same port on every
    /// interface and on one of them does.
    pub(super) fn claim_listener(&mut self, address: &str, field: &Field<'_>) {
        if !address.ends_with(":0") {
            let message = format!("another ingress or egress listens on {address} already");
            self.claim_resource(format!("{LISTENER}{address}"), field, message);
        }
    }
}

fn address(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) -> Option<String> {
    let (field, address) = match (fields.optional("address"), fields.optional("port")) {
        (Some(address), Some(_)) => {
            let message = "`address` and `port` exclude each other: the address has a port of its own";
            out.faults.push(Fault::error(Code::Conflict, &address, message));
            return None;
        }
        (Some(field), None) => {
            let text = field.text(out.faults)?;
            let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
                let host_valid = match v6 {
                    Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
                    None => !host.is_empty() && host.chars().all(plain),
                };
                host_valid && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
            });
            if !valid {
                let meant = text.parse::<u16>().ok().map(|port| format!("127.0.0.1:{port}"));
                let message = format!("`{text}` is no address to listen on; write host:port as in 127.0.0.1:8090");
                out.faults.push(Fault::error(Code::InvalidValue, &field, message).suggest(meant));
                return None;
            }
            (field, text)
        }
        (None, Some(field)) => {
            let port = field.integer(0..=u16::MAX, out.faults)?;
            (field, format!("127.0.0.1:{port}"))
        }
        (None, None) => {
            let fault = fields.fault(
                Code::DuplicateResource,
                format!("another ingress or egress listens on 127.0.0.1:{PORT} already; give this one an `address`"),
            );
            let declared_at = fields.location(out.faults);
            out.resources.push(super::Claim { name: format!("{LISTENER}127.0.0.1:{PORT}"), declared_at, fault });
            return Some(format!("127.0.0.1:{PORT}"));
        }
    };
    out.claim_listener(&address, &field);
    Some(address)
}

fn url(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let text = field.text(faults)?;
    match check_http_url(&text) {
        Ok(()) => Some(text),
        Err(error) => {
            let meant =
                Some(format!("http://{text}")).filter(|meant| !text.contains("://") && check_http_url(meant).is_ok());
            faults.push(Fault::error(Code::InvalidUrl, field, error.to_string()).suggest(meant));
            None
        }
    }
}

fn headers(field: &Field<'_>, faults: &mut Faults<'_>) -> Properties {
    let mut headers = Vec::new();
    for (name, value, field) in field.text_pairs(faults) {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            let message = format!("`{}` cannot be the name of a header", name.escape_debug());
            faults.push(Fault::error(Code::InvalidValue, &field, message));
        } else if value.chars().any(|c| c.is_control() && c != '\t') {
            faults.push(Fault::error(Code::InvalidValue, &field, "a header holds no control characters"));
        } else {
            headers.push((name.to_ascii_lowercase(), value));
        }
    }
    headers.into_iter().collect()
}

fn backoff(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Backoff> {
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let initial = fields.optional("initial").and_then(|field| field.positive_duration(faults));
    let max_field = fields.optional("max");
    let max = max_field.as_ref().and_then(|field| field.positive_duration(faults));
    fields.finish(faults);
    let default = Backoff::default();
    let initial = initial.unwrap_or(default.initial);
    if let (Some(max), Some(field)) = (max.filter(|max| *max < initial), &max_field) {
        let message = format!("the longest backoff ({max:?}) is shorter than the first ({initial:?})");
        faults.push(Fault::error(Code::Conflict, field, message));
    }
    Some(Backoff { initial, max: max.unwrap_or(default.max).max(initial) })
}
