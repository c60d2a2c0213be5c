//! Commands that ask a running application over its admin API.

use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::Failure;
use crate::args::{FunctionsCommand, Output, SendArguments, StateCommand, Target};

pub(crate) fn send(arguments: &SendArguments) -> Result<(), Failure> {
    let address = statefun::Address::parse(&arguments.address).map_err(Failure::usage)?;
    let message: Value = serde_json::from_str(&arguments.json)
        .map_err(|error| Failure::usage(format!("the message is no JSON: {error}")))?;
    let mut body = json!({});
    match (&arguments.value_type, message) {
        (None, Value::String(text)) => body["text"] = Value::String(text),
        (None, message) => body["json"] = message,
        (Some(typename), message) => {
            body["type"] = json!(typename);
            body["json"] = message;
        }
    }
    let mut patience = Duration::from_secs(35);
    if let Some(wait) = &arguments.wait {
        let wait =
            humantime::parse_duration(wait).map_err(|error| Failure::usage(format!("--wait {wait}: {error}")))?;
        body["wait"] = json!(format!("{}ms", wait.as_millis()));
        patience += wait;
    }
    let id = percent_encoding::utf8_percent_encode(&address.id, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("/v1/functions/{}/{id}", address.function);
    let answer = ask(&arguments.target, "POST", &path, Some(body), patience)?;
    match (arguments.target.output, answer) {
        // A reply of a type that nobody here can read is shown as it is sent.
        (Output::Table, answer) if !answer["reply"]["value"].is_null() => println!("{}", answer["reply"]["value"]),
        (Output::Table, answer) if answer.get("reply").is_some() => println!("{}", answer["reply"]),
        (Output::Table, answer) if answer.get("request").is_some() => println!("durable, and no reply yet"),
        (Output::Table, answer) if answer.get("durable").is_some() => println!("durable"),
        (_, answer) => println!("{answer}"),
    }
    Ok(())
}

pub(crate) fn state(command: &StateCommand) -> Result<(), Failure> {
    let (target, path) = match command {
        StateCommand::Get { address, target } => {
            let address = statefun::Address::parse(address).map_err(Failure::usage)?;
            let id = percent_encoding::utf8_percent_encode(&address.id, percent_encoding::NON_ALPHANUMERIC);
            (target, format!("/v1/functions/{}/{id}/state", address.function))
        }
        StateCommand::List { function, limit, target } => {
            let function = statefun::FunctionType::parse(function).map_err(Failure::usage)?;
            (target, format!("/v1/functions/{function}/state?limit={limit}"))
        }
    };
    let answer = get(target, &path)?;
    let columns: &[&str] = match command {
        StateCommand::Get { .. } => &["name", "typename", "value"],
        StateCommand::List { .. } => &["id", "name", "typename", "value"],
    };
    print(target, &answer, "values", columns);
    Ok(())
}

pub(crate) fn functions(command: &FunctionsCommand) -> Result<(), Failure> {
    let FunctionsCommand::List { target } = command;
    let answer = get(target, "/v1/functions")?;
    print(
        target,
        &answer,
        "functions",
        &[
            "function",
            "served",
            "received",
            "invocations",
            "backlog",
            "in_flight",
            "failures",
            "backing_off",
            "last_failure",
        ],
    );
    Ok(())
}

pub(crate) fn get(target: &Target, path: &str) -> Result<Value, Failure> {
    ask(target, "GET", path, None, Duration::from_secs(30))
}

/// Asks the admin API; a problem becomes its detail.
pub(crate) fn ask(
    target: &Target,
    method: &str,
    path: &str,
    body: Option<Value>,
    patience: Duration,
) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::running)?;
    runtime.block_on(async {
        let url = format!("http://{}{path}", target.admin);
        let client = reqwest::Client::builder().no_proxy().timeout(patience).build().map_err(Failure::running)?;
        let method: reqwest::Method = method.parse().map_err(Failure::running)?;
        let mut request = client.request(method, &url);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() {
                Failure::running(format!("nobody answers at {}: is `statefun run` running there?", target.admin))
            } else {
                Failure::running(format!("{url}: {error}"))
            }
        })?;
        let status = answer.status();
        let text = answer.text().await.map_err(Failure::running)?;
        let value: Value =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        if status.is_success() {
            return Ok(value);
        }
        let detail = value.get("detail").and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned);
        Err(Failure::running(format!("{status}: {detail}")))
    })
}

/// Prints the list `key` of an answer.
pub(crate) fn print(target: &Target, answer: &Value, key: &str, columns: &[&str]) {
    if target.output == Output::Json {
        println!("{answer}");
        return;
    }
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    for row in answer.get(key).and_then(Value::as_array).into_iter().flatten() {
        table.add_row(columns.iter().map(|column| match row.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }));
    }
    println!("{table}");
}
