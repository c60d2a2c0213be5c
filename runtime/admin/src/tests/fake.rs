//! A view that answers from memory and remembers what it was asked, and a client for it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::{App, test, web};
use serde_json::{Value, json};
use statefun::{Address, FunctionType, TypedValue, ValueType};
use statefun_protocol::types;

use crate::guard::Guard;
use crate::server::{Shared, configure};
use crate::*;

/// Knows one remote function `shop/cart`, one dead letter 7, one request `r-1`.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) reasons: Mutex<Vec<Reason>>,
    /// Why the node cannot even say whether it is ready.
    pub(super) broken: Mutex<Option<ViewError>>,
    pub(super) outcome: Mutex<Option<Result<SendOutcome, ViewError>>>,
    asked: Mutex<Vec<String>>,
}

impl Fake {
    /// What was asked of the node that could change anything, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn note<T: Send + 'static>(&self, asked: String, answer: T) -> Answer<'_, T> {
        self.asked.lock().unwrap().push(asked);
        ready(answer)
    }
}

pub(super) fn ready<'a, T: Send + 'a>(answer: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(answer)))
}

pub(super) fn text(value: &str) -> TypedValue {
    TypedValue::new(ValueType::named(types::STRING).unwrap(), types::encode_string(value))
}

fn deployed(functions: &str, url: &str) -> DeploymentView {
    DeploymentView {
        functions: functions.to_owned(),
        home: Home::Remote,
        url: Some(url.to_owned()),
        max_num_batch_requests: None,
    }
}

impl AdminView for Fake {
    fn readiness(&self) -> Answer<'_, Readiness> {
        let reasons = self.reasons.lock().unwrap().clone();
        let readiness = self.broken.lock().unwrap().clone().map_or(Ok(Readiness { reasons }), Err);
        Box::pin(std::future::ready(readiness))
    }

    fn metrics(&self) -> Answer<'_, String> {
        ready("statefun_epoch 9\n".to_owned())
    }

    fn status(&self) -> Answer<'_, StatusView> {
        let carts = ConnectorCounters { name: "shop/carts".into(), records: 5, ..ConnectorCounters::default() };
        ready(StatusView {
            epoch: 9,
            epoch_durations_us: vec![1200],
            ingresses: vec![carts.clone()],
            egresses: vec![carts],
            ..StatusView::default()
        })
    }

    fn functions(&self) -> Answer<'_, Vec<FunctionView>> {
        ready(vec![FunctionView {
            function: "shop/cart".into(),
            served: true,
            home: Some(Home::Remote),
            url: Some("http://ann:secret@carts:8000/".into()),
            received: 3,
            ..FunctionView::default()
        }])
    }

    fn state(&self, function: FunctionType, id: Option<String>, limit: usize) -> Answer<'_, Vec<StateValue>> {
        let ids = id.map_or_else(|| vec!["ann".to_owned(), "bob".to_owned(), "a/b c".to_owned()], |id| vec![id]);
        let values = ids.into_iter().filter(|id| function.as_str() == "shop/cart" && id != "nobody").take(limit);
        ready(
            values
                .map(|id| StateValue {
                    id,
                    name: "items".into(),
                    typename: types::INT.into(),
                    bytes: types::encode_int(2).to_vec(),
                })
                .collect(),
        )
    }

    fn send(&self, target: Address, value: TypedValue, wait: Option<Duration>) -> Answer<'_, SendOutcome> {
        let asked = format!("send {target} {} {:?} {wait:?}", value.value_type, value.bytes);
        self.asked.lock().unwrap().push(asked);
        let outcome = self.outcome.lock().unwrap().clone().unwrap_or(Ok(SendOutcome::Durable));
        Box::pin(std::future::ready(outcome))
    }

    fn snapshots(&self) -> Answer<'_, Vec<SnapshotView>> {
        ready(vec![SnapshotView {
            epoch: 9,
            kind: SnapshotKind::Savepoint,
            path: Some("savepoints/monday".into()),
            bytes: Some(4096),
            completed_at_ms: None,
        }])
    }

    fn root(&self) -> Option<&Path> {
        Some(Path::new("/data/app"))
    }

    fn savepoint(&self, order: SavepointOrder) -> Answer<'_, Savepoint> {
        let path = order.path.map_or_else(|| "savepoints/9".to_owned(), |path| path.to_string());
        self.note(format!("savepoint {path}"), Savepoint { path: path.clone(), epoch: 9, unpublished: Vec::new() })
    }

    fn deployments(&self) -> Answer<'_, Vec<DeploymentView>> {
        ready(vec![deployed("shop/*", "http://ann:secret@carts:8000/")])
    }

    fn deploy(&self, deployment: Deployment) -> Answer<'_, DeploymentView> {
        let view = deployed(&deployment.functions, &deployment.url);
        self.note(format!("deploy {deployment:?}"), view)
    }

    fn undeploy(&self, functions: String) -> Answer<'_, bool> {
        let is_known = functions == "shop/*";
        self.note(format!("undeploy {functions}"), is_known)
    }

    fn topology(&self) -> Answer<'_, TopologyView> {
        ready(TopologyView {
            shards: 2,
            key_groups: 128,
            ingresses: vec![IngressView {
                id: "shop/carts".into(),
                kind: "io.statefun.kafka.v1/ingress".into(),
                at: Some("kafka://ann:secret@broker".into()),
                targets: vec!["shop/cart".into()],
            }],
            functions: vec![RoutedFunctions { functions: "shop/*".into(), at: "http://a:secret@carts/".into() }],
            egresses: vec![EgressView {
                id: "shop/receipts".into(),
                kind: "x".into(),
                at: Some("http://hook?token=secret".into()),
            }],
        })
    }

    fn watermarks(&self) -> Answer<'_, Vec<WatermarkView>> {
        let hold = HoldView { who: "shop/cart/ann".into(), event_time_ms: 1000, since_ms: Some(5000) };
        let domain = "shop/carts".to_owned();
        ready(vec![WatermarkView { domain, level: 0, watermark_ms: Some(999), held_by: vec![hold] }])
    }

    fn config(&self) -> Answer<'_, Vec<ConfigEntry>> {
        let entry = |key: &str, value: Value| ConfigEntry { key: key.into(), value, from: "default".into() };
        ready(vec![entry("node.shards", json!(2)), entry("kafka.sasl.password", json!("secret"))])
    }

    fn dead_letters(&self, after: Option<u64>, limit: usize) -> Answer<'_, DeadLettersView> {
        let message = DeadLetterView {
            seq: 7,
            cause: "poison".into(),
            detail: "failed 5 times".into(),
            origin: "shop/carts carts/3@41".into(),
            target: Some("shop/cart/ann".into()),
            caller: None,
            typename: Some("shop/Order".into()),
            bytes: br#"{"pen":2}"#.to_vec(),
        };
        let raw =
            DeadLetterView { seq: 8, cause: "malformed".into(), bytes: b"?".to_vec(), ..DeadLetterView::default() };
        let letters = [message, raw].into_iter().filter(|letter| after.is_none_or(|after| letter.seq > after));
        ready(DeadLettersView { letters: letters.take(limit).collect(), total: 2, displaced: 1 })
    }

    fn forget_dead_letter(&self, seq: u64) -> Answer<'_, bool> {
        self.note(format!("forget {seq}"), seq == 7)
    }

    fn retry_dead_letter(&self, seq: u64, retry: Retry) -> Answer<'_, bool> {
        let Retry { target, value } = retry;
        let value = value.map(|value| format!("{} {:?}", value.value_type, value.bytes));
        self.note(format!("retry {seq} {target:?} {value:?}"), seq == 7)
    }

    fn request(&self, id: String) -> Answer<'_, Option<RequestView>> {
        ready(match id.as_str() {
            "r-1" => Some(RequestView::Pending),
            "r-2" => Some(RequestView::Answered(text("hello"))),
            _ => None,
        })
    }
}

/// What came back.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: actix_web::http::header::HeaderMap,
    pub(super) body: web::Bytes,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Status and stable code of a problem, which is shaped as one.
    pub(super) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        (self.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }
}

/// A request as it arrives at a listener on 127.0.0.1:8081.
pub(super) async fn ask_with(
    view: Arc<dyn AdminView>,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<web::Bytes>,
) -> Answered {
    let shared = web::Data::new(Shared { view, guard: Guard::new("127.0.0.1:8081".parse().unwrap(), []) });
    let app = test::init_service(App::new().configure(|config| configure(config, shared))).await;
    let mut request = test::TestRequest::with_uri(path).method(method).set_payload(body);
    for header in headers {
        request = request.append_header(*header);
    }
    let response = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.ok().unwrap();
    Answered { status, headers, body }
}

pub(super) async fn get(view: &Arc<Fake>, path: &str) -> Answered {
    ask_with(view.clone(), Method::GET, path, &[("host", "localhost:8081")], "").await
}

pub(super) async fn change(view: &Arc<Fake>, method: Method, path: &str, body: Value) -> Answered {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers = [("host", "127.0.0.1:8081"), ("content-type", "application/json")];
    ask_with(view.clone(), method, path, &headers, body).await
}

pub(super) async fn post(view: &Arc<Fake>, path: &str, body: Value) -> Answered {
    change(view, Method::POST, path, body).await
}
