//! What an answer means for the record.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use reqwest::StatusCode;

/// What to do with the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It arrived.
    Published,
    /// Try again, not before what the receiver asked for.
    Again(Option<Duration>),
    /// The receiver will never take it.
    Rejected,
}

/// Judges a status. Redirects are refusals: a POST that follows one becomes a GET, or goes where nobody configured.
pub(super) fn judge(status: StatusCode, retry_after: Option<&str>, now: SystemTime) -> Verdict {
    let wait = || retry_after.and_then(|text| parse(text, now));
    match status {
        status if status.is_success() => Verdict::Published,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Verdict::Again(wait()),
        status if status.is_server_error() => Verdict::Again(wait()),
        _ => Verdict::Rejected,
    }
}

fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: HttpDate = text.trim().parse().ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, retry_after: Option<&str>) -> Verdict {
        judge(
            StatusCode::from_u16(status).unwrap(),
            retry_after,
            SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770),
        )
    }

    #[test]
    fn success_is_published_and_other_client_errors_are_refusals() {
        for status in [200, 201, 202, 204] {
            assert_eq!(verdict(status, None), Verdict::Published);
        }
        for status in [301, 302, 400, 401, 403, 404, 409, 413, 422] {
            assert_eq!(verdict(status, None), Verdict::Rejected, "{status}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_when_the_receiver_says() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(verdict(status, None), Verdict::Again(None));
        }
        assert_eq!(verdict(429, Some("7")), Verdict::Again(Some(Duration::from_secs(7))));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(verdict(503, Some(date)), Verdict::Again(Some(Duration::from_secs(7))));
        assert_eq!(verdict(503, Some("soon")), Verdict::Again(None));
    }
}
