use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use serde_json::json;
use statefun::{Address, FunctionType, TypedValue};

use super::fake::{Fake, ask_with, post, ready, text};
use crate::{
    AdminView, Answer, ConfigEntry, DeploymentView, FunctionView, Readiness, SendOutcome, SnapshotView, StateValue,
    StatusView, TopologyView, ViewError,
};

const ANN: &str = "/v1/functions/shop/cart/ann";

#[actix_web::test]
async fn a_message_is_answered_when_it_is_durable() {
    let view = Arc::new(Fake::default());
    let answer = post(&view, ANN, json!({"type": "shop/Order", "json": {"pen": 2}})).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"durable": true})));
    assert_eq!(view.asked(), [r#"send shop/cart/ann shop/Order b"{\"pen\":2}" None"#]);
}

#[actix_web::test]
async fn a_message_may_wait_for_its_reply() {
    let view = Arc::new(Fake::default());
    *view.outcome.lock().unwrap() = Some(Ok(SendOutcome::Reply(text("hello ann"))));
    let answer = post(&view, ANN, json!({"text": "hi", "wait": "10s"})).await;
    assert_eq!(answer.json()["reply"]["value"], "hello ann");
    assert_eq!(answer.json()["reply"]["typename"], "io.statefun.types/string");
    assert_eq!(view.asked(), [r#"send shop/cart/ann io.statefun.types/string b"\n\x02hi" Some(10s)"#]);
}

#[actix_web::test]
async fn without_a_reply_in_time_the_request_gets_a_name() {
    let view = Arc::new(Fake::default());
    *view.outcome.lock().unwrap() = Some(Ok(SendOutcome::Accepted { request: "r/1".into() }));
    let answer = post(&view, ANN, json!({"text": "hi", "wait": true})).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"durable": true, "request": "r/1"})));
    assert_eq!(answer.header("location"), "/v1/requests/r%2F1");
}

#[actix_web::test]
async fn what_goes_wrong_has_a_code_of_its_own() {
    let view = Arc::new(Fake::default());
    for (outcome, status, code) in [
        (Ok(SendOutcome::Unknown), 504, "outcome-unknown"),
        (Err(ViewError::NotFound("function shop/cart".into())), 404, "unknown-function"),
        (Err(ViewError::Overloaded("too much waits".into())), 429, "overloaded"),
        (Err(ViewError::Unavailable("stopping".into())), 503, "unavailable"),
        (Err(ViewError::Failed("broken".into())), 500, "failed"),
        (Err(ViewError::Invalid("no".into())), 422, "invalid"),
        (Err(ViewError::Conflict("not now".into())), 409, "conflict"),
    ] {
        *view.outcome.lock().unwrap() = Some(outcome);
        let answer = post(&view, ANN, json!({"text": "hi"})).await;
        assert_eq!(answer.problem(), (status, code.to_owned()));
        assert_eq!(answer.header("retry-after"), if status == 429 || status == 503 { "1" } else { "" });
    }
}

#[actix_web::test]
async fn a_message_that_makes_no_sense_is_not_sent() {
    let view = Arc::new(Fake::default());
    for (body, code) in [
        (json!({}), "bad-value"),
        (json!({"json": 1, "text": "1"}), "bad-value"),
        (json!({"json": 1.5, "type": "io.statefun.types/int"}), "bad-value"),
        (json!({"base64": "AA=="}), "bad-type"),
        (json!({"text": "hi", "type": ""}), "bad-type"),
        (json!({"text": "hi", "wait": "soon"}), "bad-wait"),
        (json!({"text": "hi", "to": "bob"}), "bad-body"),
        (json!(["hi"]), "bad-body"),
    ] {
        assert_eq!(post(&view, ANN, body.clone()).await.problem(), (400, code.to_owned()), "{body}");
    }
    assert!(view.asked().is_empty());
}

#[actix_web::test]
async fn null_is_a_value_too() {
    let view = Arc::new(Fake::default());
    assert_eq!(post(&view, ANN, json!({"type": "shop/Order", "json": null})).await.status, 200);
    assert_eq!(view.asked(), [r#"send shop/cart/ann shop/Order b"null" None"#]);
}

#[actix_web::test]
async fn ids_are_decoded_and_may_be_empty() {
    let view = Arc::new(Fake::default());
    post(&view, "/v1/functions/shop/cart/a%2Fb%20c", json!({"text": ""})).await;
    post(&view, "/v1/functions/shop/cart/", json!({"text": ""})).await;
    let targets: Vec<_> = view.asked().iter().map(|asked| asked.split(" io.").next().unwrap().to_owned()).collect();
    assert_eq!(targets, ["send shop/cart/a/b c", "send shop/cart/"]);
    let slashed = post(&view, "/v1/functions/sh%2Fop/cart/ann", json!({"text": ""})).await;
    assert_eq!(slashed.problem(), (400, "bad-path".to_owned()));
}

/// A node of which nothing but the required is known, and which never answers what takes time.
struct Silent;

impl AdminView for Silent {
    fn readiness(&self) -> Answer<'_, Readiness> {
        Box::pin(std::future::pending())
    }
    fn metrics(&self) -> Answer<'_, String> {
        ready(String::new())
    }
    fn status(&self) -> Answer<'_, StatusView> {
        ready(StatusView::default())
    }
    fn functions(&self) -> Answer<'_, Vec<FunctionView>> {
        ready(Vec::new())
    }
    fn state(&self, _: FunctionType, _: Option<String>, _: usize) -> Answer<'_, Vec<StateValue>> {
        ready(Vec::new())
    }
    fn send(&self, _: Address, _: TypedValue, _: Option<Duration>) -> Answer<'_, SendOutcome> {
        Box::pin(std::future::pending())
    }
    fn snapshots(&self) -> Answer<'_, Vec<SnapshotView>> {
        ready(Vec::new())
    }
    fn deployments(&self) -> Answer<'_, Vec<DeploymentView>> {
        ready(Vec::new())
    }
    fn topology(&self) -> Answer<'_, TopologyView> {
        ready(TopologyView::default())
    }
    fn config(&self) -> Answer<'_, Vec<ConfigEntry>> {
        ready(Vec::new())
    }
}

async fn ask_silent(method: Method, path: &str, body: &'static str) -> (u16, String) {
    let headers = [("host", "localhost"), ("content-type", "application/json")];
    ask_with(Arc::new(Silent), method, path, &headers, body).await.problem()
}

#[actix_web::test]
async fn what_a_process_does_not_support_it_says() {
    for (method, path, body) in [
        (Method::POST, "/v1/savepoints", ""),
        (Method::POST, "/v1/deployments", r#"{"functions":"a/b","url":"http://f"}"#),
        (Method::DELETE, "/v1/deployments?functions=a%2Fb", ""),
        (Method::GET, "/v1/watermarks", ""),
        (Method::GET, "/v1/dead-letters", ""),
        (Method::DELETE, "/v1/dead-letters/7", ""),
        (Method::POST, "/v1/dead-letters/7/retry", ""),
        (Method::GET, "/v1/requests/r-1", ""),
    ] {
        assert_eq!(ask_silent(method, path, body).await, (501, "not-supported".to_owned()), "{path}");
    }
}

// The clock of these two is stopped: it leaps to the next time limit as soon as nothing else is left to do.
#[actix_web::test]
async fn a_node_that_does_not_answer_is_not_ready() {
    tokio::time::pause();
    assert_eq!(ask_silent(Method::GET, "/readyz", "").await, (503, "not-ready".to_owned()));
}

#[actix_web::test]
async fn a_message_that_does_not_become_durable_in_time_has_an_unknown_outcome() {
    tokio::time::pause();
    assert_eq!(ask_silent(Method::POST, ANN, r#"{"text":"hi"}"#).await, (504, "outcome-unknown".to_owned()));
}
