//! Opening: the order in which a producer becomes the one that publishes.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tracing::debug;

use super::client::Client;
use super::control::{Claim, Ledger, Mark, encode};
use super::inbox::Inbox;
use super::reader::{self, PARTITION};
use super::terms::Terms;
use super::trouble::Trouble;

/// Blocking calls return this often to hear whether it is time to end.
const SLICE: Duration = Duration::from_millis(500);
const ABORT_PATIENCE: Duration = Duration::from_secs(5);

/// Opens sessions, one at a time.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) ledger: Ledger,
    marks: u64,
    /// Our claim was seen in the topic: from then on it must be the newest.
    has_claimed: bool,
}

impl Opener {
    pub(super) fn new(terms: &Terms) -> Self {
        Self { ledger: Ledger::new(terms.keys.clone()), marks: 0, has_claimed: false }
    }

    /// A producer that is the only one, and in `self.ledger` what was published until now.
    ///
    /// The order matters. `init_transactions` decides what older producers of this egress have left open and shuts them
    /// out; only what is read after that can no longer change. The first session claims the egress; later ones only look
    /// whether the claim is still theirs, or a process that slept would take over from its successor.
    pub(super) fn open(&mut self, terms: &Terms, inbox: &mut Inbox) -> Result<Client, Trouble> {
        // Each time: a topic that was deleted would come back by itself, made as brokers make topics, and forget.
        reader::ensure_topic(terms)?;
        let mut client = Client::new(terms).map_err(|error| {
            Trouble::Hopeless(format!("cannot make a transactional Kafka producer of these properties: {error}"))
        })?;
        init(&client, inbox)?;
        let mark = self.write_mark(terms, &mut client, inbox)?;
        reader::read(terms, &mut self.ledger, Some(&mark), inbox)?;
        self.judge_claim(terms)?;
        self.has_claimed = true;
        Ok(client)
    }

    /// Whether somebody else has claimed the egress, as far as can be seen without shutting anybody out. A courtesy to a
    /// successor; the look that decides is the one after `init_transactions`.
    pub(super) fn look(&mut self, terms: &Terms, inbox: &mut Inbox) -> Result<(), Trouble> {
        if !self.has_claimed {
            return Ok(());
        }
        match reader::read(terms, &mut self.ledger, None, inbox) {
            Ok(()) => self.judge_claim(terms),
            Err(Trouble::Passing(why)) => {
                debug!(egress = %terms.options.id, "cannot look at the claim: {why}");
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    fn judge_claim(&self, terms: &Terms) -> Result<(), Trouble> {
        match &self.ledger.claim {
            Some(claim) if claim.run == terms.run => Ok(()),
            Some(claim) => Err(Trouble::Superseded {
                by: format!("run {}, started {} ms after 1970", claim.run, claim.started_at_ms),
            }),
            None => Err(Trouble::Hopeless(format!(
                "control topic {:?} does not hold our claim: it was deleted, or something deletes from it",
                terms.control_topic
            ))),
        }
    }

    fn write_mark(&mut self, terms: &Terms, client: &mut Client, inbox: &mut Inbox) -> Result<Mark, Trouble> {
        self.marks += 1;
        let mark = Mark::new(terms.run.clone(), self.marks);
        let keys = self.ledger.keys();
        let mut records = vec![(keys.mark.clone(), encode(&mark))];
        if !self.has_claimed {
            let claim = Claim::new(terms.run.clone(), terms.started_at_ms);
            records.insert(0, (keys.claim.clone(), encode(&claim)));
        }
        client.begin().map_err(|error| Trouble::publishing("beginning a transaction", &error))?;
        control(terms, client, &records, inbox)?;
        commit(terms, client, inbox)?;
        Ok(mark)
    }
}

fn init(client: &Client, inbox: &mut Inbox) -> Result<(), Trouble> {
    loop {
        match client.init(SLICE) {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                // The broker may be away for as long as it likes.
                if inbox.must_end() {
                    return Err(Trouble::Ended);
                }
            }
            Err(error) => return Err(Trouble::opening("init_transactions", &error)),
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
            Err(Trouble::with_control(&terms.control_topic, told.filter(|_| is_purged).unwrap_or(code)))
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
            Err(error) => return Err(Trouble::publishing("committing", &error)),
        }
    }
}

/// Tells the broker that the open transaction comes to nothing, so that readers need not wait for its timeout.
pub(super) fn abort_at_the_end(client: &mut Client) {
    drop(client.abort(Duration::from_secs(1)));
}
