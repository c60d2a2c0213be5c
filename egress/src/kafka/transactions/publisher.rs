//! The thread that publishes: it does what the publication says and tells it what came of that.

use std::time::{Duration, Instant};

use statefun::ProcessingTime;
use statefun_engine::publication::{Action, End, Outcome, Pause, Publication, Trouble};
use statefun_ports::sink::SinkError;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};

use super::client::Client;
use super::control::Ledger;
use super::inbox::{Inbox, News};
use super::terms::Terms;
use super::{reader, session, transaction};
use crate::retry::Backoff;

const MENDING_PAUSE: Duration = Duration::from_millis(200);
/// Long enough for a producer that shut this one out to claim the egress.
const FENCED_PAUSE: Duration = Duration::from_millis(700);
const IDLE_POLL: Duration = Duration::from_secs(1);
const COMPLAINTS_APART: Duration = Duration::from_secs(10);
const LOOK_FOR: Duration = Duration::from_secs(2);

/// Publishes until told to stop, superseded, or beyond hope.
pub(super) struct Publisher {
    terms: Terms,
    publication: Publication,
    inbox: Inbox,
    news: UnboundedSender<News>,
    ledger: Ledger,
    client: Option<Client>,
    backoff: Backoff,
    began: Instant,
    complained: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(terms: Terms, inbox: Inbox, news: UnboundedSender<News>) -> Self {
        Self {
            publication: Publication::new(terms.publication()),
            ledger: Ledger::new(terms.keys.clone()),
            terms,
            inbox,
            news,
            client: None,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
            began: Instant::now(),
            complained: None,
        }
    }

    pub(super) fn run(mut self) {
        let result = self.publish_all();
        let owed = self.publication.owed() + self.inbox.given.len();
        if owed > 0 {
            warn!(egress = %self.terms.options.id, owed, "ending with records that stay in the outbox");
        }
        // Nobody listens if the sink was dropped.
        let _ = self.news.send(News::Ended(result));
    }

    fn publish_all(&mut self) -> Result<(), SinkError> {
        let failed = |id, message| SinkError { sink_id: id, message, retryable: false };
        let id = self.terms.options.id;
        loop {
            if self.inbox.must_end() {
                return Ok(());
            }
            self.publication.give(std::mem::take(&mut self.inbox.given));
            (0..std::mem::take(&mut self.inbox.completed)).for_each(|_| self.publication.on_completed());
            let action = self.publication.next_action();
            // Settling may have made the last record a thing of the past.
            self.tell();
            if let Action::End(end) = action {
                return match end {
                    End::Stopped => Ok(()),
                    End::Hopeless(why) => Err(failed(id, why)),
                    End::Superseded { by } => Err(failed(
                        id,
                        format!(
                            "superseded: a newer start of this egress publishes ({by}); two processes share one history"
                        ),
                    )),
                };
            }
            let outcome = self.perform(action).unwrap_or_else(Outcome::Trouble);
            self.note(&outcome);
            let now = ProcessingTime(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
            self.publication.done(now, outcome);
            self.tell();
        }
    }

    /// Passes on what became of records.
    fn tell(&mut self) {
        for news in self.publication.news() {
            // Nobody listens if the sink was dropped.
            let _ = self.news.send(News::Of(news));
        }
        self.inbox.is_owing = self.publication.owed() > 0;
    }

    fn perform(&mut self, action: Action) -> Result<Outcome, Trouble> {
        let (terms, inbox) = (&self.terms, &mut self.inbox);
        match (action, &mut self.client) {
            (Action::Connect, client) => {
                *client = None;
                // Each time: a topic that was deleted would come back by itself, made as brokers make topics, and forget.
                reader::ensure_topic(terms)?;
                *client = Some(Client::new(terms).map_err(|error| {
                    Trouble::Hopeless(format!(
                        "cannot make a transactional Kafka producer of these properties: {error}"
                    ))
                })?);
            }
            (Action::Init, Some(client)) => session::init(client, inbox)?,
            (Action::Transact(transaction), Some(client)) => {
                return transaction::run(terms, client, &transaction, inbox);
            }
            (Action::Read { until }, _) => {
                reader::read(terms, &mut self.ledger, until.as_ref(), inbox)?;
                return Ok(Outcome::Read(self.ledger.view.clone()));
            }
            (Action::Mend { topics }, Some(client)) => {
                topics.iter().for_each(|topic| client.look_for(topic, LOOK_FOR));
                inbox.pause(MENDING_PAUSE);
            }
            (Action::Pause(pause), client) => {
                *client = None;
                let step = self.backoff.step();
                inbox.pause(if pause == Pause::Fenced { FENCED_PAUSE + step } else { step });
            }
            (Action::Wait, client) => {
                inbox.wait(IDLE_POLL);
                if let Some(client) = client
                    && inbox.given.is_empty()
                {
                    client.poll().for_each(drop);
                }
            }
            (Action::Init | Action::Transact(_) | Action::Mend { .. }, None) => {
                return Err(Trouble::Passing("there is no producer".to_owned()));
            }
            (Action::End(_), _) => {}
        }
        Ok(Outcome::Done)
    }

    /// For people, and for whoever waits between attempts.
    fn note(&mut self, outcome: &Outcome) {
        let id = self.terms.options.id;
        match outcome {
            Outcome::Committed { .. } => self.backoff.reset(),
            Outcome::Aborted(failures) => {
                debug!(egress = %id, ?failures, "a transaction was aborted, trying again");
            }
            Outcome::Trouble(Trouble::Passing(why)) => self.complain(why),
            Outcome::Trouble(Trouble::Fenced(why)) => {
                info!(egress = %id, "another producer has taken the transactional id: {why}");
            }
            Outcome::Read(view) => debug!(egress = %id, ?view, "read the control topic"),
            Outcome::Done | Outcome::Trouble(Trouble::Hopeless(_) | Trouble::Ended) => {}
        }
        if matches!(outcome, Outcome::Trouble(_)) {
            // What it was doing is unknown to it, too.
            self.client = None;
        }
    }

    /// Warns of trouble, but does not go on about it: a broker may be away for hours.
    fn complain(&mut self, why: &str) {
        let id = self.terms.options.id;
        if self.complained.is_some_and(|last| last.elapsed() < COMPLAINTS_APART) {
            debug!(egress = %id, "trouble with Kafka, trying again: {why}");
            return;
        }
        self.complained = Some(Instant::now());
        warn!(egress = %id, "trouble with Kafka, trying again: {why}");
    }
}
