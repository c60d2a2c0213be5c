//! Records that readers of committed records see once, whatever crashes.
//!
//! ```text
//!   engine ──▶ bridge (async) ──▶ publisher (a thread of its own)
//!     ▲                             │ 1 init_transactions: shuts out older producers of this egress
//!     │                             │ 2 commit a claim to the control topic
//!     │                             │ 3 read the topic up to there: who published what before
//!     └── published / rejected ─────┤ 4 what the topic says was published is reported, the rest is
//!                                   ▼   published in order, in short transactions that end with a commit record
//!                   [ 41 42 43 ... 57 | commit: everything up to 57 ]
//! ```
//!
//! The engine hands over only what a completed epoch holds, keeps it until it hears `published`, and hands it over again,
//! under the same sequence numbers, after a crash. So no transaction has to outlive a crash: whether it was committed is
//! asked of the control topic, whose commit record is in the same transaction as the records it speaks of.
//!
//! Whenever the outcome of anything is unknown, the producer is thrown away and the order above begins anew, except that
//! the claim is not written again but must still be the newest. A newer one means that another process runs on the same
//! history; this one ends.
//!
//! What is decided in all this is in [`statefun_engine::publication`], where the simulator runs it as well; here is what it
//! takes to do it. librdkafka's transactional calls block, so they have a thread.

mod client;
mod control;
mod inbox;
mod publisher;
mod reader;
mod session;
mod terms;
mod transaction;
mod trouble;

use std::sync::mpsc;
use std::time::Duration;

use statefun::EgressRecord;
use statefun_engine::publication::{News as Fate, Pending};
use statefun_ports::sink::{OutboxRecord, SinkCommand, SinkError, SinkInput};
use tokio::sync::mpsc::unbounded_channel;

use self::inbox::{Inbox, News, Word};
use self::publisher::Publisher;
use self::terms::Terms;
use super::Options;

/// Publishes until told to stop. Dropping the future ends the publisher as soon as it notices.
pub(super) async fn run(
    options: Options,
    transaction_timeout: Duration,
    lineage: &str,
    control_topic: String,
    mut input: Box<dyn SinkInput>,
) -> Result<(), SinkError> {
    let (records_max, bytes_max) = (options.unpublished_max, options.unpublished_bytes_max);
    let failed = {
        let sink_id = options.id;
        move |message: String| SinkError { sink_id, message, retryable: true }
    };
    let (words, to_hear) = mpsc::channel();
    let (to_tell, mut news) = unbounded_channel();
    let inbox = Inbox::new(to_hear, options.stop_patience);
    let terms = Terms::new(options, transaction_timeout, lineage, control_topic);
    let publisher = Publisher::new(terms, inbox, to_tell);
    let thread = std::thread::Builder::new().name("kafka-egress".to_owned()).spawn(move || publisher.run());
    thread.map_err(|error| failed(format!("no thread for its transactions: {error}")))?;

    let (mut records, mut bytes, mut is_stopping) = (0, 0, false);
    loop {
        let has_room = !is_stopping && records < records_max && bytes < bytes_max;
        tokio::select! {
            biased;
            item = news.recv() => match item {
                Some(News::Of(Fate::Published { seqs, bytes: size })) => {
                    records -= seqs.len();
                    bytes -= size;
                    input.published(seqs);
                }
                Some(News::Of(Fate::Refused { seq, why, bytes: size })) => {
                    records -= 1;
                    bytes -= size;
                    input.rejected(vec![seq], why);
                }
                Some(News::Ended(result)) => return result,
                None => return Err(failed("its publisher ended without a word".to_owned())),
            },
            command = input.next(), if has_room => {
                let word = match command {
                    SinkCommand::Publish(given) => {
                        let pending = admissible(given, input.as_mut());
                        records += pending.len();
                        bytes += pending.iter().map(Pending::size).sum::<usize>();
                        Word::Publish(pending)
                    }
                    SinkCommand::Completed(_) => Word::Completed,
                    SinkCommand::Stop => {
                        is_stopping = true;
                        Word::Stop
                    }
                };
                // If nobody hears it, the news says why.
                let _ = words.send(word);
            }
        }
    }
}

/// The records that are for Kafka at all; others are rejected, each time they are given.
fn admissible(given: Vec<OutboxRecord>, input: &mut dyn SinkInput) -> Vec<Pending> {
    let mut pending = Vec::with_capacity(given.len());
    for OutboxRecord { seq, record } in given {
        match record {
            // librdkafka takes topics as C strings.
            EgressRecord::Kafka(record) if record.topic.is_empty() || record.topic.contains('\0') => {
                input.rejected(vec![seq], format!("{:?} is no topic", record.topic));
            }
            EgressRecord::Kafka(record) => pending.push(Pending { seq, record }),
            _ => input.rejected(vec![seq], "only Kafka records can be written to Kafka".to_owned()),
        }
    }
    pending
}
