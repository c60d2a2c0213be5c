use std::sync::Arc;

use actix_web::http::Method;

use super::fake::{Answered, Fake, ask_with, get};
use crate::routes::ROUTES;

const CHANGE: &str = "/v1/dead-letters/7/retry";

async fn ask(view: &Arc<Fake>, method: &Method, path: &str, headers: &[(&str, &str)]) -> Answered {
    ask_with(view.clone(), method.clone(), path, headers, "").await
}

#[actix_web::test]
async fn no_route_is_answered_to_a_foreign_host() {
    let view = Arc::new(Fake::default());
    for (method, template, _) in ROUTES {
        let path = template.replace(['{', '}'], "");
        for host in ["evil.example", "evil.example:8081", "localhost.evil.example", "192.168.0.7:8081"] {
            let headers = [("host", host), ("content-type", "application/json")];
            let answer = ask(&view, method, &path, &headers).await;
            assert_eq!(answer.problem(), (403, "host-not-local".to_owned()), "{method} {path} at {host}");
        }
        let nameless = ask(&view, method, &path, &[("content-type", "application/json")]).await;
        assert_eq!(nameless.problem(), (403, "host-not-local".to_owned()), "{method} {path}");
    }
    assert!(view.asked().is_empty());
}

#[actix_web::test]
async fn every_local_name_is_answered() {
    let view = Arc::new(Fake::default());
    for host in ["localhost", "localhost:8081", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081"] {
        assert_eq!(ask(&view, &Method::GET, "/healthz", &[("host", host)]).await.status, 200, "{host}");
    }
}

#[actix_web::test]
async fn two_hosts_are_none() {
    let view = Arc::new(Fake::default());
    let headers = [("host", "localhost"), ("host", "evil.example")];
    assert_eq!(ask(&view, &Method::GET, "/healthz", &headers).await.problem(), (400, "bad-header".to_owned()));
}

#[actix_web::test]
async fn an_absolute_target_does_not_get_around_the_host() {
    let view = Arc::new(Fake::default());
    let answer = ask(&view, &Method::GET, "http://evil.example/healthz", &[("host", "localhost")]).await;
    assert_eq!(answer.problem(), (403, "host-not-local".to_owned()));
}

#[actix_web::test]
async fn every_change_must_be_declared_as_json() {
    let view = Arc::new(Fake::default());
    for (method, template, _) in ROUTES.iter().filter(|(method, ..)| !method.is_safe()) {
        let path = template.replace(['{', '}'], "");
        for declared in
            ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
        {
            let headers = [("host", "localhost"), ("content-type", declared)];
            let answer = ask(&view, method, &path, &headers).await;
            assert_eq!(answer.problem(), (415, "content-type".to_owned()), "{method} {path} as {declared:?}");
        }
        let undeclared = ask(&view, method, &path, &[("host", "localhost")]).await;
        assert_eq!(undeclared.problem(), (415, "content-type".to_owned()), "{method} {path}");
    }
    assert!(view.asked().is_empty());

    let headers = [("host", "localhost"), ("content-type", "Application/JSON; charset=utf-8")];
    assert_eq!(ask(&view, &Method::POST, CHANGE, &headers).await.status, 200);
}

#[actix_web::test]
async fn pages_of_other_origins_are_refused() {
    let view = Arc::new(Fake::default());
    let json = ("content-type", "application/json");
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:3000",
        "http://localhost",
        "ftp://localhost:8081",
        "localhost:8081",
    ] {
        for (method, path) in [(Method::POST, CHANGE), (Method::GET, "/v1/config")] {
            let headers = [("host", "localhost:8081"), json, ("origin", origin)];
            let answer = ask(&view, &method, path, &headers).await;
            assert_eq!(answer.problem(), (403, "cross-site".to_owned()), "{method} by {origin}");
        }
    }
    let by_site = [("host", "localhost:8081"), json, ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&view, &Method::POST, CHANGE, &by_site).await.problem(), (403, "cross-site".to_owned()));
    assert!(view.asked().is_empty());

    let own =
        [("host", "localhost:8081"), json, ("origin", "http://localhost:8081"), ("sec-fetch-site", "same-origin")];
    assert_eq!(ask(&view, &Method::POST, CHANGE, &own).await.status, 200, "the dashboard itself");
    let link = [("host", "localhost:8081"), ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&view, &Method::GET, "/", &link).await.status, 200, "following a link changes nothing");
}

#[actix_web::test]
async fn no_page_is_given_permission_to_read() {
    let view = Arc::new(Fake::default());
    let answer = get(&view, "/v1/config").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("cache-control"), "no-store");
    let preflight = ask(&view, &Method::OPTIONS, "/v1/deployments", &[("host", "localhost")]).await;
    assert_eq!(preflight.problem(), (405, "method-not-allowed".to_owned()));
}

#[actix_web::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let view = Arc::new(Fake::default());
    for path in ["/v1", "/v1/", "/nothing", "/v1/functions/shop", "/v1/functions/shop/cart/ann/state/x", "/index.html"]
    {
        assert_eq!(get(&view, path).await.problem(), (404, "unknown-path".to_owned()), "{path}");
    }
    for (method, path, allowed) in [
        (Method::POST, "/v1/functions", "GET"),
        (Method::PUT, "/v1/deployments", "GET, POST, DELETE"),
        (Method::PUT, "/v1/savepoints", "GET, POST"),
        (Method::GET, "/v1/dead-letters/7", "DELETE"),
        (Method::DELETE, "/healthz", "GET"),
    ] {
        let answer = ask(&view, &method, path, &[("host", "localhost")]).await;
        assert_eq!(answer.problem(), (405, "method-not-allowed".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[actix_web::test]
async fn a_body_has_a_limit() {
    let view = Arc::new(Fake::default());
    let headers = [("host", "localhost"), ("content-type", "application/json")];
    let body = vec![b' '; (4 << 20) + 1];
    let answer = ask_with(view.clone(), Method::POST, "/v1/savepoints", &headers, body).await;
    assert_eq!(answer.problem(), (413, "body-too-large".to_owned()));
    assert!(view.asked().is_empty());
}

#[actix_web::test]
async fn a_body_that_is_no_json_is_refused() {
    let view = Arc::new(Fake::default());
    let headers = [("host", "localhost"), ("content-type", "application/json")];
    for (method, path) in
        [(Method::POST, "/v1/savepoints"), (Method::DELETE, "/v1/deployments"), (Method::POST, CHANGE)]
    {
        let answer = ask_with(view.clone(), method, path, &headers, "{").await;
        assert_eq!(answer.problem(), (400, "bad-body".to_owned()), "{path}");
    }
}
