//! Who may ask: nobody whom a web page sent.
//!
//! The API listens on loopback and asks for no password, so the danger is a browser on the same machine that runs
//! somebody else's page. Three checks keep it out:
//!
//! * the `Host` must be a local name, so that a name which was made to point at 127.0.0.1 does not do (DNS rebinding);
//! * an `Origin`, which browsers add when a page asks, must be the one that is asked;
//! * changes must be `application/json`, which no HTML form can send and no page may send elsewhere without permission
//!   (which is never given).

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};

use crate::problem::Problem;

/// The names under which the API may be addressed.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    bound: IpAddr,
    names: Vec<String>,
}

impl Guard {
    /// For a listener bound to `bound`, which was named `names` by whoever started it.
    pub(crate) fn new(bound: SocketAddr, names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { bound: bound.ip(), names }
    }

    /// Whether a request may be looked at at all.
    pub(crate) fn admit(&self, request: &HttpRequest) -> Result<(), Problem> {
        let host = single(request, HOST)?.ok_or_else(|| {
            Problem::forbidden("host-not-local", "a request must name its host in exactly one Host header")
        })?;
        // An absolute request target overrules the header, so it has to pass as well.
        let target = request.uri().authority().map(|authority| authority.as_str());
        for asked in std::iter::once(host).chain(target) {
            if !self.is_local(asked) {
                return Err(Problem::forbidden(
                    "host-not-local",
                    format!("{asked:?} is no name of this listener; ask localhost or the address it is bound to"),
                ));
            }
        }
        if let Some(origin) = single(request, ORIGIN)? {
            let asker = origin.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
            if !asker.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)) {
                return Err(cross_site(origin));
            }
        }
        let is_change = !request.method().is_safe();
        if let Some(site) = single(request, HeaderName::from_static("sec-fetch-site"))?
            && is_change
            && !matches!(site, "same-origin" | "none")
        {
            return Err(cross_site(site));
        }
        Ok(())
    }

    /// Whether a change declares its body as JSON.
    pub(crate) fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
        if request.method().is_safe() {
            return Ok(());
        }
        let content_type = single(request, CONTENT_TYPE)?.unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            "changes need the header Content-Type: application/json, those without a body as well",
        ))
    }

    fn is_local(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        if name.eq_ignore_ascii_case("localhost") || self.names.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return true;
        }
        let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let Ok(address) = literal.parse::<IpAddr>() else { return false };
        // Bound to every address, any address is its own; a page can only rebind names.
        address.to_canonical().is_loopback() || address == self.bound || self.bound.is_unspecified()
    }
}

fn cross_site(from: &str) -> Problem {
    Problem::forbidden("cross-site", format!("a page of {from:?} may not ask the admin API"))
}

/// The one header of this name; several are refused, for who knows which one others look at.
fn single(request: &HttpRequest, name: HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all(&name);
    let first = values.next();
    let bad = || Problem::bad("bad-header", format!("the header {name} must be there once, as plain text"));
    if values.next().is_some() {
        return Err(bad());
    }
    first.map(|value| value.to_str().map_err(|_| bad())).transpose()
}

/// A host without its port; `None` when what follows the name is no port.
fn without_port(host: &str) -> Option<&str> {
    let split = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(split);
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (is_port && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(bound: &str) -> Guard {
        Guard::new(bound.parse().unwrap(), ["admin.internal".to_owned()])
    }

    #[test]
    fn loopback_by_any_of_its_names_is_local() {
        let guard = guard("127.0.0.1:8081");
        for host in [
            "localhost",
            "LocalHost:8081",
            "127.0.0.1:8081",
            "127.9.9.9",
            "[::1]:8081",
            "[::ffff:127.0.0.1]",
            "Admin.Internal:1",
        ] {
            assert!(guard.is_local(host), "{host}");
        }
    }

    #[test]
    fn names_that_only_look_local_are_not() {
        let guard = guard("127.0.0.1:8081");
        for host in [
            "",
            ":8081",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "localhost:8081.evil",
            "localhost:99999",
            "10.0.0.1",
            "0.0.0.0:8081",
            "[::1",
            "[::2]",
            "127.1",
        ] {
            assert!(!guard.is_local(host), "{host:?}");
        }
    }

    #[test]
    fn the_address_it_is_bound_to_is_its_own() {
        assert!(guard("10.0.0.5:8081").is_local("10.0.0.5:8081"));
        assert!(!guard("10.0.0.5:8081").is_local("10.0.0.6:8081"));
        assert!(guard("0.0.0.0:8081").is_local("10.0.0.6:8081"), "bound to all of them");
        assert!(!guard("0.0.0.0:8081").is_local("evil.example:8081"));
    }
}
