//! From an HTTP request to an envelope.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use compact_str::CompactString;
use statefun::{Address, FunctionType, Id, RequestId, SmallBytes, TypedValue, ValueType};
use statefun_protocol::types;

use super::options::{Dialect, Options};

/// Why a request is no message, with the status that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }
}

/// Reads `/namespace/type/id`, percent-decoded part by part, so that an encoded slash is part of its part.
pub(super) fn target(path: &str) -> Result<Address, Refusal> {
    let parts: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    let [namespace, name, id] = parts.as_slice() else {
        return Err(Refusal::new(404, "bad-path", "the path is /<namespace>/<function>/<id>"));
    };
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(part)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| Refusal::new(400, "bad-path", "the path is not UTF-8"))
    };
    let function = FunctionType::of(&decode(namespace)?, &decode(name)?)
        .map_err(|error| Refusal::new(404, "bad-path", error.to_string()))?;
    Ok(Address::new(function, Id::from(decode(id)?)))
}

/// The argument of a message: `application/vnd.<typename>` names its type, anything else is text.
pub(super) fn argument(content_type: Option<&str>, body: &[u8], options: &Options) -> Result<TypedValue, Refusal> {
    if let Some(value_type) = options.value_type {
        return Ok(TypedValue::new(value_type, body));
    }
    let too_many = |error: statefun::SymbolError| Refusal::new(400, "too-many-types", error.to_string());
    if let Some(typename) = content_type.and_then(|text| text.strip_prefix("application/vnd.")) {
        let typename = match options.dialect {
            Dialect::Playground => typename,
            Dialect::Native => typename.split(';').next().unwrap_or_default().trim(),
        };
        return Ok(TypedValue::new(ValueType::named(typename).map_err(too_many)?, body));
    }
    let string = ValueType::named(types::STRING).map_err(too_many)?;
    match (options.dialect, content_type) {
        (Dialect::Playground, None) => {
            Err(Refusal::new(400, "no-content-type", "say what the body is: content-type: application/vnd.<typename>"))
        }
        // The playground passes text on as it stands.
        (Dialect::Playground, Some(_)) => Ok(TypedValue::new(string, body)),
        (Dialect::Native, _) => {
            let text = std::str::from_utf8(body).map_err(|_| {
                Refusal::new(400, "not-text", "a body without application/vnd.<typename> is text, in UTF-8")
            })?;
            Ok(TypedValue::new(string, SmallBytes::from(types::encode_string(text))))
        }
    }
}

/// The longest `Idempotency-Key`, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// The caller's own name for its request.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<CompactString>, Refusal> {
    let mut keys = headers.get_all("idempotency-key");
    let Some(key) = keys.next() else { return Ok(None) };
    let bad = |why: &str| Refusal::new(400, "bad-idempotency-key", format!("the Idempotency-Key {why}"));
    if keys.next().is_some() {
        return Err(bad("is there more than once"));
    }
    let key = key.to_str().map_err(|_| bad("is not ASCII"))?.trim();
    match key.len() {
        0 => Err(bad("is empty")),
        len if len > KEY_BYTES_MAX => Err(bad(&format!("is longer than {KEY_BYTES_MAX} bytes"))),
        _ => Ok(Some(key.into())),
    }
}

/// The request of `/v1/requests/<request>`; `None` for other paths.
pub(super) fn asked_about(path: &str) -> Option<Result<RequestId, Refusal>> {
    let name = percent_encoding::percent_decode_str(path.strip_prefix("/v1/requests/")?).decode_utf8_lossy();
    Some(RequestId::parse(&name).ok_or_else(|| unknown_request(&name)))
}

/// Nothing is known about a request.
pub(super) fn unknown_request(name: &str) -> Refusal {
    let detail = format!("nothing is known about request {name:?}: there was none, or it was long ago");
    Refusal::new(404, "unknown-request", detail)
}

/// The wait of `?wait=10s`, `?wait=500ms`, `?wait=10` (seconds), or `?wait` (the longest).
pub(super) fn wait(query: &str, options: &Options) -> Result<Option<Duration>, Refusal> {
    let Some(wait) = query.split('&').find_map(|pair| match pair.split_once('=') {
        Some(("wait", value)) => Some(value),
        None if pair == "wait" => Some(""),
        _ => None,
    }) else {
        return Ok(None);
    };
    let bad = || Refusal::new(400, "bad-wait", format!("{wait:?} is no time to wait: write 10s or 500ms"));
    let (number, unit) = wait.split_at(wait.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(wait.len()));
    let asked = match (number, unit) {
        ("", "") | ("true", "") => options.wait_max,
        (number, unit) => {
            let number: f64 = number.parse().map_err(|_| bad())?;
            let seconds = match unit {
                "ms" => number / 1000.0,
                "s" | "" => number,
                "m" | "min" => number * 60.0,
                _ => return Err(bad()),
            };
            Duration::try_from_secs_f64(seconds).map_err(|_| bad())?
        }
    };
    Ok(Some(asked.min(options.wait_max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("127.0.0.1:0")
    }

    #[test]
    fn a_path_is_namespace_function_and_id() {
        assert_eq!(target("/shop/cart/ann").unwrap(), Address::parse("shop/cart/ann").unwrap());
        assert_eq!(target("/shop/cart/ann/").unwrap().id, "ann");
        assert_eq!(target("/shop/cart/a%2Fb%20c").unwrap().id, "a/b c");
        for bad in ["/", "/shop", "/shop/cart", "/shop/cart/a/b", "/sh%2Fop/cart/ann"] {
            assert_eq!(target(bad).unwrap_err().status, 404, "{bad}");
        }
    }

    #[test]
    fn a_content_type_names_the_type_of_the_argument() {
        let value = argument(Some("application/vnd.shop/Order; charset=utf-8"), b"{}", &options()).unwrap();
        assert_eq!((value.value_type.as_str(), value.bytes.as_slice()), ("shop/Order", &b"{}"[..]));
        let text = argument(Some("text/plain"), b"hi", &options()).unwrap();
        assert_eq!((text.value_type.as_str(), text.bytes.as_slice()), (types::STRING, &b"\x0a\x02hi"[..]));
    }

    #[test]
    fn the_playground_passes_text_on_as_it_stands() {
        let playground = Options { dialect: Dialect::Playground, ..options() };
        let text = argument(Some("application/x-www-form-urlencoded"), b"hi", &playground).unwrap();
        assert_eq!(text.bytes.as_slice(), b"hi");
        assert!(argument(None, b"hi", &playground).is_err());
    }

    #[test]
    fn a_key_is_one_short_text() {
        let headers = |keys: &[&str]| {
            let mut map = HeaderMap::new();
            for key in keys {
                map.append("idempotency-key".parse().unwrap(), key.parse().unwrap());
            }
            idempotency_key(&map)
        };
        assert_eq!(headers(&[]), Ok(None));
        assert_eq!(headers(&[" order 7 "]), Ok(Some("order 7".into())));
        for bad in [&["a", "b"][..], &["a", "a"], &[""], &["é"], &[&"k".repeat(256)]] {
            assert_eq!(headers(bad).unwrap_err().code, "bad-idempotency-key", "{bad:?}");
        }
    }

    #[test]
    fn a_wait_has_a_unit_and_a_limit() {
        let asked = |query| wait(query, &options()).unwrap();
        assert_eq!(asked("a=b"), None);
        assert_eq!(asked("wait=10s"), Some(Duration::from_secs(10)));
        assert_eq!(asked("wait=250ms"), Some(Duration::from_millis(250)));
        assert_eq!(asked("wait=2"), Some(Duration::from_secs(2)));
        assert_eq!(asked("x=1&wait"), Some(Duration::from_secs(60)));
        assert_eq!(asked("wait=999s"), Some(Duration::from_secs(60)));
        assert_eq!(wait("wait=2h", &options()).unwrap_err().status, 400);
    }
}
