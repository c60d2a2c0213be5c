use std::sync::Arc;

use actix_web::http::Method;
use serde_json::{Value, json};

use super::fake::{Answered, Fake, change, get};
use crate::routes::{Endpoint, ROUTES};

/// A request for each route that succeeds against the fake.
fn example(endpoint: Endpoint) -> (&'static str, Value) {
    match endpoint {
        Endpoint::Dashboard => ("/", Value::Null),
        Endpoint::Health => ("/healthz", Value::Null),
        Endpoint::Readiness => ("/readyz", Value::Null),
        Endpoint::Metrics => ("/metrics", Value::Null),
        Endpoint::Status => ("/v1/status", Value::Null),
        Endpoint::Functions => ("/v1/functions", Value::Null),
        Endpoint::Function => ("/v1/functions/shop/cart", Value::Null),
        Endpoint::StateOfId => ("/v1/functions/shop/cart/ann/state", Value::Null),
        Endpoint::StateOfType => ("/v1/functions/shop/cart/state?limit=1", Value::Null),
        Endpoint::Send => ("/v1/functions/shop/cart/ann", json!({"type": "a/b", "json": 1, "wait": "1s"})),
        Endpoint::Snapshots => ("/v1/snapshots", Value::Null),
        Endpoint::Savepoints => ("/v1/savepoints", Value::Null),
        Endpoint::TakeSavepoint => ("/v1/savepoints", json!({"path": "monday", "allow_unpublished": true})),
        Endpoint::Deployments => ("/v1/deployments", Value::Null),
        Endpoint::Deploy => {
            ("/v1/deployments", json!({"functions": "a/b", "url": "http://f", "maxNumBatchRequests": 1}))
        }
        Endpoint::Undeploy => ("/v1/deployments", json!({"functions": "shop/*"})),
        Endpoint::Topology => ("/v1/topology", Value::Null),
        Endpoint::Watermarks => ("/v1/watermarks", Value::Null),
        Endpoint::Config => ("/v1/config", Value::Null),
        Endpoint::DeadLetters => ("/v1/dead-letters", Value::Null),
        Endpoint::ForgetDeadLetter => ("/v1/dead-letters/7", Value::Null),
        Endpoint::RetryDeadLetter => ("/v1/dead-letters/7/retry", json!({"target": "shop/cart/bob", "text": "hi"})),
        Endpoint::Request => ("/v1/requests/r-2", Value::Null),
        Endpoint::OpenApi => ("/v1/openapi.json", Value::Null),
    }
}

#[actix_web::test]
async fn every_route_answers_as_its_description_says() {
    let view = Arc::new(Fake::default());
    let document = get(&view, "/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    for (method, template, endpoint) in ROUTES {
        let name = format!("{method} {template}");
        let operation = &document["paths"][template][method.as_str().to_lowercase()];
        let (path, body) = example(*endpoint);
        if !body.is_null() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(differences(&document, schema, &body), Vec::<String>::new(), "the body of {name}");
        }
        let answer = change(&view, method.clone(), path, body).await;
        check(&document, operation, &answer, &name);
    }
}

#[actix_web::test]
async fn every_route_refuses_as_its_description_says() {
    let view = Arc::new(Fake::default());
    let document = get(&view, "/v1/openapi.json").await.json();
    let headers = [("host", "evil.example")];
    for (method, template, endpoint) in ROUTES {
        let operation = &document["paths"][template][method.as_str().to_lowercase()];
        let (path, _) = example(*endpoint);
        let foreign = super::fake::ask_with(view.clone(), method.clone(), path, &headers, "").await;
        check(&document, operation, &foreign, &format!("{method} {template}"));
        if *method != Method::GET {
            let undeclared =
                super::fake::ask_with(view.clone(), method.clone(), path, &[("host", "localhost")], "").await;
            check(&document, operation, &undeclared, &format!("{method} {template}"));
        }
    }
}

#[test]
fn every_route_is_explained_to_people() {
    let explained = include_str!("../../../../docs/admin-api.md");
    for (method, template, _) in ROUTES {
        assert!(explained.contains(&format!("`{method} {template}")), "{method} {template}");
    }
}

fn check(document: &Value, operation: &Value, answer: &Answered, name: &str) {
    let status = answer.status.as_str();
    let content = operation["responses"][status]["content"].as_object();
    let content = content.unwrap_or_else(|| panic!("{name} answers {status}, which is not described"));
    let media_type = answer.header("content-type").split(';').next().unwrap();
    let schema = content.get(media_type).unwrap_or_else(|| panic!("{name}: {media_type} is not described"));
    if media_type.ends_with("json") {
        let differences = differences(document, &schema["schema"], &answer.json());
        assert_eq!(differences, Vec::<String>::new(), "{name}: {}", answer.json());
    }
}

/// Where a value differs from its schema: as much of JSON Schema as the description uses.
fn differences(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).expect("references lead somewhere");
        return differences(document, schema, value);
    }
    let mut found = Vec::new();
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_a(name, value)) {
        found.push(format!("{value} is no {types:?}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{value} is none of {allowed:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        found.push(format!("{value} is not {}", schema["const"]));
    }
    if let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, member) in members {
            match properties.get(name) {
                Some(schema) => found.extend(differences(document, schema, member)),
                None => found.push(format!("{name} is not described")),
            }
        }
        let required = schema["required"].as_array().expect("objects say what they require");
        let missing = required.iter().filter(|name| !members.contains_key(name.as_str().unwrap()));
        found.extend(missing.map(|name| format!("{name} is missing")));
    }
    if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
        found.extend(items.iter().flat_map(|item| differences(document, schema, item)));
    }
    found
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the description uses a type {other}"),
    }
}
