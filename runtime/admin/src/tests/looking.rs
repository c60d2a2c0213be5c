use std::sync::Arc;

use serde_json::{Value, json};

use super::fake::{Fake, get};
use crate::{Reason, ViewError};

#[actix_web::test]
async fn a_process_that_answers_is_healthy() {
    let view = Arc::new(Fake::default());
    assert_eq!(get(&view, "/healthz").await.json(), json!({"status": "ok"}));
}

#[actix_web::test]
async fn a_node_that_takes_work_in_is_ready_and_another_says_why_not() {
    let view = Arc::new(Fake::default());
    assert_eq!(get(&view, "/readyz").await.json(), json!({"status": "ready", "reasons": []}));

    view.reasons.lock().unwrap().extend([
        Reason { code: "overloaded".into(), detail: "300000 messages wait".into() },
        Reason { code: "fatal".into(), detail: "the disk is full".into() },
    ]);
    let answer = get(&view, "/readyz").await;
    assert_eq!(answer.problem(), (503, "not-ready".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["detail"], "300000 messages wait; the disk is full");
    assert_eq!(answer.json()["reasons"][0], json!({"code": "overloaded", "detail": "300000 messages wait"}));
    assert_eq!(get(&view, "/healthz").await.status, 200, "it answers all the same");
}

#[actix_web::test]
async fn a_node_that_cannot_say_whether_it_is_ready_is_not() {
    let view = Arc::new(Fake::default());
    *view.broken.lock().unwrap() = Some(ViewError::Failed("a shard has died".into()));
    let answer = get(&view, "/readyz").await;
    assert_eq!(answer.problem(), (503, "not-ready".to_owned()));
    assert_eq!(answer.json()["reasons"], json!([{"code": "failed", "detail": "a shard has died"}]));
}

#[actix_web::test]
async fn metrics_are_prometheus_text() {
    let answer = get(&Arc::new(Fake::default()), "/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(&answer.body[..], b"statefun_epoch 9\n");
}

#[actix_web::test]
async fn the_status_tells_epochs_and_connectors() {
    let status = get(&Arc::new(Fake::default()), "/v1/status").await.json();
    assert_eq!((&status["epoch"], &status["epoch_durations_us"]), (&json!(9), &json!([1200])));
    assert_eq!(status["ingresses"][0]["records"], 5);
}

#[actix_web::test]
async fn functions_are_listed_and_told_one_by_one() {
    let view = Arc::new(Fake::default());
    let listed = get(&view, "/v1/functions").await.json()["functions"][0].clone();
    assert_eq!(listed, get(&view, "/v1/functions/shop/cart").await.json());
    assert_eq!((&listed["function"], &listed["received"]), (&json!("shop/cart"), &json!(3)));
    assert_eq!(listed["url"], "http://ann:***@carts:8000/", "without its password");
    assert_eq!(get(&view, "/v1/functions/shop/oven").await.problem(), (404, "unknown-function".to_owned()));
}

#[actix_web::test]
async fn the_state_of_an_id_is_its_values_decoded() {
    let view = Arc::new(Fake::default());
    let value = json!({"name": "items", "typename": "io.statefun.types/int", "value_base64": "DQIAAAA=", "value": 2});
    let state = get(&view, "/v1/functions/shop/cart/ann/state").await.json();
    assert_eq!(state, json!({"values": [value]}));
    assert_eq!(get(&view, "/v1/functions/shop/cart/nobody/state").await.json(), json!({"values": []}));
    assert_eq!(get(&view, "/v1/functions/shop/cart/a%2Fb%20c/state").await.json(), json!({"values": [value]}));
    assert_eq!(get(&view, "/v1/functions/shop/cart//state").await.json(), json!({"values": [value]}), "an empty id");
}

#[actix_web::test]
async fn the_state_of_a_type_is_listed_up_to_a_limit() {
    let view = Arc::new(Fake::default());
    let ids = |state: &Value| -> Vec<String> {
        state["values"].as_array().unwrap().iter().map(|value| value["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = get(&view, "/v1/functions/shop/cart/state").await.json();
    assert_eq!((ids(&all), &all["has_more"]), (vec!["ann".into(), "bob".into(), "a/b c".into()], &json!(false)));
    let some = get(&view, "/v1/functions/shop/cart/state?limit=2").await.json();
    assert_eq!((ids(&some), &some["has_more"]), (vec!["ann".into(), "bob".into()], &json!(true)));
    for bad in ["limit=0", "limit=x", "limit=-1", "limit=1&limit=2", "count=1", "limit=%ff"] {
        let answer = get(&view, &format!("/v1/functions/shop/cart/state?{bad}")).await;
        assert_eq!(answer.problem(), (400, "bad-query".to_owned()), "{bad}");
    }
}

#[actix_web::test]
async fn snapshots_watermarks_and_deployments_are_listed() {
    let view = Arc::new(Fake::default());
    let snapshot = get(&view, "/v1/snapshots").await.json()["snapshots"][0].clone();
    assert_eq!((&snapshot["epoch"], &snapshot["kind"]), (&json!(9), &json!("savepoint")));
    let watermark = get(&view, "/v1/watermarks").await.json()["watermarks"][0].clone();
    assert_eq!(watermark["watermark_ms"], 999);
    assert_eq!(watermark["held_by"][0], json!({"who": "shop/cart/ann", "event_time_ms": 1000, "since_ms": 5000}));
    let deployment = get(&view, "/v1/deployments").await.json()["deployments"][0].clone();
    assert_eq!((&deployment["functions"], &deployment["home"]), (&json!("shop/*"), &json!("remote")));
}

#[actix_web::test]
async fn no_answer_holds_a_secret() {
    let view = Arc::new(Fake::default());
    for path in ["/v1/functions", "/v1/functions/shop/cart", "/v1/deployments", "/v1/topology", "/v1/config"] {
        let answer = get(&view, path).await;
        assert_eq!(answer.status, 200);
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{path}");
    }
    let config = get(&view, "/v1/config").await.json();
    assert_eq!(config["config"][0], json!({"key": "node.shards", "value": 2, "from": "default"}));
    assert_eq!(config["config"][1]["value"], "***");
}

#[actix_web::test]
async fn dead_letters_are_listed_page_by_page() {
    let view = Arc::new(Fake::default());
    let all = get(&view, "/v1/dead-letters").await.json();
    assert_eq!((&all["total"], &all["displaced"]), (&json!(2), &json!(1)));
    let message = &all["dead_letters"][0];
    assert_eq!((&message["seq"], &message["cause"]), (&json!(7), &json!("poison")));
    assert_eq!((&message["target"], &message["value"]), (&json!("shop/cart/ann"), &json!({"pen": 2})));
    assert_eq!(all["dead_letters"][1]["raw_base64"], "Pw==", "it never became a message");

    let rest = get(&view, "/v1/dead-letters?after=7&limit=1").await.json();
    assert_eq!(rest["dead_letters"][0]["seq"], 8);
    assert_eq!(get(&view, "/v1/dead-letters?after=x").await.problem(), (400, "bad-query".to_owned()));
}

#[actix_web::test]
async fn a_request_is_pending_answered_or_not_known() {
    let view = Arc::new(Fake::default());
    assert_eq!(get(&view, "/v1/requests/r-1").await.json(), json!({"request": "r-1", "state": "pending"}));
    assert_eq!(get(&view, "/v1/requests/r-2").await.json()["reply"]["value"], "hello");
    assert_eq!(get(&view, "/v1/requests/r-3").await.problem(), (404, "unknown-request".to_owned()));
}

#[actix_web::test]
async fn the_dashboard_is_one_page_that_loads_nothing_from_elsewhere() {
    let answer = get(&Arc::new(Fake::default()), "/").await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!page.contains("src=") && !page.contains("href=") && !page.contains("@import"), "no assets");
    assert!(!page.contains("innerHTML"), "what comes from outside is never markup");
    for path in ["/readyz", "/v1/status", "/v1/functions", "/v1/dead-letters"] {
        assert!(page.contains(path), "it shows {path}");
    }
}
