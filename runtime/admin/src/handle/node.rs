//! The node: health, epochs, snapshots, time, configuration.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::rt::time::timeout;
use serde::Deserialize;
use serde_json::json;

use super::{Handled, json as answer, parse};
use crate::mask;
use crate::problem::Problem;
use crate::root::RootedPath;
use crate::value::rendered;
use crate::view::{AdminView, Reason, RequestView, SavepointOrder, SnapshotKind};

/// How long the node may think about whether it is ready: less than probes usually wait.
const READINESS_MAX: Duration = Duration::from_secs(5);

/// Whoever asks wants yes or no in time, so a node that cannot say is not ready.
pub(super) async fn readiness(view: &dyn AdminView) -> Handled {
    let reasons = match timeout(READINESS_MAX, view.readiness()).await {
        Ok(Ok(readiness)) => readiness.reasons,
        Ok(Err(error)) => vec![Reason { code: "failed".to_owned(), detail: error.to_string() }],
        Err(_) => vec![Reason { code: "unresponsive".to_owned(), detail: "the node does not answer".to_owned() }],
    };
    if reasons.is_empty() {
        return Ok(answer(&json!({"status": "ready", "reasons": []})));
    }
    let detail = reasons.iter().map(|reason| reason.detail.as_str()).collect::<Vec<_>>().join("; ");
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail).with("reasons", json!(reasons)))
}

pub(super) async fn metrics(view: &dyn AdminView) -> Handled {
    let text = view.metrics().await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text))
}

pub(super) async fn status(view: &dyn AdminView) -> Handled {
    Ok(answer(&view.status().await?))
}

pub(super) async fn snapshots(view: &dyn AdminView) -> Handled {
    Ok(answer(&json!({"snapshots": view.snapshots().await?})))
}

pub(super) async fn savepoints(view: &dyn AdminView) -> Handled {
    let mut savepoints = view.snapshots().await?;
    savepoints.retain(|snapshot| snapshot.kind == SnapshotKind::Savepoint);
    Ok(answer(&json!({"savepoints": savepoints})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavepointRequest {
    path: Option<String>,
    #[serde(default)]
    allow_unpublished: bool,
}

pub(super) async fn savepoint(view: &dyn AdminView, body: &[u8]) -> Handled {
    let SavepointRequest { path, allow_unpublished } = parse(body)?;
    let rooted = |path: String| RootedPath::parse(&path, view.root());
    let path = path.map(rooted).transpose().map_err(|error| Problem::bad("bad-savepoint-path", error.to_string()))?;
    Ok(answer(&view.savepoint(SavepointOrder { path, allow_unpublished }).await?))
}

pub(super) async fn topology(view: &dyn AdminView) -> Handled {
    let mut topology = view.topology().await?;
    for ingress in &mut topology.ingresses {
        ingress.at = ingress.at.as_deref().map(mask::url);
    }
    for functions in &mut topology.functions {
        functions.at = mask::url(&functions.at);
    }
    for egress in &mut topology.egresses {
        egress.at = egress.at.as_deref().map(mask::url);
    }
    Ok(answer(&topology))
}

pub(super) async fn watermarks(view: &dyn AdminView) -> Handled {
    Ok(answer(&json!({"watermarks": view.watermarks().await?})))
}

pub(super) async fn config(view: &dyn AdminView) -> Handled {
    let mut config = view.config().await?;
    for entry in &mut config {
        entry.value = mask::setting(&entry.key, entry.value.take());
    }
    Ok(answer(&json!({"config": config})))
}

pub(super) async fn request(view: &dyn AdminView, names: &[String]) -> Handled {
    let id = names.first().cloned().unwrap_or_default();
    match view.request(id.clone()).await? {
        Some(RequestView::Pending) => Ok(answer(&json!({"request": id, "state": "pending"}))),
        Some(RequestView::Answered(reply)) => {
            let reply = rendered(reply.value_type.as_str(), &reply.bytes);
            Ok(answer(&json!({"request": id, "state": "answered", "reply": reply})))
        }
        None => Err(Problem::not_found("unknown-request", format!("nothing is known of a request {id:?}"))),
    }
}
