//! `io.statefun.endpoints.v1/http`, `io.statefun.endpoints.v2/http` and `io.statefun.embedded.v1/functions`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::{Claim, Declared};
use crate::spec::read::{Fault, Faults, Field, Fields, Unknown};
use crate::spec::{
    AsyncTransport, ClientIdentity, Code, EmbeddedFunctions, Endpoint, EventTimeMode, FailureAction, FileLocation,
    FunctionSelector, OkHttpTransport, OnFailure, Transport, UrlError, UrlTemplate,
};

const MAX_NUM_BATCH_REQUESTS: NonZeroU32 = NonZeroU32::new(1000).expect("1000 is not zero");
const POOL_SIZE: NonZeroU32 = NonZeroU32::new(1024).expect("1024 is not zero");
const BATCH_BYTES_MAX: u64 = 512 << 10;
const PAYLOAD_MAX_BYTES: u64 = 32 << 20;

pub(super) fn v2(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    fields.hint("timeouts", "in this version of endpoints, timeouts belong below `transport`");
    fields.hint("call", "time limits belong below `transport`");
    let max_batch = fields.optional("maxNumBatchRequests").and_then(|field| field.integer(1..=i32::MAX, out.faults));
    let transport = match fields.optional("transport") {
        Some(field) => transport(&field, out.faults),
        None => Some(Transport::Async(AsyncTransport::default())),
    };
    endpoint(fields, max_batch, transport, out);
}

pub(super) fn v1(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    fields.hint("transport", "only io.statefun.endpoints.v2/http chooses its transport; version 1 always uses okhttp");
    let max_batch =
        fields.optional("maxNumBatchRequests").and_then(|field| field.bare_integer(1..=i32::MAX, out.faults));
    let transport = okhttp_timeouts(fields, out.faults).map(Transport::OkHttp);
    endpoint(fields, max_batch, transport, out);
}

pub(super) fn embedded(fields: &mut Fields<'_>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let Some(field) = fields.required("functions") else { return };
    let items = match &field.node.value {
        crate::spec::read::Value::List(_) => field.filled_list(out.faults).unwrap_or_default(),
        _ => vec![field],
    };
    for item in items {
        if let Some(functions) = item.selector(out.faults) {
            bind(&functions, &item, out);
            out.module.embedded.push(EmbeddedFunctions { functions, declared_at: declared_at.clone() });
        }
    }
}

fn endpoint(fields: &mut Fields<'_>, max_batch: Option<i32>, transport: Option<Transport>, out: &mut Declared<'_, '_>) {
    let declared_at = fields.location(out.faults);
    let functions_field = fields.required("functions");
    let functions = functions_field.as_ref().and_then(|field| field.selector(out.faults));
    if let (Some(functions), Some(field)) = (&functions, &functions_field) {
        bind(functions, field, out);
    }
    let url = fields.required("urlPathTemplate").and_then(|field| url_template(&field, out.faults));
    let on_failure = fields.optional("onFailure").and_then(|field| on_failure(&field, out.faults));
    let batch_bytes_max = fields.optional("batchBytesMax").and_then(|field| field.size(out.faults));
    let event_time = fields.optional("eventTime").and_then(|field| {
        field.word(&[("exact", EventTimeMode::Exact), ("coarse", EventTimeMode::Coarse)], out.faults)
    });
    let (Some(functions), Some(url), Some(transport)) = (functions, url, transport) else { return };
    out.module.endpoints.push(Endpoint {
        functions,
        url,
        max_num_batch_requests: max_batch.and_then(positive).unwrap_or(MAX_NUM_BATCH_REQUESTS),
        batch_bytes_max: batch_bytes_max.unwrap_or(BATCH_BYTES_MAX),
        transport,
        on_failure: on_failure.unwrap_or(OnFailure { max_attempts: None, then: FailureAction::Hold }),
        event_time: event_time.unwrap_or(EventTimeMode::Exact),
        declared_at,
    });
}

fn positive(number: i32) -> Option<NonZeroU32> {
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}

fn bind(functions: &FunctionSelector, field: &Field<'_>, out: &mut Declared<'_, '_>) {
    let message = match functions {
        FunctionSelector::Exact(typename) => format!("the function type `{typename}` was previously defined"),
        FunctionSelector::Namespace(namespace) => format!("the namespace `{namespace}` was previously defined"),
    };
    let fault = Fault::error(Code::DuplicateFunctions, field, message);
    out.bindings.push(Claim { name: functions.to_string(), declared_at: field.location(out.faults), fault });
}

fn url_template(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<UrlTemplate> {
    let text = field.text(faults)?;
    match UrlTemplate::parse(&text) {
        Ok(url) => Some(url),
        Err(error) => {
            let meant = match &error {
                UrlError::Placeholder { found, .. } if found.len() > 2 && found.ends_with('}') => {
                    Some(text.replacen(found.as_str(), "{function.name}", 1))
                }
                UrlError::NoScheme => Some(format!("http://{text}")),
                _ => None,
            };
            let meant = meant.filter(|meant| UrlTemplate::parse(meant).is_ok());
            faults.push(Fault::error(Code::InvalidUrl, field, error.to_string()).suggest(meant));
            None
        }
    }
}

fn on_failure(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<OnFailure> {
    // An extension of ours, so nothing unknown is forgiven even within inherited kinds.
    let mut fields = field.fields(Unknown::Refuse, faults)?;
    let attempts_field = fields.optional("maxAttempts");
    let max_attempts = attempts_field.as_ref().and_then(|field| field.integer(1..=i32::MAX, faults)).and_then(positive);
    let words = [("hold", FailureAction::Hold), ("park", FailureAction::Park)];
    let then_field = fields.optional("then");
    let then = then_field.as_ref().and_then(|field| field.word(&words, faults)).unwrap_or(FailureAction::Hold);
    if let (FailureAction::Park, None, Some(field)) = (then, &attempts_field, &then_field) {
        let fault = Fault::error(Code::Conflict, field, "`then: park` needs `maxAttempts`: when should it be parked?");
        faults.push(fault);
    }
    fields.finish(faults);
    Some(OnFailure { max_attempts, then })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum TransportKind {
    Async,
    OkHttp,
}

fn transport(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<Transport> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let words = [
        ("io.statefun.transports.v1/async", TransportKind::Async),
        ("io.statefun.transports.v1/okhttp", TransportKind::OkHttp),
    ];
    let kind = match fields.optional("type") {
        Some(field) => field.word(&words, faults),
        None => Some(TransportKind::Async),
    };
    // Without a known type nobody can say which fields are unknown.
    let transport = match kind? {
        TransportKind::Async => async_transport(&mut fields, faults).map(Transport::Async),
        TransportKind::OkHttp => okhttp_timeouts(&mut fields, faults).map(Transport::OkHttp),
    };
    fields.finish(faults);
    transport
}

impl Default for AsyncTransport {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(120),
            connect: Duration::from_secs(20),
            pool_ttl: Some(Duration::from_secs(15)),
            pool_size: POOL_SIZE,
            payload_max_bytes: PAYLOAD_MAX_BYTES,
            trust_cacerts: None,
            client_identity: None,
        }
    }
}

impl Default for OkHttpTransport {
    fn default() -> Self {
        let limit = Duration::from_secs(10);
        Self { call: Duration::from_secs(60), connect: limit, read: limit, write: limit }
    }
}

fn async_transport(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<AsyncTransport> {
    let mut transport = AsyncTransport::default();
    let mut set = |name, limit: &mut Duration, faults: &mut Faults<'_>| {
        if let Some(duration) = fields.optional(name).and_then(|field| field.positive_duration(faults)) {
            *limit = duration;
        }
    };
    set("call", &mut transport.call, faults);
    set("connect", &mut transport.connect, faults);
    if let Some(ttl) = fields.optional("pool_ttl").and_then(|field| field.duration(faults)) {
        transport.pool_ttl = (!ttl.is_zero()).then_some(ttl);
    }
    if let Some(size) = fields.optional("pool_size").and_then(|field| field.integer(1..=i32::MAX, faults)) {
        transport.pool_size = positive(size).unwrap_or(POOL_SIZE);
    }
    if let Some(max) = fields.optional("payload_max_bytes").and_then(|field| field.integer(1..=i32::MAX, faults)) {
        transport.payload_max_bytes = u64::from(max.unsigned_abs());
    }
    transport.trust_cacerts = fields.optional("trust_cacerts").and_then(|field| file_location(&field, faults));
    transport.client_identity = client_identity(fields, faults);
    if let Some(field) = fields.optional("timeouts") {
        let limits = okhttp_limits(&field, faults)?;
        // Its presence alone brings the defaults of the transport it was written for.
        (transport.call, transport.connect) = (limits.call, limits.connect);
    }
    Some(transport)
}

fn client_identity(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<ClientIdentity> {
    let cert_field = fields.optional("client_cert");
    let key_field = fields.optional("client_key");
    let password_field = fields.optional("client_key_password");
    let cert = cert_field.as_ref().and_then(|field| file_location(field, faults));
    let key = key_field.as_ref().and_then(|field| file_location(field, faults));
    let key_password = password_field.as_ref().and_then(|field| file_location(field, faults));
    let message = "need to provide both `client_cert` and `client_key`, or neither";
    match (&cert_field, &key_field, &password_field) {
        (Some(alone), None, _) | (None, Some(alone), _) => faults.push(Fault::error(Code::Conflict, alone, message)),
        (None, None, Some(alone)) => {
            let message = "`client_key_password` has no effect without `client_key`";
            faults.push(Fault::warning(Code::Conflict, alone, message));
        }
        (Some(_), Some(_), _) | (None, None, None) => {}
    }
    Some(ClientIdentity { cert: cert?, key: key?, key_password })
}

fn file_location(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<FileLocation> {
    let text = field.text(faults)?;
    if let Some(resource) = text.strip_prefix("classpath:") {
        return Some(FileLocation::Classpath(resource.trim_start_matches('/').to_owned()));
    }
    let path = match text.strip_prefix("file:") {
        // `file:/a`, `file:///a` and `file:a` are all in use.
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None => &text,
    };
    if path.is_empty() {
        faults.push(Fault::error(Code::InvalidValue, field, format!("`{text}` names no file")));
        return None;
    }
    Some(FileLocation::Path(path.to_owned()))
}

fn okhttp_timeouts(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<OkHttpTransport> {
    match fields.optional("timeouts") {
        Some(field) => {
            let limits = okhttp_limits(&field, faults)?;
            let names = [("connect", limits.connect), ("read", limits.read), ("write", limits.write)];
            for (name, _) in names.into_iter().filter(|(_, limit)| *limit > limits.call) {
                let written = |name| field.child(name).filter(|field| !field.node.is_null());
                if let Some(written) = written(name) {
                    let message = format!("the {name} timeout cannot be larger than the request timeout (`call`)");
                    faults.push(Fault::error(Code::InvalidDuration, &written, message));
                } else if let Some(call) = written("call") {
                    // A default above a shortened `call` is no slip of the author, so it is capped instead.
                    let message = format!("StateFun itself refuses a `call` below the default {name} timeout of 10 s");
                    faults.push(Fault::warning(Code::NotPortable, &call, message));
                }
            }
            Some(OkHttpTransport {
                call: limits.call,
                connect: limits.connect.min(limits.call),
                read: limits.read.min(limits.call),
                write: limits.write.min(limits.call),
            })
        }
        None => Some(OkHttpTransport::default()),
    }
}

/// The four limits below `timeouts`, each above zero.
fn okhttp_limits(field: &Field<'_>, faults: &mut Faults<'_>) -> Option<OkHttpTransport> {
    let mut fields = field.fields(Unknown::Warn, faults)?;
    let mut limits = OkHttpTransport::default();
    let named = [
        ("call", &mut limits.call),
        ("connect", &mut limits.connect),
        ("read", &mut limits.read),
        ("write", &mut limits.write),
    ];
    for (name, limit) in named {
        if let Some(duration) = fields.optional(name).and_then(|field| field.positive_duration(faults)) {
            *limit = duration;
        }
    }
    fields.finish(faults);
    Some(limits)
}
