//! A blocking HTTP client that takes every status for an answer.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

/// A client with its own connections. Clones share them.
#[derive(Clone)]
pub struct Http {
    agent: ureq::Agent,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// A header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::with_timeout(Duration::from_secs(60))
    }
}

impl Http {
    /// A client that gives up after this time.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .max_idle_connections_per_host(64)
            .max_redirects(0)
            .proxy(None)
            .build();
        Self { agent: config.into() }
    }

    /// Asks; an error means that no complete answer came.
    ///
    /// # Errors
    /// When the server cannot be reached, closes early or takes too long.
    pub fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response, ureq::Error> {
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = match body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = answer.status().as_u16();
        Ok(Response { status, headers, body: answer.body_mut().read_to_vec()? })
    }

    /// GET.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn get(&self, url: &str) -> Response {
        self.ask("GET", url, &[], None).unwrap_or_else(|error| panic!("GET {url}: {error}"))
    }

    /// POST of a text.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn post_text(&self, url: &str, body: &str) -> Response {
        let sent = self.ask("POST", url, &[("content-type", "text/plain")], Some(body.as_bytes()));
        sent.unwrap_or_else(|error| panic!("POST {url}: {error}"))
    }

    /// POST or PUT of a value whose type the content type names.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn send_value(&self, method: &str, url: &str, typename: &str, body: &[u8]) -> Response {
        let content_type = format!("application/vnd.{typename}");
        let sent = self.ask(method, url, &[("content-type", &content_type)], Some(body));
        sent.unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }
}
