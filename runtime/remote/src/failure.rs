//! How an attempt fails, as a kind and a sentence.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use statefun_ports::remote::{CallFailure, CallFailureKind};

/// How much of an error page is worth showing.
pub(crate) const TEXT_BYTES_MAX: usize = 200;

/// A success that is no answer.
pub(crate) fn malformed(message: impl Into<String>) -> CallFailure {
    CallFailure { kind: CallFailureKind::Malformed, message: message.into() }
}

/// No answer in time.
pub(crate) fn timeout(label: &str, what: &str, limit: Duration, field: &str) -> CallFailure {
    let message = format!("{label}: {what} within {limit:?} ({field})");
    CallFailure { kind: CallFailureKind::Timeout, message }
}

/// No way to even try.
pub(crate) fn connection(label: &str, error: &dyn Error) -> CallFailure {
    CallFailure { kind: CallFailureKind::Connection, message: format!("{label}: {}", sentence(error)) }
}

/// A status other than success, with the beginning of its body.
pub(crate) fn status(label: &str, status: StatusCode, body: &[u8], remark: &str) -> CallFailure {
    let mut message = format!("{label} answered {status}{remark}");
    let text = excerpt(body);
    if !text.is_empty() {
        message.push_str(": ");
        message.push_str(&text);
    }
    CallFailure { kind: CallFailureKind::Status(status.as_u16()), message }
}

/// What the HTTP client reports while a request is made or its answer is read.
pub(crate) fn of_client(label: &str, error: reqwest::Error, connect_limit: Duration) -> CallFailure {
    if error.is_timeout() {
        // The client itself is given no other limit than that for connecting.
        return timeout(label, "no connection", connect_limit, "connect");
    }
    if is_undecodable(&error) {
        return malformed(format!("{label}: {}", sentence(&error.without_url())));
    }
    connection(label, &error.without_url())
}

/// Whether bytes of a body arrived that do not decompress, or break the framing of chunks.
fn is_undecodable(error: &reqwest::Error) -> bool {
    if !error.is_decode() && !error.is_body() {
        return false;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // TLS reports its troubles as invalid data as well.
            let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            return matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) && !of_tls;
        }
        cause = error.source();
    }
    false
}

/// An error with its causes, without repeating what a cause says that its parent said already.
fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// The beginning of a body on one line, for people.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = &body[..body.len().min(TEXT_BYTES_MAX)];
    let text: String = String::from_utf8_lossy(head).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut_inside_a_character = head.len() < body.len();
    let text = text.trim();
    if cut_inside_a_character { format!("{}…", text.trim_end_matches('\u{fffd}')) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_shown_on_one_line_and_cut_between_characters() {
        assert_eq!(excerpt(b"Traceback:\r\n  boom\n"), "Traceback:    boom");
        let long = "é".repeat(150);
        let shown = excerpt(long.as_bytes());
        assert_eq!(shown, format!("{}…", "é".repeat(100)));
        let odd = format!("x{long}");
        assert_eq!(excerpt(odd.as_bytes()), format!("x{}…", "é".repeat(99)));
    }

    #[test]
    fn a_status_without_a_body_is_just_a_status() {
        let failure = status("http://f/x", StatusCode::PAYLOAD_TOO_LARGE, b"", "");
        assert_eq!(failure.kind, CallFailureKind::Status(413));
        assert_eq!(failure.message, "http://f/x answered 413 Payload Too Large");
    }
}
