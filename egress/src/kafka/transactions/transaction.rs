//! One transaction: consecutive records of the outbox and the record that says so.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;
use statefun_engine::publication::{Failures, Outcome, Transaction, Trouble};

use super::client::Client;
use super::inbox::Inbox;
use super::session::{abort_at_the_end, commit, control};
use super::terms::Terms;
use super::trouble::{is_fence, publishing, refusal};

const ABORT_PATIENCE: Duration = Duration::from_secs(5);

/// Publishes a transaction.
pub(super) fn run(
    terms: &Terms,
    client: &mut Client,
    transaction: &Transaction,
    inbox: &mut Inbox,
) -> Result<Outcome, Trouble> {
    let began = Instant::now();
    client.begin().map_err(|error| publishing("beginning a transaction", &error))?;
    let by = Instant::now() + terms.timeout;
    let mut failed: Vec<(usize, Code)> = Vec::new();
    'records: for (number, record) in transaction.to_write() {
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
    let records: Vec<_> = transaction.control.iter().map(|record| terms.keys.encode(record)).collect();
    control(terms, client, &records, inbox)?;
    commit(terms, client, inbox)?;
    Ok(Outcome::Committed { is_slow: began.elapsed() > terms.timeout / 4 })
}

fn hear(client: &mut Client, failed: &mut Vec<(usize, Code)>) {
    failed.extend(client.poll().filter_map(|report| report.outcome.err().map(|code| (report.number, code))));
}

fn abort(client: &mut Client, mut failed: Vec<(usize, Code)>) -> Result<Failures, Trouble> {
    // Records that share the fate of another, or of the whole transaction, say nothing about themselves.
    let is_telling = |code: Code| !matches!(code, Code::PurgeQueue | Code::PurgeInflight | Code::State);
    failed.retain(|(_, code)| is_telling(*code));
    failed.sort_unstable_by_key(|(number, _)| *number);
    let of_all = if failed.is_empty() { client.why_not().and_then(|error| error.rdkafka_error_code()) } else { None };
    let mut codes = failed.iter().map(|(_, code)| *code).chain(of_all);
    if let Some(code) = codes.find(|code| is_fence(*code)) {
        return Err(Trouble::Fenced(format!("publishing: {code}")));
    }
    client.abort(ABORT_PATIENCE).map_err(|error| publishing("aborting", &error))?;
    let of_records = failed.into_iter().map(|(number, code)| (number, refusal(code))).collect();
    Ok(Failures { of_records, of_all: of_all.map(refusal) })
}
