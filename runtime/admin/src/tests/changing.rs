use std::sync::Arc;

use actix_web::http::Method;
use serde_json::{Value, json};

use super::fake::{Fake, change, post};

#[actix_web::test]
async fn a_savepoint_is_taken_below_the_root_only() {
    let view = Arc::new(Fake::default());
    let own = post(&view, "/v1/savepoints", Value::Null).await.json();
    assert_eq!(own, json!({"path": "savepoints/9", "epoch": 9, "unpublished": []}));
    let named = post(&view, "/v1/savepoints", json!({"path": "/data/app/savepoints/monday"})).await.json();
    assert_eq!(named["path"], "savepoints/monday");

    for bad in ["../x", "/etc/passwd", "a/../../x", "", "a\nb", "/data/app/../x"] {
        let answer = post(&view, "/v1/savepoints", json!({"path": bad})).await;
        assert_eq!(answer.problem(), (400, "bad-savepoint-path".to_owned()), "{bad:?}");
    }
    assert_eq!(view.asked(), ["savepoint savepoints/9", "savepoint savepoints/monday"]);
}

#[actix_web::test]
async fn endpoints_come_while_the_node_runs() {
    let view = Arc::new(Fake::default());
    let body = json!({"functions": "shop/*", "url": "http://ann:secret@carts:8000/", "maxNumBatchRequests": 50});
    let answer = post(&view, "/v1/deployments", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["url"], "http://ann:***@carts:8000/");
    let asked = "deploy Deployment { functions: \"shop/*\", url: \"http://ann:secret@carts:8000/\", \
                 max_num_batch_requests: Some(50) }";
    assert_eq!(view.asked(), [asked]);
}

#[actix_web::test]
async fn an_endpoint_that_could_never_be_called_is_not_taken() {
    let view = Arc::new(Fake::default());
    for (functions, url, code) in [
        ("shop", "http://f", "bad-functions"),
        ("*", "http://f", "bad-functions"),
        ("shop/c*", "http://f", "bad-functions"),
        ("shop/cart", "f:8000", "bad-url"),
        ("shop/cart", "file:///etc/passwd", "bad-url"),
        ("shop/cart", "http://f/\r\nx: y", "bad-url"),
        ("shop/cart", "http://f/\u{7f}", "bad-url"),
    ] {
        let answer = post(&view, "/v1/deployments", json!({"functions": functions, "url": url})).await;
        assert_eq!(answer.problem(), (400, code.to_owned()), "{functions} {url:?}");
    }
    for bad in [
        json!({"functions": "a/b"}),
        json!({"functions": "a/b", "url": "http://f", "maxNumBatchRequests": 0}),
        json!({"functions": "a/b", "url": "http://f", "max": 1}),
    ] {
        assert_eq!(post(&view, "/v1/deployments", bad).await.problem(), (400, "bad-body".to_owned()));
    }
    assert!(view.asked().is_empty());
}

#[actix_web::test]
async fn endpoints_go_while_the_node_runs() {
    let view = Arc::new(Fake::default());
    let delete = |path: &'static str, body: Value| change(&view, Method::DELETE, path, body);
    assert_eq!(delete("/v1/deployments", json!({"functions": "shop/*"})).await.json(), json!({"removed": "shop/*"}));
    assert_eq!(delete("/v1/deployments?functions=shop%2F*", Value::Null).await.status, 200);
    let unknown = delete("/v1/deployments?functions=shop/oven", Value::Null).await;
    assert_eq!(unknown.problem(), (404, "unknown-deployment".to_owned()));
    assert_eq!(delete("/v1/deployments", Value::Null).await.problem(), (400, "bad-functions".to_owned()));
    let twice = delete("/v1/deployments?functions=a/b", json!({"functions": "a/b"})).await;
    assert_eq!(twice.problem(), (400, "bad-functions".to_owned()));
    assert_eq!(view.asked(), ["undeploy shop/*", "undeploy shop/*", "undeploy shop/oven"]);
}

#[actix_web::test]
async fn a_dead_letter_is_let_go() {
    let view = Arc::new(Fake::default());
    let delete = |path: &'static str| change(&view, Method::DELETE, path, Value::Null);
    assert_eq!(delete("/v1/dead-letters/7").await.json(), json!({"removed": 7}));
    assert_eq!(delete("/v1/dead-letters/6").await.problem(), (404, "unknown-dead-letter".to_owned()));
    assert_eq!(delete("/v1/dead-letters/last").await.problem(), (404, "unknown-dead-letter".to_owned()));
    assert_eq!(view.asked(), ["forget 7", "forget 6"]);
}

#[actix_web::test]
async fn a_dead_letter_is_sent_again_as_it_was_or_mended() {
    let view = Arc::new(Fake::default());
    assert_eq!(post(&view, "/v1/dead-letters/7/retry", Value::Null).await.json(), json!({"retried": 7}));
    let mended = json!({"target": "shop/cart/bob", "type": "shop/Order", "json": {"pen": 1}});
    assert_eq!(post(&view, "/v1/dead-letters/7/retry", mended).await.status, 200);
    let unknown = post(&view, "/v1/dead-letters/6/retry", json!({})).await;
    assert_eq!(unknown.problem(), (404, "unknown-dead-letter".to_owned()));
    for (bad, code) in [
        (json!({"target": "bob"}), "bad-target"),
        (json!({"type": "shop/Order"}), "bad-value"),
        (json!({"wait": "1s"}), "bad-body"),
    ] {
        assert_eq!(post(&view, "/v1/dead-letters/7/retry", bad).await.problem(), (400, code.to_owned()));
    }
    assert_eq!(
        view.asked(),
        [
            "retry 7 None None",
            r#"retry 7 Some(shop/cart/bob) Some("shop/Order b\"{\\\"pen\\\":1}\"")"#,
            "retry 6 None None",
        ]
    );
}
