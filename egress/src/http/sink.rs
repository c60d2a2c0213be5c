use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{OutboxRecord, Sink, SinkCommand, SinkError, SinkInput};
use tracing::warn;

use super::Options;
use super::request::request;
use super::verdict::{Verdict, judge};
use crate::retry::Backoff;

/// The most that a receiver's `Retry-After` is followed, however politely it asks for more.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// What is said of a refusal's body.
const BODY_QUOTED: usize = 200;

/// Posts records to a URL.
#[derive(Debug)]
pub struct WebhookSink {
    options: Options,
}

impl WebhookSink {
    /// A sink that does as `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Sink for WebhookSink {
    fn run(self: Box<Self>, input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        let options = self.options;
        Box::pin(async move {
            let fixed = fixed_headers(&options)?;
            let client = Client::builder()
                .timeout(options.timeout)
                .tcp_nodelay(true)
                .redirect(Policy::none())
                .build()
                .map_err(|error| failed(&options, format!("cannot make an HTTP client: {error}")))?;
            let backoff = Backoff::new(options.backoff_initial, options.backoff_max);
            Poster { options, fixed, client, input, queue: VecDeque::new(), stopping: false, backoff }.run().await;
            Ok(())
        })
    }
}

struct Poster {
    options: Options,
    fixed: HeaderMap,
    client: Client,
    input: Box<dyn SinkInput>,
    /// Not published yet. Its length is the engine's to bound: what is here is in the outbox anyway.
    queue: VecDeque<OutboxRecord>,
    stopping: bool,
    backoff: Backoff,
}

/// What came of a record.
enum Outcome {
    Done,
    /// The engine said stop and the record is still owed.
    Owed,
}

impl Poster {
    async fn run(mut self) {
        loop {
            let Some(record) = self.queue.pop_front() else {
                if self.stopping {
                    return;
                }
                let command = self.input.next().await;
                self.hear(command);
                continue;
            };
            match self.deliver(&record).await {
                Outcome::Done => {}
                Outcome::Owed => return,
            }
        }
    }

    fn hear(&mut self, command: SinkCommand) {
        match command {
            SinkCommand::Publish(records) => self.queue.extend(records),
            SinkCommand::Completed(_) => {}
            SinkCommand::Stop => self.stopping = true,
        }
    }

    async fn deliver(&mut self, record: &OutboxRecord) -> Outcome {
        let seq = record.seq;
        let (headers, body) = request(&self.options, &self.fixed, seq, &record.record);
        let mut attempts: u32 = 0;
        loop {
            attempts = attempts.saturating_add(1);
            let sent = self.client.post(&self.options.url).headers(headers.clone()).body(body.clone()).send().await;
            let (verdict, why) = examine(&self.options.url, sent).await;
            let asked = match verdict {
                Verdict::Published => {
                    self.backoff.reset();
                    self.input.published(vec![seq]);
                    return Outcome::Done;
                }
                Verdict::Rejected => {
                    self.backoff.reset();
                    self.input.rejected(vec![seq], why);
                    return Outcome::Done;
                }
                Verdict::Again(asked) => asked,
            };
            if self.options.retries.is_some_and(|retries| attempts > retries) {
                self.input.rejected(vec![seq], format!("{why}; given up after {attempts} attempts"));
                return Outcome::Done;
            }
            if attempts.is_power_of_two() {
                warn!(egress = %self.options.id, seq, attempts, "cannot post, trying again: {why}");
            }
            // An orderly stop does not wait for a receiver that is away: the outbox keeps the record.
            if !self.wait(asked).await {
                return Outcome::Owed;
            }
        }
    }

    /// Waits before the next attempt, listening to the engine meanwhile. `false`: it said stop.
    async fn wait(&mut self, asked: Option<Duration>) -> bool {
        let step = self.backoff.step();
        let wait = asked.map_or(step, |asked| asked.min(RETRY_AFTER_MAX).max(step));
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        while !self.stopping {
            let command = tokio::select! {
                () = &mut until => return true,
                command = self.input.next() => command,
            };
            self.hear(command);
        }
        false
    }
}

async fn examine(url: &str, sent: reqwest::Result<reqwest::Response>) -> (Verdict, String) {
    match sent {
        Ok(response) => {
            let status = response.status();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let verdict = judge(status, retry_after, SystemTime::now());
            // Read to its end, so that the connection can be used again.
            let body = response.bytes().await.unwrap_or_default();
            let quoted = String::from_utf8_lossy(&body[..body.len().min(BODY_QUOTED)]);
            let colon = if quoted.is_empty() { "" } else { ": " };
            (verdict, format!("{url} answered {status}{colon}{quoted}"))
        }
        // Said when a request could not even be made of it: the same will happen again.
        Err(error) if error.is_builder() => (Verdict::Rejected, format!("no request to {url} can be made: {error}")),
        Err(error) => (Verdict::Again(None), format!("{url} did not answer: {}", chain(&error))),
    }
}

fn fixed_headers(options: &Options) -> Result<HeaderMap, SinkError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let parsed = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
        let (name, value) = parsed.ok_or_else(|| {
            failed(options, format!("header {name:?} cannot be sent: {value:?} or its name is no header text"))
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// An error with its causes: reqwest's own text ends before it gets interesting.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn failed(options: &Options, message: String) -> SinkError {
    SinkError { sink_id: options.id, message, retryable: false }
}
