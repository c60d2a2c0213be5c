//! The description for programs, OpenAPI 3.1. Tests hold it against the table of routes and against real answers.

mod schemas;

use serde_json::{Map, Value, json};

/// One operation, as far as operations differ.
struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: &'static [(&'static str, &'static str)],
    /// The schema of the body, and whether there must be one.
    body: Option<(&'static str, bool)>,
    /// Status and schema (or media type) of what is answered when all is well.
    answers: &'static [(&'static str, Answer)],
    /// Statuses of problems beyond those that every operation shares.
    problems: &'static [&'static str],
}

enum Answer {
    Schema(&'static str),
    Text(&'static str),
}

use Answer::{Schema, Text};

const fn get(path: &'static str, summary: &'static str, answers: &'static [(&'static str, Answer)]) -> Operation {
    Operation { method: "get", path, summary, query: &[], body: None, answers, problems: &["500"] }
}

const fn change(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    answers: &'static [(&'static str, Answer)],
) -> Operation {
    Operation { method, path, summary, query: &[], body: None, answers, problems: &["400", "415", "500"] }
}

impl Operation {
    const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    const fn body(mut self, schema: &'static str, required: bool) -> Self {
        self.body = Some((schema, required));
        self
    }

    const fn problems(mut self, problems: &'static [&'static str]) -> Self {
        self.problems = problems;
        self
    }
}

const OPERATIONS: &[Operation] = &[
    get("/", "The dashboard", &[("200", Text("text/html"))]),
    get("/healthz", "Whether the process answers at all", &[("200", Schema("Health"))]),
    get("/readyz", "Whether work is taken in, and what stands in the way if not", &[("200", Schema("Ready"))])
        .problems(&["500", "503"]),
    get("/metrics", "Everything counted, for Prometheus", &[("200", Text("text/plain"))]),
    get("/v1/status", "The node at one glance", &[("200", Schema("Status"))]),
    get("/v1/functions", "Function types and their counters", &[("200", Schema("Functions"))]),
    get("/v1/functions/{namespace}/{type}", "One function type", &[("200", Schema("Function"))])
        .problems(&["400", "404", "500"]),
    get(
        "/v1/functions/{namespace}/{type}/state",
        "Stored values of a function type, over all ids",
        &[("200", Schema("StateOfType"))],
    )
    .query(&[("limit", "How many values at most: 100 unless given, 10000 at most")])
    .problems(&["400", "404", "500"]),
    get("/v1/functions/{namespace}/{type}/{id}/state", "Stored values of one id", &[("200", Schema("State"))])
        .problems(&["400", "404", "500"]),
    change(
        "post",
        "/v1/functions/{namespace}/{type}/{id}",
        "Send a message; answered when it is durable, or with the reply",
        &[("200", Schema("Sent")), ("202", Schema("Sent"))],
    )
    .body("Message", true)
    .problems(&["400", "404", "413", "415", "429", "500", "503", "504"]),
    get("/v1/snapshots", "Snapshots and savepoints that exist", &[("200", Schema("Snapshots"))]),
    get("/v1/savepoints", "Savepoints that exist", &[("200", Schema("Savepoints"))]),
    change("post", "/v1/savepoints", "Take a savepoint", &[("200", Schema("Savepoint"))])
        .body("SavepointRequest", false)
        .problems(&["400", "409", "415", "422", "500", "501", "503"]),
    get("/v1/deployments", "Who serves which functions", &[("200", Schema("Deployments"))]),
    change(
        "post",
        "/v1/deployments",
        "Serve functions by a remote endpoint from now on",
        &[("201", Schema("Deployed"))],
    )
    .body("Deployment", true)
    .problems(&["400", "409", "415", "422", "500", "501"]),
    change("delete", "/v1/deployments", "Take a binding of functions away", &[("200", Schema("Undeployed"))])
        .query(&[("functions", "Which functions, unless the body says so")])
        .body("Undeploy", false)
        .problems(&["400", "404", "409", "415", "500", "501"]),
    get("/v1/topology", "What is connected to what", &[("200", Schema("Topology"))]),
    get("/v1/watermarks", "How far event time has come, and who holds it back", &[("200", Schema("Watermarks"))])
        .problems(&["500", "501"]),
    get("/v1/config", "The configuration in effect, secrets masked", &[("200", Schema("Config"))]),
    get("/v1/dead-letters", "What could not be delivered, oldest first", &[("200", Schema("DeadLetters"))])
        .query(&[
            ("after", "Only letters with higher numbers"),
            ("limit", "How many at most: 100 unless given, 1000 at most"),
        ])
        .problems(&["400", "500", "501"]),
    change("delete", "/v1/dead-letters/{seq}", "Forget a dead letter", &[("200", Schema("Forgotten"))])
        .problems(&["404", "415", "500", "501"]),
    change(
        "post",
        "/v1/dead-letters/{seq}/retry",
        "Send a dead letter again, mended or as it was",
        &[("200", Schema("Retried"))],
    )
    .body("Mended", false)
    .problems(&["400", "404", "409", "413", "415", "422", "429", "500", "501", "503", "504"]),
    get("/v1/requests/{request}", "What became of a request that was accepted", &[("200", Schema("Request"))])
        .problems(&["404", "500", "501"]),
    get("/v1/openapi.json", "This description", &[("200", Schema("Anything"))]),
];

/// The whole description.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "StateFun admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Requests must name a local Host; changes must be application/json; requests that a page of \
                            another origin makes are refused.",
        },
        "paths": paths,
        "components": {"schemas": schemas::all()},
    })
}

fn described(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": path_type(name)}}))
        .collect();
    for (name, description) in operation.query {
        let kind = if *name == "functions" { "string" } else { "integer" };
        parameters.push(json!({"name": name, "in": "query", "description": description, "schema": {"type": kind}}));
    }
    let mut responses = Map::new();
    for (status, answer) in operation.answers {
        let content = match answer {
            Schema(name) => json!({"application/json": {"schema": schemas::reference(name)}}),
            Text(media_type) => json!({*media_type: {"schema": {"type": "string"}}}),
        };
        responses.insert((*status).to_owned(), json!({"description": operation.summary, "content": content}));
    }
    let problem = json!({"application/problem+json": {"schema": schemas::reference("Problem")}});
    // A host or an origin that is not local is refused everywhere.
    for status in operation.problems.iter().chain(&["403"]) {
        responses.insert((*status).to_owned(), json!({"description": meaning(status), "content": problem}));
    }
    let mut described = json!({"summary": operation.summary, "parameters": parameters, "responses": responses});
    if let Some((schema, required)) = operation.body {
        let content = json!({"application/json": {"schema": schemas::reference(schema)}});
        described["requestBody"] = json!({"required": required, "content": content});
    }
    described
}

fn path_type(name: &str) -> &'static str {
    if name == "seq" { "integer" } else { "string" }
}

fn meaning(status: &str) -> &'static str {
    match status {
        "400" => "The request is not well formed",
        "403" => "The request does not come from where it may: host-not-local, cross-site",
        "404" => "There is no such thing",
        "409" => "The present state of the node does not allow it",
        "413" => "The body is too large",
        "415" => "The body is not declared as application/json",
        "422" => "The node does not accept what is asked",
        "429" => "More work waits than the limits allow; try again",
        "501" => "This process does not support it",
        "503" => "The node is not ready",
        "504" => "What became of the message is not known",
        _ => "It was tried and failed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let routes = ROUTES.iter().map(|(method, path, _)| (method.to_string(), (*path).to_owned())).collect();
        assert_eq!(described, routes);
        assert_eq!(OPERATIONS.len(), ROUTES.len(), "nothing is described twice");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let defined: BTreeSet<String> =
            document["components"]["schemas"].as_object().unwrap().keys().map(Clone::clone).collect();
        assert_eq!(used, defined);
    }

    fn references(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(target) if name == "$ref" => {
                            into.insert(target.trim_start_matches("#/components/schemas/").to_owned());
                        }
                        _ => references(value, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, into)),
            _ => {}
        }
    }
}
