//! What the thread asks of its producer, in slices short enough to hear meanwhile whether it is time to end.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use statefun_engine::publication::Trouble;

use super::client::Client;
use super::inbox::Inbox;
use super::reader::PARTITION;
use super::terms::Terms;
use super::trouble;

/// Blocking calls return this often to hear whether it is time to end.
const SLICE: Duration = Duration::from_millis(500);
const ABORT_PATIENCE: Duration = Duration::from_secs(5);

/// Shuts out older producers of the egress and decides what they left open.
pub(super) fn init(client: &Client, inbox: &mut Inbox) -> Result<(), Trouble> {
    loop {
        match client.init(SLICE) {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                // The broker may be away for as long as it likes.
                if inbox.must_end() {
                    return Err(Trouble::Ended);
                }
            }
            Err(error) => return Err(trouble::opening("init_transactions", &error)),
        }
    }
}

/// Writes to the control topic, in the transaction that is open.
pub(super) fn control(
    terms: &Terms,
    client: &mut Client,
    records: &[(String, Vec<u8>)],
    inbox: &mut Inbox,
) -> Result<(), Trouble> {
    let mut failure = None;
    for (number, (key, value)) in records.iter().enumerate() {
        let sent = client.send(number, &terms.control_topic, Some(PARTITION), Some(key.as_bytes()), value);
        if let Err(error) = sent {
            failure = Some(error.rdkafka_error_code().unwrap_or(Code::Fail));
        }
    }
    let by = Instant::now() + terms.timeout;
    while !client.is_drained() {
        for report in client.poll() {
            if let Err(code) = report.outcome {
                failure.get_or_insert(code);
            }
        }
        if by <= Instant::now() {
            failure.get_or_insert(Code::MessageTimedOut);
            break;
        }
        if inbox.must_end() {
            abort_at_the_end(client);
            return Err(Trouble::Ended);
        }
    }
    match failure {
        None => Ok(()),
        Some(code) => {
            // A purged record tells nothing; what ended the transaction does.
            let told = client.why_not().and_then(|error| error.rdkafka_error_code());
            let is_purged = matches!(code, Code::PurgeQueue | Code::PurgeInflight);
            drop(client.abort(ABORT_PATIENCE));
            Err(trouble::with_control(&terms.control_topic, told.filter(|_| is_purged).unwrap_or(code)))
        }
    }
}

/// Commits the transaction that is open. After trouble it is unknown whether it was committed.
pub(super) fn commit(terms: &Terms, client: &mut Client, inbox: &mut Inbox) -> Result<(), Trouble> {
    let by = Instant::now() + terms.timeout;
    loop {
        match client.commit(SLICE) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                if inbox.must_end() {
                    return Err(Trouble::Ended);
                }
                if by <= Instant::now() {
                    return Err(Trouble::Passing("the broker does not say whether it committed".to_owned()));
                }
            }
            Err(error) => return Err(trouble::publishing("committing", &error)),
        }
    }
}

/// Tells the broker that the open transaction comes to nothing, so that readers need not wait for its timeout.
pub(super) fn abort_at_the_end(client: &mut Client) {
    drop(client.abort(Duration::from_secs(1)));
}
