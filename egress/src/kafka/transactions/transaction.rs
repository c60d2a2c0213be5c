//! One transaction: consecutive records of the outbox and the record that says so.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::client::Client;
use super::inbox::{Inbox, Pending};
use super::session::{abort_at_the_end, commit, control};
use super::terms::Terms;
use super::trouble::{Trouble, is_fence};

const ABORT_PATIENCE: Duration = Duration::from_secs(5);

/// How a transaction ended, when the session can go on.
#[derive(Debug)]
pub(super) enum Outcome {
    Committed,
    /// Aborted: Kafka did not take some record.
    Aborted(Failures),
}

/// What Kafka did not take.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// By place in the chunk, in order of the places; what merely shared the transaction is not among them.
    pub(super) of_records: Vec<(usize, Code)>,
    /// What stopped the transaction, if no record's failure says it.
    pub(super) of_all: Option<Code>,
}

/// Publishes the records of `chunk` for which `is_left_out` does not hold, together with `commit_record`.
pub(super) fn run(
    terms: &Terms,
    client: &mut Client,
    chunk: &[Pending],
    is_left_out: impl Fn(u64) -> bool,
    commit_record: (String, Vec<u8>),
    inbox: &mut Inbox,
) -> Result<Outcome, Trouble> {
    client.begin().map_err(|error| Trouble::publishing("beginning a transaction", &error))?;
    let by = Instant::now() + terms.timeout;
    let mut failed: Vec<(usize, Code)> = Vec::new();
    'records: for (number, pending) in chunk.iter().enumerate().filter(|(_, it)| !is_left_out(it.seq)) {
        let record = &pending.record;
        loop {
            match client.send(number, &record.topic, None, record.key.as_deref(), &record.value) {
                Ok(()) => break,
                Err(error) => match error.rdkafka_error_code() {
                    Some(Code::QueueFull) if Instant::now() < by => {
                        hear(client, &mut failed);
                        if inbox.must_end() {
                            abort_at_the_end(client);
                            return Err(Trouble::Ended);
                        }
                    }
                    code => {
                        failed.push((number, code.unwrap_or(Code::InvalidArgument)));
                        break 'records;
                    }
                },
            }
        }
    }
    while !client.is_drained() {
        hear(client, &mut failed);
        if inbox.must_end() {
            abort_at_the_end(client);
            return Err(Trouble::Ended);
        }
        if by <= Instant::now() {
            return Err(Trouble::Passing("the broker did not acknowledge records in time".to_owned()));
        }
        if !failed.is_empty() {
            // The rest cannot be committed any more.
            break;
        }
    }
    if !failed.is_empty() {
        return abort(client, failed).map(Outcome::Aborted);
    }
    control(terms, client, &[commit_record], inbox)?;
    commit(terms, client, inbox)?;
    Ok(Outcome::Committed)
}

fn hear(client: &mut Client, failed: &mut Vec<(usize, Code)>) {
    failed.extend(client.poll().filter_map(|report| report.outcome.err().map(|code| (report.number, code))));
}

fn abort(client: &mut Client, mut failed: Vec<(usize, Code)>) -> Result<Failures, Trouble> {
    // Records that share the fate of another, or of the whole transaction, say nothing about themselves.
    let is_telling = |code: Code| !matches!(code, Code::PurgeQueue | Code::PurgeInflight | Code::State);
    failed.retain(|(_, code)| is_telling(*code));
    failed.sort_unstable_by_key(|(number, _)| *number);
    let mut failures = Failures { of_records: failed, of_all: None };
    if failures.of_records.is_empty() {
        let error = client.why_not();
        failures.of_all = error.as_ref().and_then(KafkaError::rdkafka_error_code);
    }
    let codes = failures.of_records.iter().map(|(_, code)| *code).chain(failures.of_all);
    if let Some(code) = codes.clone().find(|code| is_fence(*code)) {
        return Err(Trouble::Fenced(format!("publishing: {code}")));
    }
    client.abort(ABORT_PATIENCE).map_err(|error| Trouble::publishing("aborting", &error))?;
    Ok(failures)
}
