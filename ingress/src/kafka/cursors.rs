//! How far each partition was read.

use bytes::Bytes;
use compact_str::{CompactString, ToCompactString, format_compact};
use rdkafka::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use statefun::EventTime;
use statefun_ports::source::{Position, SourceRecord};

/// The partitions read, by topic.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    topics: Vec<Topic>,
    /// Where the last record's topic was: records come in runs.
    recent: usize,
}

#[derive(Debug)]
struct Topic {
    name: String,
    route: u32,
    partitions: Vec<Option<Cursor>>,
}

#[derive(Debug)]
struct Cursor {
    label: CompactString,
    next: i64,
}

impl Cursors {
    /// No partition of any topic yet. Of equal topics the last one's index is the route.
    pub(super) fn new(topics: &[String]) -> Self {
        let mut cursors = Self::default();
        for (route, name) in topics.iter().enumerate() {
            let route = u32::try_from(route).expect("fewer topics than fit into an u32");
            match cursors.topics.iter_mut().find(|topic| topic.name == *name) {
                Some(topic) => topic.route = route,
                None => cursors.topics.push(Topic { name: name.clone(), route, partitions: Vec::new() }),
            }
        }
        cursors
    }

    pub(super) fn topic_names(&self) -> Vec<String> {
        self.topics.iter().map(|topic| topic.name.clone()).collect()
    }

    pub(super) fn contains(&self, name: &str, partition: i32) -> bool {
        self.cursor(name, partition).is_some()
    }

    pub(super) fn is_topic_empty(&self, name: &str) -> bool {
        self.topics.iter().all(|topic| topic.name != name || topic.partitions.is_empty())
    }

    fn cursor(&self, name: &str, partition: i32) -> Option<&Cursor> {
        let topic = self.topics.iter().find(|topic| topic.name == name)?;
        topic.partitions.get(usize::try_from(partition).ok()?)?.as_ref()
    }

    /// Reading of a partition begins, or goes on elsewhere, at `next`.
    pub(super) fn place(&mut self, name: &str, partition: i32, next: i64) {
        let Some(topic) = self.topics.iter_mut().find(|topic| topic.name == name) else { return };
        let Ok(index) = usize::try_from(partition) else { return };
        if topic.partitions.len() <= index {
            topic.partitions.resize_with(index + 1, || None);
        }
        topic.partitions[index] = Some(Cursor { label: format_compact!("{name}/{partition}"), next });
    }

    /// Every partition and its next offset.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, i32, i64)> {
        self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().enumerate().filter_map(|(index, cursor)| {
                // Indices come from partition numbers.
                cursor.as_ref().map(|cursor| (topic.name.as_str(), index as i32, cursor.next))
            })
        })
    }

    /// The same as a list for librdkafka.
    pub(super) fn assignment(&self) -> TopicPartitionList {
        list(self.all().map(|(topic, partition, next)| (topic, partition, Offset::Offset(next))))
    }

    /// A message as a record, unless it was read before or belongs to nothing that is read.
    pub(super) fn advance(&mut self, message: &impl Message) -> Option<SourceRecord> {
        if self.topics.get(self.recent)?.name != message.topic() {
            self.recent = self.topics.iter().position(|topic| topic.name == message.topic())?;
        }
        let topic = &mut self.topics[self.recent];
        let cursor = topic.partitions.get_mut(usize::try_from(message.partition()).ok()?)?.as_mut()?;
        if message.offset() < cursor.next {
            return None;
        }
        cursor.next = message.offset() + 1;
        Some(SourceRecord::Keyed {
            route: topic.route,
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            event_time: message.timestamp().to_millis().map_or(EventTime::NONE, EventTime),
            position: Position { partition: cursor.label.clone(), next: cursor.next.to_compact_string() },
        })
    }
}

/// A list for librdkafka.
pub(super) fn list<'a>(partitions: impl IntoIterator<Item = (&'a str, i32, Offset)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in partitions {
        list.add_partition_offset(topic, partition, offset)
            .expect("only offsets that are concrete or known to librdkafka are listed");
    }
    list
}

/// The parts of a position: topic, partition, offset.
pub(super) fn parse(position: &Position) -> Option<(&str, i32, i64)> {
    let (topic, partition) = position.partition.rsplit_once('/')?;
    Some((topic, partition.parse().ok()?, position.next.parse().ok().filter(|offset: &i64| *offset >= 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    fn message(topic: &str, partition: i32, offset: i64) -> OwnedMessage {
        let (key, value) = (Some(b"k".to_vec()), Some(b"v".to_vec()));
        OwnedMessage::new(value, key, topic.to_owned(), Timestamp::CreateTime(5), partition, offset, None)
    }

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_record_carries_its_route_and_the_position_behind_it() {
        let mut cursors = Cursors::new(&topics(&["a", "b"]));
        cursors.place("b", 3, 41);
        let Some(SourceRecord::Keyed { route, event_time, position, .. }) = cursors.advance(&message("b", 3, 41))
        else {
            panic!("the record was not taken");
        };
        assert_eq!((route, event_time), (1, EventTime(5)));
        assert_eq!((position.partition.as_str(), position.next.as_str()), ("b/3", "42"));
    }

    #[test]
    fn what_was_read_before_or_is_not_assigned_is_passed_over() {
        let mut cursors = Cursors::new(&topics(&["a"]));
        cursors.place("a", 0, 10);
        assert!(cursors.advance(&message("a", 0, 9)).is_none());
        assert!(cursors.advance(&message("a", 1, 10)).is_none());
        assert!(cursors.advance(&message("x", 0, 10)).is_none());
        assert!(cursors.advance(&message("a", 0, 12)).is_some(), "offsets have gaps");
    }

    #[test]
    fn of_equal_topics_the_last_entry_is_the_route() {
        let mut cursors = Cursors::new(&topics(&["a", "b", "a"]));
        cursors.place("a", 0, 0);
        let record = cursors.advance(&message("a", 0, 0));
        assert!(matches!(record, Some(SourceRecord::Keyed { route: 2, .. })));
        assert_eq!(cursors.topic_names(), ["a", "b"]);
    }

    #[test]
    fn positions_are_split_at_the_last_slash() {
        let position = |partition: &str, next: &str| Position { partition: partition.into(), next: next.into() };
        assert_eq!(parse(&position("a/b/3", "42")), Some(("a/b", 3, 42)));
        for (partition, next) in [("a", "1"), ("a/x", "1"), ("a/1", "x"), ("a/1", "-1")] {
            assert_eq!(parse(&position(partition, next)), None);
        }
    }
}
