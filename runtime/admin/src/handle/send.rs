//! Sending a message by hand.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use statefun::Address;

use super::{Handled, functions, json as answer, parse};
use crate::problem::Problem;
use crate::value::{Written, present, rendered};
use crate::view::{AdminView, SendOutcome, ViewError};

/// The longest wait for a reply that is granted.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long a message may take to become durable.
pub(super) const DURABLE_MAX: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    r#type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    json: Option<Box<RawValue>>,
    text: Option<String>,
    base64: Option<String>,
    wait: Option<Value>,
}

pub(super) async fn send(view: &dyn AdminView, names: &[String], body: &[u8]) -> Handled {
    let function = functions::function(names)?;
    let target = Address::new(function, names.get(2).cloned().unwrap_or_default());
    let Message { r#type, json, text, base64, wait } = parse(body)?;
    let value = Written { r#type, json, text, base64 }.value()?;
    let wait = wait.as_ref().map(asked_wait).transpose()?.flatten();
    // A view that keeps its word about `wait` is not cut short: it knows better what became of the message.
    let patience = wait.map_or(DURABLE_MAX, |wait| wait + DURABLE_MAX);
    let outcome = actix_web::rt::time::timeout(patience, view.send(target, value, wait)).await;
    let outcome = outcome.unwrap_or(Ok(SendOutcome::Unknown)).map_err(|error| match error {
        // The same code as at the HTTP door.
        ViewError::NotFound(_) => Problem::not_found("unknown-function", error.to_string()),
        other => other.into(),
    })?;
    match outcome {
        SendOutcome::Durable => Ok(answer(&json!({"durable": true}))),
        SendOutcome::Reply(reply) => {
            Ok(answer(&json!({"durable": true, "reply": rendered(reply.value_type.as_str(), &reply.bytes)})))
        }
        SendOutcome::Accepted { request } => {
            let mut response = HttpResponse::Accepted();
            let encoded = percent_encoding::utf8_percent_encode(&request, percent_encoding::NON_ALPHANUMERIC);
            response.insert_header((LOCATION, format!("/v1/requests/{encoded}")));
            Ok(response.json(json!({"durable": true, "request": request})))
        }
        SendOutcome::Unknown => Err(outcome_unknown()),
    }
}

/// Neither a reply nor durability in time.
pub(super) fn outcome_unknown() -> Problem {
    let detail = "neither a reply nor durability in time; the message may still be handled";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", detail)
}

/// `"10s"`, `"500ms"`, `10` (seconds), `true` (the longest); `false` does not wait.
fn asked_wait(wait: &Value) -> Result<Option<Duration>, Problem> {
    let bad = || Problem::bad("bad-wait", format!("{wait} is no time to wait: write \"10s\", \"500ms\" or true"));
    let seconds = match wait {
        Value::Null | Value::Bool(false) => return Ok(None),
        Value::Bool(true) => return Ok(Some(WAIT_MAX)),
        Value::Number(number) => number.as_f64().ok_or_else(bad)?,
        Value::String(text) => {
            let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let (number, unit) = text.split_at(unit_at);
            let number: f64 = number.parse().map_err(|_| bad())?;
            match unit {
                "ms" => number / 1000.0,
                "s" | "" => number,
                "m" | "min" => number * 60.0,
                _ => return Err(bad()),
            }
        }
        Value::Array(_) | Value::Object(_) => return Err(bad()),
    };
    Ok(Some(Duration::try_from_secs_f64(seconds).map_err(|_| bad())?.min(WAIT_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_a_unit_and_a_limit() {
        let asked = |wait: Value| asked_wait(&wait).unwrap();
        assert_eq!(asked(json!("10s")), Some(Duration::from_secs(10)));
        assert_eq!(asked(json!("250ms")), Some(Duration::from_millis(250)));
        assert_eq!(asked(json!(1.5)), Some(Duration::from_millis(1500)));
        assert_eq!(asked(json!("2m")), Some(WAIT_MAX));
        assert_eq!(asked(json!(true)), Some(WAIT_MAX));
        assert_eq!(asked(json!(false)), None);
        for bad in [json!("2h"), json!("s"), json!(""), json!(-1), json!([1]), json!("1e99s"), json!("-1s")] {
            assert_eq!(asked_wait(&bad).unwrap_err().code, "bad-wait", "{bad}");
        }
    }
}
