//! The shapes of bodies and answers.

use serde_json::{Map, Value, json};

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object whose members are `name: kind`, those that end in `?` may be null or absent.
fn object(members: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in members {
        match name.strip_suffix('?') {
            Some(name) => properties.insert(name.to_owned(), schema.clone()),
            None => {
                required.push(*name);
                properties.insert((*name).to_owned(), schema.clone())
            }
        };
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn maybe_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn number() -> Value {
    json!({"type": "integer"})
}

fn maybe_number() -> Value {
    json!({"type": ["integer", "null"]})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}

fn anything(description: &str) -> Value {
    json!({"description": description})
}

fn value_members() -> Vec<(&'static str, Value)> {
    vec![
        ("typename", text()),
        ("value_base64", text()),
        ("value", anything("The value where its type is known: a built-in type, or JSON text; null otherwise")),
    ]
}

fn written_members() -> Vec<(&'static str, Value)> {
    vec![
        ("type?", text()),
        ("json?", anything("Any JSON; without `type` it is sent as the built-in type that it looks like")),
        ("text?", text()),
        ("base64?", text()),
    ]
}

fn with(mut members: Vec<(&'static str, Value)>, more: Vec<(&'static str, Value)>) -> Value {
    members.extend(more);
    object(&members)
}

pub(super) fn all() -> Value {
    let mut all = Map::new();
    let mut define = |name: &str, schema: Value| {
        all.insert(name.to_owned(), schema);
    };
    define("Anything", json!({"type": "object"}));
    define(
        "Problem",
        object(&[
            ("title", text()),
            ("status", number()),
            ("code", json!({"type": "string", "description": "A stable word for programs"})),
            ("detail", text()),
            ("reasons?", list(reference("Reason"))),
        ]),
    );
    define("Reason", object(&[("code", text()), ("detail", text())]));
    define("Health", object(&[("status", json!({"const": "ok"}))]));
    define("Ready", object(&[("status", json!({"const": "ready"})), ("reasons", list(reference("Reason")))]));
    define_node(&mut define);
    define_functions(&mut define);
    define_messages(&mut define);
    Value::Object(all)
}

fn define_node(define: &mut impl FnMut(&str, Value)) {
    define(
        "Status",
        object(&[
            ("version", text()),
            ("uptime_ms", number()),
            ("generation", number()),
            ("lineage", text()),
            ("epoch", number()),
            ("restored_epoch", number()),
            ("epochs_completed", number()),
            ("epochs_abandoned", number()),
            ("epochs_written", number()),
            ("epoch_bytes", number()),
            ("epoch_durations_us", list(number())),
            ("last_epoch_failure", maybe_text()),
            ("fatal", maybe_text()),
            ("addresses", number()),
            ("delayed", number()),
            ("waiting", number()),
            ("dead_letters", number()),
            ("ingresses", list(reference("ConnectorCounters"))),
            ("egresses", list(reference("ConnectorCounters"))),
        ]),
    );
    define(
        "ConnectorCounters",
        object(&[
            ("name", text()),
            ("records", number()),
            ("passed_on", number()),
            ("refused", number()),
            ("kept", number()),
            ("ended", truth()),
        ]),
    );
    define(
        "Snapshots",
        object(&[(
            "snapshots",
            list(object(&[
                ("epoch", number()),
                ("kind", json!({"enum": ["snapshot", "savepoint"]})),
                ("path", maybe_text()),
                ("bytes", maybe_number()),
                ("completed_at_ms", maybe_number()),
            ])),
        )]),
    );
    let savepoint = object(&[
        ("epoch", number()),
        ("kind", json!({"const": "savepoint"})),
        ("path", maybe_text()),
        ("bytes", maybe_number()),
        ("completed_at_ms", maybe_number()),
    ]);
    define("Savepoints", object(&[("savepoints", list(savepoint))]));
    define("SavepointRequest", object(&[("path?", text()), ("allow_unpublished?", truth())]));
    let unpublished = object(&[("egress", text()), ("records", number())]);
    define("Savepoint", object(&[("path", text()), ("epoch", number()), ("unpublished", list(unpublished))]));
    let connector = || vec![("id", text()), ("kind", text()), ("at", maybe_text())];
    define(
        "Topology",
        object(&[
            ("shards", number()),
            ("key_groups", number()),
            ("ingresses", list(with(connector(), vec![("targets", list(text()))]))),
            ("functions", list(object(&[("functions", text()), ("at", text())]))),
            ("egresses", list(object(&connector()))),
        ]),
    );
    let hold = object(&[("who", text()), ("event_time_ms", number()), ("since_ms", maybe_number())]);
    define(
        "Watermarks",
        object(&[(
            "watermarks",
            list(object(&[
                ("domain", text()),
                ("level", number()),
                ("watermark_ms", maybe_number()),
                ("held_by", list(hold)),
            ])),
        )]),
    );
    let setting = object(&[("key", text()), ("value", anything("Masked if it is a secret")), ("from", text())]);
    define("Config", object(&[("config", list(setting))]));
}

fn define_functions(define: &mut impl FnMut(&str, Value)) {
    let home = || json!({"enum": ["embedded", "remote", null]});
    define(
        "Function",
        object(&[
            ("function", text()),
            ("served", truth()),
            ("home", home()),
            ("url", maybe_text()),
            ("received", number()),
            ("invocations", number()),
            ("sent", number()),
            ("egress", number()),
            ("calls", number()),
            ("in_flight", number()),
            ("failures", number()),
            ("parked", number()),
            ("backlog", number()),
            ("backing_off", number()),
            ("latency_ms_total", number()),
            ("last_failure", maybe_text()),
        ]),
    );
    define("Functions", object(&[("functions", list(reference("Function")))]));
    let named = || with(value_members(), vec![("name", text())]);
    define("State", object(&[("values", list(named()))]));
    let identified = with(value_members(), vec![("name", text()), ("id", text())]);
    define("StateOfType", object(&[("values", list(identified)), ("has_more", truth())]));
    define("Deployment", object(&[("functions", text()), ("url", text()), ("maxNumBatchRequests?", number())]));
    define(
        "Deployed",
        object(&[
            ("functions", text()),
            ("home", home()),
            ("url", maybe_text()),
            ("maxNumBatchRequests", maybe_number()),
        ]),
    );
    define("Deployments", object(&[("deployments", list(reference("Deployed")))]));
    define("Undeploy", object(&[("functions?", text())]));
    define("Undeployed", object(&[("removed", text())]));
}

fn define_messages(define: &mut impl FnMut(&str, Value)) {
    let wait = json!({
        "type": ["string", "number", "boolean", "null"],
        "description": "How long to wait for the reply: \"10s\", \"500ms\", seconds, or true for a minute, the longest",
    });
    define("Value", object(&value_members()));
    define("Message", with(written_members(), vec![("wait?", wait)]));
    define("Sent", object(&[("durable", truth()), ("reply?", reference("Value")), ("request?", text())]));
    define("Mended", with(written_members(), vec![("target?", text())]));
    let letter = object(&[
        ("seq", number()),
        ("cause", text()),
        ("detail", text()),
        ("origin", text()),
        ("target", maybe_text()),
        ("caller", maybe_text()),
        ("typename?", text()),
        ("value_base64?", text()),
        ("value?", anything("The value where its type is known")),
        ("raw_base64?", json!({"type": "string", "description": "A record that never became a message"})),
    ]);
    define("DeadLetters", object(&[("dead_letters", list(letter)), ("total", number()), ("displaced", number())]));
    define("Forgotten", object(&[("removed", number())]));
    define("Retried", object(&[("retried", number())]));
    define(
        "Request",
        object(&[
            ("request", text()),
            ("state", json!({"enum": ["pending", "answered"]})),
            ("reply?", reference("Value")),
        ]),
    );
}
