//! What each endpoint does: ask the view, and say it in JSON.

mod dead_letters;
mod deployments;
mod functions;
mod node;
mod query;
mod send;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::openapi;
use crate::problem::Problem;
use crate::routes::{Endpoint, Matched};
use crate::view::AdminView;

const DASHBOARD: &str = include_str!("../../dashboard/index.html");

/// The page runs its own script and style, talks to this API, and does nothing else.
const DASHBOARD_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                                connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Handled = Result<HttpResponse, Problem>;

pub(crate) async fn handle(view: &dyn AdminView, matched: Matched, query: &str, body: &[u8]) -> Handled {
    let names = matched.names;
    match matched.endpoint {
        Endpoint::Dashboard => Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, DASHBOARD_POLICY))
            .body(DASHBOARD)),
        Endpoint::OpenApi => Ok(json(&openapi::document())),
        Endpoint::Health => Ok(json(&serde_json::json!({"status": "ok"}))),
        Endpoint::Readiness => node::readiness(view).await,
        Endpoint::Metrics => node::metrics(view).await,
        Endpoint::Status => node::status(view).await,
        Endpoint::Functions => functions::list(view).await,
        Endpoint::Function => functions::one(view, &names).await,
        Endpoint::StateOfId => functions::state_of_id(view, &names).await,
        Endpoint::StateOfType => functions::state_of_type(view, &names, query).await,
        Endpoint::Send => send::send(view, &names, body).await,
        Endpoint::Snapshots => node::snapshots(view).await,
        Endpoint::Savepoints => node::savepoints(view).await,
        Endpoint::TakeSavepoint => node::savepoint(view, body).await,
        Endpoint::Deployments => deployments::list(view).await,
        Endpoint::Deploy => deployments::deploy(view, body).await,
        Endpoint::Undeploy => deployments::undeploy(view, query, body).await,
        Endpoint::Topology => node::topology(view).await,
        Endpoint::Watermarks => node::watermarks(view).await,
        Endpoint::Config => node::config(view).await,
        Endpoint::DeadLetters => dead_letters::list(view, query).await,
        Endpoint::ForgetDeadLetter => dead_letters::forget(view, &names).await,
        Endpoint::RetryDeadLetter => dead_letters::retry(view, &names, body).await,
        Endpoint::Request => node::request(view, &names).await,
    }
}

/// A value as a 200 response.
fn json(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

/// A body as what it should be; no body at all is the empty object.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad("bad-body", format!("the body is not as expected: {error}")))
}
