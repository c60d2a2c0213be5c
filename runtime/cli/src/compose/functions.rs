//! Who serves which function types.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use statefun::spec::{EmbeddedFunctions, Endpoint, FailureAction, OnFailure, Transport};
use statefun_engine::{FailurePolicy, RemotePolicy};
use statefun_remote::{AsyncOptions, ClientIdentity, EndpointOptions, HttpTransport, OkHttpOptions, TransportKind};
use statefun_runtime::{FunctionHome, FunctionPattern};
use statefun_sdk::Functions;

use super::{asynchronous, file, pattern};
use crate::Failure;

/// An endpoint of the module.
pub(super) fn endpoint(endpoint: &Endpoint, base: &Path) -> Result<(FunctionPattern, FunctionHome), Failure> {
    let transport = transport(&endpoint.transport, base);
    let options = EndpointOptions::new(endpoint.url.as_str()).with_transport(transport);
    let policy = RemotePolicy {
        batch_max: endpoint.max_num_batch_requests.get() as usize,
        batch_bytes_max: usize::try_from(endpoint.batch_bytes_max).unwrap_or(usize::MAX),
        failure: failure(&endpoint.on_failure, &endpoint.transport),
    };
    let at = &endpoint.declared_at;
    let home = remote(options, policy).map_err(|error| Failure::usage(format!("{at}: {error}")))?;
    Ok((pattern(&endpoint.functions)?, home))
}

/// A remote home, its transport made.
pub(crate) fn remote(
    options: EndpointOptions,
    policy: RemotePolicy,
) -> Result<FunctionHome, statefun_remote::TransportError> {
    let url = options.url_template.clone();
    Ok(FunctionHome::Remote { transport: HttpTransport::new(options)?, policy, url })
}

fn transport(transport: &Transport, base: &Path) -> TransportKind {
    match transport {
        Transport::Async(it) => TransportKind::Async(AsyncOptions {
            call: it.call,
            connect: it.connect,
            pool_ttl: it.pool_ttl,
            pool_size: NonZeroUsize::try_from(it.pool_size).unwrap_or(NonZeroUsize::MAX),
            payload_bytes_max: it.payload_max_bytes,
            trust_cacerts: it.trust_cacerts.as_ref().map(|location| file(base, location)),
            client_identity: it.client_identity.as_ref().map(|identity| ClientIdentity {
                cert: file(base, &identity.cert),
                key: file(base, &identity.key),
                key_password: identity.key_password.as_ref().map(|location| file(base, location)),
            }),
        }),
        Transport::OkHttp(it) => TransportKind::OkHttp(OkHttpOptions {
            call: it.call,
            connect: it.connect,
            read: it.read,
            write: it.write,
            ..OkHttpOptions::default()
        }),
    }
}

/// The first waits of the two transports are StateFun's; unlike there, failing for long never ends the application.
fn failure(on_failure: &OnFailure, transport: &Transport) -> FailurePolicy {
    let backoff_first = match transport {
        Transport::Async(_) => Duration::from_millis(4),
        Transport::OkHttp(_) => Duration::from_millis(10),
    };
    let park_after = match on_failure.then {
        FailureAction::Hold => None,
        FailureAction::Park => Some(on_failure.max_attempts.map_or(10, std::num::NonZeroU32::get)),
    };
    FailurePolicy { backoff_first, park_after, ..FailurePolicy::default() }
}

/// Functions that are compiled into this binary. Those that await are bound one by one: an exact type wins over its
/// namespace.
pub(super) fn embedded(
    declared: &EmbeddedFunctions,
    functions: &Functions,
) -> Result<Vec<(FunctionPattern, FunctionHome)>, Failure> {
    let pattern = pattern(&declared.functions)?;
    if let FunctionPattern::Exact(function) = &pattern
        && functions.states(*function).is_none()
    {
        let known: Vec<_> = functions.types().map(|function| function.to_string()).collect();
        return Err(Failure::usage(format!(
            "{}: no function {function} is compiled into this binary; there are {}",
            declared.declared_at,
            known.join(", ")
        )));
    }
    let types: Vec<_> = functions.types().filter(|function| pattern.matches(*function)).collect();
    let mut bound = bind(functions, types);
    if let FunctionPattern::Namespace(_) = pattern {
        let factory = Arc::new(functions.factory());
        bound.push((pattern, FunctionHome::Embedded { factory, failure: FailurePolicy::default() }));
    }
    Ok(bound)
}

/// Binds functions of this binary one by one.
pub(crate) fn bind(
    functions: &Functions,
    types: impl IntoIterator<Item = statefun::FunctionType>,
) -> Vec<(FunctionPattern, FunctionHome)> {
    let factory = Arc::new(functions.factory());
    let bind = |function| {
        let home = asynchronous::home(functions, function).unwrap_or_else(|| FunctionHome::Embedded {
            factory: Arc::clone(&factory) as _,
            failure: FailurePolicy::default(),
        });
        (FunctionPattern::Exact(function), home)
    };
    types.into_iter().map(bind).collect()
}
