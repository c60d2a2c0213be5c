//! From what became of a message to an HTTP response.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use serde_json::json;
use statefun::{RequestId, TypedValue};
use statefun_protocol::types;

use super::options::Dialect;
use super::request::Refusal;

/// A problem, as `application/problem+json` with a stable code.
pub(super) fn refusal(refusal: &Refusal, dialect: Dialect) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/problem+json"));
    if refusal.status == 429 || refusal.status == 503 {
        response.insert_header((RETRY_AFTER, "1"));
    }
    if dialect == Dialect::Playground {
        response.insert_header(("Status", refusal.status.to_string()));
    }
    let title = status.canonical_reason().unwrap_or("error");
    response.body(
        json!({"title": title, "status": refusal.status, "code": refusal.code, "detail": refusal.detail}).to_string(),
    )
}

/// The message is durable.
pub(super) fn durable(dialect: Dialect) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if dialect == Dialect::Playground {
        response.insert_header(("Status", "200"));
    }
    response.finish()
}

/// The message is durable and there was no reply in time.
pub(super) fn accepted(request: RequestId) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((LOCATION, format!("/v1/requests/{request}")))
        .insert_header((RETRY_AFTER, "1"))
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(json!({"request": request.to_string(), "state": "pending"}).to_string())
}

/// The function's reply: text as text, values of other types as they are, their type in the content type.
pub(super) fn reply(value: &TypedValue) -> HttpResponse {
    let typename = value.value_type.as_str();
    let mut response = HttpResponse::Ok();
    if let Ok(header) = HeaderValue::from_str(typename) {
        response.insert_header(("X-Statefun-Type", header));
    }
    if typename == types::STRING
        && let Ok(text) = types::decode_string(&value.bytes)
    {
        return response.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(text.into_owned());
    }
    // A typename that is no legal header text still reaches the caller as bytes.
    let content_type = format!("application/vnd.{typename}");
    match content_type.parse::<HeaderValue>() {
        Ok(header) => response.insert_header((CONTENT_TYPE, header)),
        Err(_) => response.insert_header((CONTENT_TYPE, "application/octet-stream")),
    };
    response.body(value.bytes.to_bytes())
}

#[cfg(test)]
mod tests {
    use statefun::ValueType;

    use super::*;

    #[test]
    fn a_reply_reaches_the_caller_whatever_its_type_is_called() {
        let named = |name: &str| TypedValue::new(ValueType::named(name).unwrap(), b"{}".as_slice());
        let plain = reply(&named("shop/Order"));
        assert_eq!(plain.headers().get("x-statefun-type").unwrap(), "shop/Order");
        assert_eq!(plain.headers().get(CONTENT_TYPE).unwrap(), "application/vnd.shop/Order");
        let odd = reply(&named("shop/Gr\u{fc}n\n"));
        assert_eq!(odd.status(), StatusCode::OK);
        assert_eq!(odd.headers().get(CONTENT_TYPE).unwrap(), "application/octet-stream");
    }
}
