//! One HTTP exchange: from the bytes of a request to the bytes of its answer.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Body, Client, Method, Response, StatusCode, Url};
use statefun_ports::remote::CallFailure;

use crate::failure::{self, TEXT_BYTES_MAX, malformed};
use crate::progress::{Progress, Stalled};
use crate::template::Target;
use crate::{OkHttpOptions, TransportKind};

/// The content type of both directions.
pub(crate) const OCTET_STREAM: &str = "application/octet-stream";

const TRACEPARENT: &str = "traceparent";

/// As many as OkHttp follows.
const REDIRECTS_MAX: usize = 20;

/// How long and how far an error's body is read: for its first words, and so that the connection can be used again.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(1);
const ERROR_BODY_BYTES: usize = 64 << 10;

/// An exchange about to happen.
pub(crate) struct Exchange<'a> {
    pub(crate) transport: &'a TransportKind,
    pub(crate) target: &'a Target,
    pub(crate) client: Client,
    pub(crate) body: Bytes,
    pub(crate) trace: Option<HeaderValue>,
}

impl Exchange<'_> {
    /// Makes the exchange and returns the body of a success, decompressed.
    pub(crate) async fn run(self) -> Result<Bytes, CallFailure> {
        let mut url = self.target.url.clone();
        let mut method = Method::POST;
        let mut redirects = 0;
        loop {
            let response = self.send(&method, url.clone()).await?;
            let Some(next) = self.redirect(&response, &url) else {
                return self.read(response).await;
            };
            if redirects == REDIRECTS_MAX {
                let remark = format!(" after {REDIRECTS_MAX} redirects");
                return Err(failure::status(self.label(), response.status(), b"", &remark));
            }
            redirects += 1;
            if response.status() == StatusCode::SEE_OTHER {
                method = Method::GET;
            }
            url = next;
            read_beginning(response).await;
        }
    }

    async fn send(&self, method: &Method, url: Url) -> Result<Response, CallFailure> {
        let mut request = self.client.request(method.clone(), url);
        if let Some(trace) = &self.trace {
            request = request.header(TRACEPARENT, trace.clone());
        }
        let with_body = *method == Method::POST;
        let failed = |error| failure::of_client(self.label(), error, self.transport.connect_timeout());
        match self.transport {
            TransportKind::Async(_) => {
                if with_body {
                    request = request.body(self.body.clone());
                }
                request.send().await.map_err(failed)
            }
            TransportKind::OkHttp(options) => {
                let progress = Progress::start();
                let body = if with_body { self.body.clone() } else { Bytes::new() };
                let request = request.body(Body::wrap(progress.body(body)));
                tokio::select! {
                    biased;
                    response = request.send() => response.map_err(failed),
                    stalled = progress.stalled(options.write, options.read) => Err(self.stalled(stalled, options)),
                }
            }
        }
    }

    fn stalled(&self, stalled: Stalled, options: &OkHttpOptions) -> CallFailure {
        match stalled {
            Stalled::Writing => failure::timeout(self.label(), "request not taken", options.write, "timeouts.write"),
            Stalled::Waiting => failure::timeout(self.label(), "nothing to read", options.read, "timeouts.read"),
        }
    }

    /// Where to go instead, if the transport follows.
    ///
    /// The call is repeated there as it is. (OkHttp makes a GET of it, which no function answers.) Only "see other" is a
    /// GET by definition.
    fn redirect(&self, response: &Response, url: &Url) -> Option<Url> {
        if !matches!(self.transport, TransportKind::OkHttp(_))
            || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        {
            return None;
        }
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let next = url.join(location).ok()?;
        matches!(next.scheme(), "http" | "https").then_some(next)
    }

    async fn read(&self, response: Response) -> Result<Bytes, CallFailure> {
        let status = response.status();
        if !status.is_success() {
            let body = read_beginning(response).await;
            return Err(failure::status(self.label(), status, &body, ""));
        }
        if !self.is_octet_stream(response.headers()) {
            return Err(self.wrong_content_type(response).await);
        }
        self.read_all(response).await
    }

    async fn read_all(&self, mut response: Response) -> Result<Bytes, CallFailure> {
        let bytes_max = self.transport.payload_bytes_max();
        let too_large = || malformed(format!("{}: the answer exceeds {bytes_max} bytes", self.label()));
        let announced = response.content_length();
        if announced.is_some_and(|len| len > bytes_max) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            if (body.len() + chunk.len()) as u64 > bytes_max {
                return Err(too_large());
            }
            // Most answers arrive in one piece: no copy, and no further read to find out.
            if body.is_empty() && announced == Some(chunk.len() as u64) {
                return Ok(chunk);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, CallFailure> {
        let chunk = response.chunk();
        let chunk = match self.transport {
            TransportKind::Async(_) => chunk.await,
            TransportKind::OkHttp(options) => {
                tokio::time::timeout(options.read, chunk).await.map_err(|_| self.stalled(Stalled::Waiting, options))?
            }
        };
        chunk.map_err(|error| failure::of_client(self.label(), error, self.transport.connect_timeout()))
    }

    /// The two transports read the header differently, and neither as the standard has it: parameters are not allowed.
    fn is_octet_stream(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(CONTENT_TYPE).iter().filter_map(|value| value.to_str().ok());
        match self.transport {
            // Any element of any such header, in any case.
            TransportKind::Async(_) => {
                values.flat_map(|value| value.split(',')).any(|type_| type_.trim().eq_ignore_ascii_case(OCTET_STREAM))
            }
            // The last such header, exactly.
            TransportKind::OkHttp(_) => values.next_back() == Some(OCTET_STREAM),
        }
    }

    async fn wrong_content_type(&self, response: Response) -> CallFailure {
        let found = match response.headers().get(CONTENT_TYPE) {
            None => "no content type".to_owned(),
            Some(found) => format!("the content type {:?}", String::from_utf8_lossy(found.as_bytes())),
        };
        let status = response.status();
        let body = read_beginning(response).await;
        let mut message = format!("{} answered {status} with {found} instead of {OCTET_STREAM}", self.label());
        let text = failure::excerpt(&body);
        if !text.is_empty() {
            message.push_str(": ");
            message.push_str(&text);
        }
        malformed(message)
    }

    fn label(&self) -> &str {
        &self.target.label
    }
}

/// What an error page begins with. Whatever goes wrong here is less interesting than the error that it came with.
async fn read_beginning(mut response: Response) -> Vec<u8> {
    let mut beginning = Vec::new();
    let mut seen = 0;
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = (TEXT_BYTES_MAX + 1).saturating_sub(beginning.len());
            beginning.extend_from_slice(&chunk[..chunk.len().min(room)]);
            seen += chunk.len();
            if seen > ERROR_BODY_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_BODY_WAIT, reading).await;
    beginning
}
