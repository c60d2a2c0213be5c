//! What could not be delivered: look at it, mend it, send it again, or let it go.

use actix_web::rt::time::timeout;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use statefun::Address;

use super::query::Query;
use super::{Handled, json as answer, parse, send};
use crate::problem::Problem;
use crate::value::{Written, present, rendered};
use crate::view::{AdminView, DeadLetterView, Retry};

const LISTED: usize = 100;
const LISTED_MAX: usize = 1000;

pub(super) async fn list(view: &dyn AdminView, query: &str) -> Handled {
    let query = Query::parse(query, &["after", "limit"])?;
    let limit = query.limit(LISTED, LISTED_MAX)?;
    let page = view.dead_letters(query.number("after")?, limit).await?;
    let letters: Vec<Value> = page.letters.iter().map(shown).collect();
    Ok(answer(&json!({"dead_letters": letters, "total": page.total, "displaced": page.displaced})))
}

pub(super) async fn forget(view: &dyn AdminView, names: &[String]) -> Handled {
    let seq = seq(names)?;
    if view.forget_dead_letter(seq).await? { Ok(answer(&json!({"removed": seq}))) } else { Err(unknown(seq)) }
}

/// How a letter is mended before it is sent again. An empty body sends it as it was.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mended {
    target: Option<String>,
    r#type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    json: Option<Box<RawValue>>,
    text: Option<String>,
    base64: Option<String>,
}

pub(super) async fn retry(view: &dyn AdminView, names: &[String], body: &[u8]) -> Handled {
    let seq = seq(names)?;
    let Mended { target, r#type, json, text, base64 } = parse(body)?;
    let target = target
        .map(|target| Address::parse(&target).map_err(|error| Problem::bad("bad-target", error.to_string())))
        .transpose()?;
    let written = Written { r#type, json, text, base64 };
    let value = if written.is_empty() { None } else { Some(written.value()?) };
    let retried = timeout(send::DURABLE_MAX, view.retry_dead_letter(seq, Retry { target, value })).await;
    if retried.map_err(|_| send::outcome_unknown())?? {
        Ok(answer(&json!({"retried": seq})))
    } else {
        Err(unknown(seq))
    }
}

fn seq(names: &[String]) -> Result<u64, Problem> {
    let name = names.first().map(String::as_str).unwrap_or_default();
    name.parse()
        .map_err(|_| Problem::not_found("unknown-dead-letter", format!("{name:?} is no number of a dead letter")))
}

fn unknown(seq: u64) -> Problem {
    Problem::not_found("unknown-dead-letter", format!("there is no dead letter {seq}"))
}

fn shown(letter: &DeadLetterView) -> Value {
    let mut shown = match &letter.typename {
        Some(typename) => rendered(typename, &letter.bytes),
        None => json!({"raw_base64": STANDARD.encode(&letter.bytes)}),
    };
    shown["seq"] = json!(letter.seq);
    shown["cause"] = json!(letter.cause);
    shown["detail"] = json!(letter.detail);
    shown["origin"] = json!(letter.origin);
    shown["target"] = json!(letter.target);
    shown["caller"] = json!(letter.caller);
    shown
}
