//! Which requests there are: one table, from which requests are dispatched and by which the description is tested.

use actix_web::http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Dashboard,
    Health,
    Readiness,
    Metrics,
    Status,
    Functions,
    Function,
    StateOfId,
    StateOfType,
    Send,
    Snapshots,
    Savepoints,
    TakeSavepoint,
    Deployments,
    Deploy,
    Undeploy,
    Topology,
    Watermarks,
    Config,
    DeadLetters,
    ForgetDeadLetter,
    RetryDeadLetter,
    Request,
    OpenApi,
}

/// Method, path and what it means. A part in braces is a name; `{id}` may be empty, as ids may.
pub(crate) const ROUTES: &[(Method, &str, Endpoint)] = &[
    (Method::GET, "/", Endpoint::Dashboard),
    (Method::GET, "/healthz", Endpoint::Health),
    (Method::GET, "/readyz", Endpoint::Readiness),
    (Method::GET, "/metrics", Endpoint::Metrics),
    (Method::GET, "/v1/status", Endpoint::Status),
    (Method::GET, "/v1/functions", Endpoint::Functions),
    (Method::GET, "/v1/functions/{namespace}/{type}", Endpoint::Function),
    (Method::GET, "/v1/functions/{namespace}/{type}/state", Endpoint::StateOfType),
    (Method::POST, "/v1/functions/{namespace}/{type}/{id}", Endpoint::Send),
    (Method::GET, "/v1/functions/{namespace}/{type}/{id}/state", Endpoint::StateOfId),
    (Method::GET, "/v1/snapshots", Endpoint::Snapshots),
    (Method::GET, "/v1/savepoints", Endpoint::Savepoints),
    (Method::POST, "/v1/savepoints", Endpoint::TakeSavepoint),
    (Method::GET, "/v1/deployments", Endpoint::Deployments),
    (Method::POST, "/v1/deployments", Endpoint::Deploy),
    (Method::DELETE, "/v1/deployments", Endpoint::Undeploy),
    (Method::GET, "/v1/topology", Endpoint::Topology),
    (Method::GET, "/v1/watermarks", Endpoint::Watermarks),
    (Method::GET, "/v1/config", Endpoint::Config),
    (Method::GET, "/v1/dead-letters", Endpoint::DeadLetters),
    (Method::DELETE, "/v1/dead-letters/{seq}", Endpoint::ForgetDeadLetter),
    (Method::POST, "/v1/dead-letters/{seq}/retry", Endpoint::RetryDeadLetter),
    (Method::GET, "/v1/requests/{request}", Endpoint::Request),
    (Method::GET, "/v1/openapi.json", Endpoint::OpenApi),
];

/// A request that there is, with the names of its path in their order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) endpoint: Endpoint,
    pub(crate) names: Vec<String>,
}

/// Finds what a request means. Names are percent-decoded one by one, so that an encoded slash is part of its name.
pub(crate) fn find(method: &Method, path: &str) -> Result<Matched, Problem> {
    // A client that only wants headers asks for what it would GET.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let mut allowed = Vec::new();
    for (candidate, template, endpoint) in ROUTES {
        let Some(raw) = names(template, path) else { continue };
        if candidate != method {
            if !allowed.contains(&candidate.as_str()) {
                allowed.push(candidate.as_str());
            }
            continue;
        }
        let names = raw
            .into_iter()
            .map(|name| match percent_decode_str(name).decode_utf8() {
                Ok(name) => Ok(name.into_owned()),
                Err(_) => Err(Problem::bad("bad-path", "the path is not UTF-8")),
            })
            .collect::<Result<_, _>>()?;
        return Ok(Matched { endpoint: *endpoint, names });
    }
    if allowed.is_empty() {
        return Err(Problem::not_found("unknown-path", format!("there is nothing at {path}; see /v1/openapi.json")));
    }
    let allow = allowed.join(", ");
    let mut problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        format!("{path} does not know {method}; it knows {allow}"),
    );
    problem.allow = Some(allow);
    Err(problem)
}

fn names<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut names = Vec::new();
    let mut parts = path.split('/');
    for expected in template.split('/') {
        let part = parts.next()?;
        if !expected.starts_with('{') {
            if part != expected {
                return None;
            }
        } else if part.is_empty() && expected != "{id}" {
            return None;
        } else {
            names.push(part);
        }
    }
    parts.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(method: Method, path: &str) -> (Endpoint, Vec<String>) {
        let matched = find(&method, path).unwrap();
        (matched.endpoint, matched.names)
    }

    #[test]
    fn names_are_decoded_one_by_one() {
        let (endpoint, names) = matched(Method::GET, "/v1/functions/shop/cart/a%2Fb%20c/state");
        assert_eq!(endpoint, Endpoint::StateOfId);
        assert_eq!(names, ["shop", "cart", "a/b c"]);
    }

    #[test]
    fn an_id_may_be_empty_or_look_like_a_word_of_the_path() {
        assert_eq!(matched(Method::GET, "/v1/functions/shop/cart//state").1, ["shop", "cart", ""]);
        assert_eq!(matched(Method::GET, "/v1/functions/shop/cart/state/state").1, ["shop", "cart", "state"]);
        assert_eq!(matched(Method::POST, "/v1/functions/shop/cart/state").0, Endpoint::Send);
        assert_eq!(matched(Method::GET, "/v1/functions/shop/cart/state").0, Endpoint::StateOfType);
    }

    #[test]
    fn what_there_is_not_is_not_found() {
        for path in
            ["/v1", "/v1/", "/v2/functions", "/v1/functions/", "/v1/functions//cart", "/v1/functions/a/b/c/d", "//"]
        {
            assert_eq!(find(&Method::GET, path).unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(find(&Method::GET, "/v1/functions/a/%ff").unwrap_err().code, "bad-path");
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let problem = find(&Method::PUT, "/v1/deployments").unwrap_err();
        assert_eq!(problem.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(problem.allow.as_deref(), Some("GET, POST, DELETE"));
    }

    #[test]
    fn every_route_finds_itself() {
        for (method, template, endpoint) in ROUTES {
            let path = template.replace(['{', '}'], "");
            assert_eq!(matched(method.clone(), &path).0, *endpoint, "{method} {path}");
        }
    }
}
