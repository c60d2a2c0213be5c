//! The reader's thread: finds partitions, places them, polls them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use statefun_ports::source::{Position, SourceError, SourceRecord};
use tracing::{info, warn};

use super::client::{Consumer, Context, configuration};
use super::cursors::{self, Cursors};
use super::header;
use super::start::{Begin, Extent, Lost, Wanted, begin, choices};
use super::{LostPositions, Options, Startup};
use crate::feed::{self, Feed};

const BATCH_RECORDS_MAX: usize = 512;
const BATCH_TIME_MAX: Duration = Duration::from_millis(5);
/// How long to wait for a record before listening to the engine again.
const POLL_MAX: Duration = Duration::from_millis(50);
/// Short, because a stop waits for it, and because a question is asked again anyway.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// A broker that has just started may not know a topic yet, nor a partition's end.
const DOUBTS_MAX: u32 = 5;
const MISSING_TOPIC_INTERVAL: Duration = Duration::from_secs(10);
const LAST_COMMIT_MAX: Duration = Duration::from_secs(2);

/// When partitions were found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    AtStart,
    WhileRunning,
}

type Partition = (String, i32);

/// The engine said stop in the middle of something.
enum Interrupted {
    Stopped,
    Failed(SourceError),
}

impl From<SourceError> for Interrupted {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Reader {
    options: Options,
    consumer: Consumer,
    cursors: Cursors,
    restored: BTreeMap<Partition, i64>,
    is_restored: bool,
    looked: Instant,
    last_commit: Option<TopicPartitionList>,
}

impl Reader {
    pub(super) fn new(options: Options, positions: &[Position]) -> Result<Self, SourceError> {
        let mut restored = BTreeMap::new();
        for position in positions {
            let (topic, partition, offset) = cursors::parse(position).ok_or_else(|| {
                let Position { partition, next } = position;
                let message =
                    format!("cannot go on in {partition:?} from {next:?}: it is no position in a Kafka topic");
                feed::failed(options.id, false, message)
            })?;
            if !options.topics.iter().any(|known| known == topic) {
                info!(ingress = %options.id, topic, partition, offset, "the module no longer reads this topic; its position is left alone");
            }
            restored.insert((topic.to_owned(), partition), offset);
        }
        let consumer = configuration(&options).create_with_context(Context::new(options.id)).map_err(|error| {
            feed::failed(options.id, false, format!("cannot make a Kafka consumer of these properties: {error}"))
        })?;
        let cursors = Cursors::new(&options.topics);
        Ok(Self {
            options,
            consumer,
            cursors,
            is_restored: !restored.is_empty(),
            restored,
            looked: Instant::now(),
            last_commit: None,
        })
    }

    /// Reads until the engine says stop.
    pub(super) fn read(mut self, feed: &mut Feed) -> Result<(), SourceError> {
        match self.start(feed).and_then(|()| self.poll(feed)) {
            Ok(()) | Err(Interrupted::Stopped) => {
                self.finish();
                Ok(())
            }
            Err(Interrupted::Failed(error)) => Err(error),
        }
    }

    fn start(&mut self, feed: &mut Feed) -> Result<(), Interrupted> {
        let mut found = Vec::new();
        for topic in self.cursors.topic_names() {
            found.extend(self.partitions_at_start(&topic, feed)?);
        }
        let begun = self.place(found, Found::AtStart, feed)?;
        let assigned = self.consumer.assign(&self.cursors.assignment());
        assigned.map_err(|error| self.failed(true, format!("cannot assign partitions: {error}")))?;
        info!(ingress = %self.options.id, partitions = begun, "reading from Kafka");
        self.looked = Instant::now();
        Ok(())
    }

    fn poll(&mut self, feed: &mut Feed) -> Result<(), Interrupted> {
        let mut batch = Vec::with_capacity(BATCH_RECORDS_MAX);
        while !feed.is_stopped() {
            if let Some(positions) = feed.committed() {
                self.commit(&positions);
            }
            if self.is_time_to_look() {
                self.look_for_partitions(feed)?;
            }
            self.fill(&mut batch, feed)?;
            if !batch.is_empty() {
                feed.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_RECORDS_MAX)));
            }
        }
        // The last epoch completes right before stop is said.
        if let Some(positions) = feed.committed() {
            self.commit(&positions);
        }
        Ok(())
    }

    /// Waits for a record, then takes what is there without waiting: a lone record leaves at once, a flood in batches.
    fn fill(&mut self, batch: &mut Vec<SourceRecord>, feed: &mut Feed) -> Result<(), Interrupted> {
        let mut first = None;
        while batch.len() < BATCH_RECORDS_MAX {
            let wait = if first.is_none() { POLL_MAX } else { Duration::ZERO };
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let record = self.cursors.advance(&message);
                    batch.extend(match &self.options.time_header {
                        Some(header) => record.map(|record| header::stamp(record, &message, header)),
                        None => record,
                    });
                    let began = *first.get_or_insert_with(Instant::now);
                    if batch.len().is_multiple_of(32) && began.elapsed() > BATCH_TIME_MAX {
                        break;
                    }
                }
                // What was read before the trouble is handed over first; it is still in order.
                Some(Err(error)) => return self.on_error(&error, feed),
                None => break,
            }
        }
        Ok(())
    }

    fn on_error(&mut self, error: &KafkaError, feed: &mut Feed) -> Result<(), Interrupted> {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => self.check_positions(feed),
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(self.failed(true, format!("cannot read from Kafka any more: {error}")).into())
            }
            _ => {
                self.refuse("read", error)?;
                self.consumer.context().trouble("read from Kafka", error);
                Ok(())
            }
        }
    }

    /// librdkafka met an offset that does not exist: finds out which, and stops or moves as configured.
    fn check_positions(&mut self, feed: &mut Feed) -> Result<(), Interrupted> {
        let all: Vec<(Partition, Wanted)> = self
            .cursors
            .all()
            .map(|(topic, partition, next)| ((topic.to_owned(), partition), Wanted::Restored(next)))
            .collect();
        self.place_at(all, feed)?;
        let assigned = self.consumer.assign(&self.cursors.assignment());
        assigned.map_err(|error| self.failed(true, format!("cannot assign partitions: {error}")))?;
        // Nothing may have been wrong: a broker that comes back can be behind for a moment.
        feed.pause(RETRY_PAUSE);
        Ok(())
    }

    // ---- Finding partitions -----------------------------------------------------------------------------------------

    fn is_time_to_look(&self) -> bool {
        let missing = || self.cursors.topic_names().iter().any(|topic| self.cursors.is_topic_empty(topic));
        match self.options.discovery_interval {
            Some(interval) => self.looked.elapsed() >= interval,
            None => self.looked.elapsed() >= MISSING_TOPIC_INTERVAL && missing(),
        }
    }

    fn look_for_partitions(&mut self, feed: &mut Feed) -> Result<(), Interrupted> {
        self.looked = Instant::now();
        let mut found = Vec::new();
        for topic in self.cursors.topic_names() {
            match self.partitions(&topic) {
                Ok(partitions) => found.extend(partitions),
                Err(error) => {
                    self.refuse("look for partitions", &error)?;
                    self.consumer.context().trouble("look for new partitions", &error);
                    return Ok(());
                }
            }
        }
        found.retain(|(topic, partition)| !self.cursors.contains(topic, *partition));
        if found.is_empty() {
            return Ok(());
        }
        info!(ingress = %self.options.id, partitions = ?found, "found new partitions");
        self.place(found.clone(), Found::WhileRunning, feed)?;
        let added = self.cursors.all().filter(|(topic, partition, _)| {
            found
                .iter()
                .any(|(found_topic, found_partition)| (found_topic.as_str(), found_partition) == (topic, partition))
        });
        let added = cursors::list(added.map(|(topic, partition, next)| (topic, partition, Offset::Offset(next))));
        let assigned = self.consumer.incremental_assign(&added);
        assigned.map_err(|error| self.failed(true, format!("cannot assign new partitions: {error}")))?;
        Ok(())
    }

    fn partitions_at_start(&self, topic: &str, feed: &mut Feed) -> Result<Vec<Partition>, Interrupted> {
        for _ in 0..DOUBTS_MAX {
            let partitions = self.ask(feed, "ask for the partitions of a topic", || self.partitions(topic))?;
            if !partitions.is_empty() {
                return Ok(partitions);
            }
            self.wait(feed)?;
        }
        warn!(ingress = %self.options.id, topic, "the topic does not exist yet; looking for it now and then");
        Ok(Vec::new())
    }

    /// The partitions of a topic; none when it does not exist.
    fn partitions(&self, topic: &str) -> KafkaResult<Vec<Partition>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), QUERY_TIMEOUT)?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(Vec::new()) };
        match found.error().map(RDKafkaErrorCode::from) {
            None => Ok(found.partitions().iter().map(|partition| (topic.to_owned(), partition.id())).collect()),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::LeaderNotAvailable,
            ) => Ok(Vec::new()),
            Some(error) => Err(KafkaError::MetadataFetch(error)),
        }
    }

    // ---- Placing partitions -----------------------------------------------------------------------------------------

    /// Decides where each of these partitions begins, and leaves a mark with the group. Returns how many there were.
    fn place(&mut self, found: Vec<Partition>, when: Found, feed: &mut Feed) -> Result<usize, Interrupted> {
        let count = found.len();
        let (known, unknown): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|partition| self.restored.contains_key(partition));
        let mut wanted: Vec<(Partition, Wanted)> = known
            .into_iter()
            .map(|partition| {
                let offset = self.restored[&partition];
                (partition, Wanted::Restored(offset))
            })
            .collect();
        let fresh = unknown.clone();
        wanted.extend(self.wanted(unknown, when, feed)?);
        self.place_at(wanted, feed)?;
        let marks: Vec<_> = self
            .cursors
            .all()
            .filter(|(topic, partition, _)| fresh.contains(&((*topic).to_owned(), *partition)))
            .collect();
        if !marks.is_empty() {
            self.commit_list(cursors::list(
                marks.into_iter().map(|(topic, partition, next)| (topic, partition, Offset::Offset(next))),
            ));
        }
        Ok(count)
    }

    /// What is wanted for partitions that the snapshot does not know.
    fn wanted(
        &self,
        partitions: Vec<Partition>,
        when: Found,
        feed: &mut Feed,
    ) -> Result<Vec<(Partition, Wanted)>, Interrupted> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let each = |wanted: Wanted| partitions.iter().cloned().map(|partition| (partition, wanted)).collect();
        match &self.options.startup {
            _ if self.is_restored => {
                let mut marks = self.group_offsets(&partitions, feed)?;
                for (_, wanted) in &mut marks {
                    if *wanted == Wanted::Unknown {
                        *wanted = Wanted::Earliest;
                    }
                }
                Ok(marks)
            }
            _ if when == Found::WhileRunning => Ok(each(Wanted::Earliest)),
            Startup::Earliest => Ok(each(Wanted::Earliest)),
            Startup::Latest => Ok(each(Wanted::Latest)),
            Startup::GroupOffsets => self.group_offsets(&partitions, feed),
            Startup::SpecificOffsets(offsets) => {
                let mut wanted = self.group_offsets(&partitions, feed)?;
                for (partition, wanted) in &mut wanted {
                    if let Some(offset) = offsets.get(partition) {
                        *wanted = Wanted::Offset(*offset);
                    }
                }
                Ok(wanted)
            }
            Startup::Date { timestamp_ms } => self.offsets_at(&partitions, *timestamp_ms, feed),
        }
    }

    fn group_offsets(
        &self,
        partitions: &[Partition],
        feed: &mut Feed,
    ) -> Result<Vec<(Partition, Wanted)>, Interrupted> {
        let list =
            || cursors::list(partitions.iter().map(|(topic, partition)| (topic.as_str(), *partition, Offset::Invalid)));
        let committed = self.ask(feed, "ask for the group's offsets", || {
            checked(self.consumer.committed_offsets(list(), QUERY_TIMEOUT)?)
        })?;
        Ok(wanted_of(&committed, Wanted::Unknown))
    }

    fn offsets_at(
        &self,
        partitions: &[Partition],
        timestamp_ms: i64,
        feed: &mut Feed,
    ) -> Result<Vec<(Partition, Wanted)>, Interrupted> {
        let times = || {
            cursors::list(
                partitions.iter().map(|(topic, partition)| (topic.as_str(), *partition, Offset::Offset(timestamp_ms))),
            )
        };
        let found = self.ask(feed, "ask for the offsets of a date", || {
            checked(self.consumer.offsets_for_times(times(), QUERY_TIMEOUT)?)
        })?;
        Ok(wanted_of(&found, Wanted::Latest))
    }

    fn place_at(&mut self, wanted: Vec<(Partition, Wanted)>, feed: &mut Feed) -> Result<(), Interrupted> {
        let mut all_lost = Vec::new();
        for ((topic, partition), wanted) in wanted {
            let extent = self.extent(&topic, partition, wanted, feed)?;
            match (begin(wanted, extent, self.options.offset_reset), wanted) {
                (Begin::At(offset), _) => self.cursors.place(&topic, partition, offset),
                (Begin::Lost, Wanted::Restored(position)) => {
                    let lost = Lost { topic, partition, position, extent };
                    if self.options.lost_positions == LostPositions::Reset {
                        let next = extent.reset(self.options.offset_reset);
                        warn!(ingress = %self.options.id, next, "going on in spite of a lost position: {lost}");
                        self.cursors.place(&lost.topic, partition, next);
                    } else {
                        all_lost.push(lost);
                    }
                }
                (Begin::Lost, _) => {}
            }
        }
        if all_lost.is_empty() { Ok(()) } else { Err(self.failed(false, choices(&all_lost)).into()) }
    }

    /// What the broker has of a partition. An end before the position is doubted for a while: a broker that has just started
    /// may still be finding out.
    fn extent(&self, topic: &str, partition: i32, wanted: Wanted, feed: &mut Feed) -> Result<Extent, Interrupted> {
        let mut doubts = 0;
        loop {
            let (low, high) = self.ask(feed, "ask for the extent of a partition", || {
                self.consumer.fetch_watermarks(topic, partition, QUERY_TIMEOUT)
            })?;
            match wanted {
                Wanted::Restored(position) if position > high && doubts < DOUBTS_MAX => doubts += 1,
                _ => return Ok(Extent { low, high }),
            }
            self.wait(feed)?;
        }
    }

    // ---- Talking to the broker --------------------------------------------------------------------------------------

    /// Asks until there is an answer.
    fn ask<T>(&self, feed: &mut Feed, attempt: &str, question: impl Fn() -> KafkaResult<T>) -> Result<T, Interrupted> {
        loop {
            if feed.is_stopped() {
                return Err(Interrupted::Stopped);
            }
            match question() {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    self.refuse(attempt, &error)?;
                    self.consumer.context().trouble(attempt, &error);
                    self.wait(feed)?;
                }
            }
        }
    }

    fn wait(&self, feed: &mut Feed) -> Result<(), Interrupted> {
        if feed.pause(RETRY_PAUSE) { Ok(()) } else { Err(Interrupted::Stopped) }
    }

    /// Ends the run when the broker answers that this principal may not.
    fn refuse(&self, attempt: &str, error: &KafkaError) -> Result<(), SourceError> {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::InvalidTopic
                | RDKafkaErrorCode::InvalidGroupId,
            ) => Err(self.failed(true, format!("cannot {attempt}: {error}"))),
            _ => Ok(()),
        }
    }

    fn commit(&mut self, positions: &[Position]) {
        let parsed = positions.iter().filter_map(cursors::parse);
        let list = cursors::list(parsed.map(|(topic, partition, next)| (topic, partition, Offset::Offset(next))));
        self.commit_list(list);
    }

    fn commit_list(&mut self, list: TopicPartitionList) {
        if list.count() == 0 {
            return;
        }
        match self.consumer.commit(&list, CommitMode::Async) {
            Ok(()) => self.last_commit = Some(list),
            Err(error) => self.consumer.context().trouble("commit offsets to the group", &error),
        }
    }

    /// Gives the last commit a moment, so that operators see where an orderly stop was. Nothing reports that it arrived, so
    /// the group is asked: the question follows the commit on the same connection.
    fn finish(&self) {
        let Some(last) = &self.last_commit else { return };
        let until = Instant::now() + LAST_COMMIT_MAX;
        while Instant::now() < until {
            match self.consumer.committed_offsets(last.clone(), LAST_COMMIT_MAX / 4) {
                Ok(committed) if committed.to_topic_map() == last.to_topic_map() => return,
                Ok(_) => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => self.consumer.context().trouble("see the group's offsets", &error),
            }
        }
    }

    fn failed(&self, retryable: bool, message: String) -> SourceError {
        feed::failed(self.options.id, retryable, message)
    }
}

/// The list, unless one of its partitions has an error.
fn checked(list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    for element in list.elements() {
        element.error()?;
    }
    Ok(list)
}

fn wanted_of(list: &TopicPartitionList, otherwise: Wanted) -> Vec<(Partition, Wanted)> {
    let elements = list.elements();
    let wanted = elements.iter().map(|element| {
        let wanted = match element.offset() {
            Offset::Offset(offset) => Wanted::Offset(offset),
            _ => otherwise,
        };
        ((element.topic().to_owned(), element.partition()), wanted)
    });
    wanted.collect()
}
