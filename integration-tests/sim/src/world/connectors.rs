//! Connectors: readers of partitions, the door, and writers of egresses.

use bytes::Bytes;
use statefun::Envelope;
use statefun::TypedValue;
use statefun_ports::source::{Position, SourceEvent, SourceRecord};

use super::World;
use super::system::Ack;
use crate::app::plan::{DOOR, Event, LEDGER, PARTITIONS, Plan, READERS, Who};
use crate::app::{Message, id_text, lane_of_events};
use crate::backend::Backend;

impl<B: Backend> World<B> {
    /// Whether a source has something to read.
    pub(super) fn has_records(&self, source: usize) -> bool {
        if source == READERS {
            return self.door_at < self.plan.door.len();
        }
        let cursors = &self.system.sources[source].cursors;
        cursors.iter().zip(&self.plan.events[source]).any(|(cursor, events)| *cursor < events.len())
    }

    /// A source reads a few records.
    pub(super) fn poll(&mut self, source: usize) {
        let count = self.rng.between(1, 4) as usize;
        let records = if source == READERS { self.knock(count) } else { self.read_records(source, count) };
        let node = &mut self.system.sources[source];
        node.core.on_records(records, &mut node.out);
        self.perform_source(source);
    }

    fn read_records(&mut self, source: usize, count: usize) -> Vec<SourceRecord> {
        let first = self.rng.index(PARTITIONS);
        let node = &mut self.system.sources[source];
        let partitions = (0..PARTITIONS).map(|offset| (first + offset) % PARTITIONS);
        let plan = &self.plan;
        let mut unread =
            partitions.filter(|partition| node.cursors[*partition] < plan.events[source][*partition].len());
        let Some(partition) = unread.next() else { return Vec::new() };
        let begin = node.cursors[partition];
        let end = (begin + count).min(plan.events[source][partition].len());
        node.cursors[partition] = end;
        (begin..end).map(|index| record(plan, source, partition, index)).collect()
    }

    /// People send by hand. Whom a crash cuts off gives up: nothing was promised.
    fn knock(&mut self, count: usize) -> Vec<SourceRecord> {
        let end = (self.door_at + count).min(self.plan.door.len());
        let records = (self.door_at..end).map(|index| {
            let target = self.names.address(Who { kind: DOOR, id: self.plan.door[index] });
            let message = Message { node: self.plan.door_node as u32, lane: 0, seq: 0, branch: 0 };
            let argument = TypedValue::new(self.names.value, message.encode().as_slice());
            SourceRecord::Addressed {
                envelope: Envelope::new(target, argument),
                ticket: Some(index as u64),
                is_urgent: index % 2 == 0,
            }
        });
        let records = records.collect();
        self.door_at = end;
        records
    }

    pub(super) fn on_source_event(&mut self, event: SourceEvent) {
        if let SourceEvent::Durable { ticket } = event {
            let first = self.system.first_ticket;
            self.external.acknowledged.extend(first..=ticket);
        }
    }

    /// A connector writes a few records.
    pub(super) fn publish(&mut self, sink: usize) {
        let count = self.rng.between(1, 5) as usize;
        let node = &mut self.system.sinks[sink];
        let written: Vec<_> = node.queue.drain(..count.min(node.queue.len())).collect();
        written.iter().for_each(|entry| self.external.publish(sink, &entry.record));
        node.acks.push_back(Ack::Published(written.iter().map(|entry| entry.seq).collect()));
    }

    /// A sink hears what its connector did.
    pub(super) fn acknowledge(&mut self, sink: usize) {
        let node = &mut self.system.sinks[sink];
        match node.acks.pop_front() {
            Some(Ack::Published(seqs)) => node.core.on_published(&seqs),
            Some(Ack::Rejected(seqs)) => node.core.on_rejected(&seqs, "refused for good", &mut node.out),
            None => {}
        }
        self.perform_sink(sink);
    }

    /// A connector ended; another one takes over.
    pub(super) fn restart_connector(&mut self, sink: usize) {
        if self.frees_early() {
            // Its records are gone from the outbox, so nothing would be given again; a crash shows that better.
            return;
        }
        self.cover("egress: a connector was restarted");
        if sink == LEDGER {
            // The thread of the old one may go on for a while.
            self.bury_publisher();
            let publisher = self.new_publisher();
            self.system.sinks[sink].publisher = Some(publisher);
        }
        let node = &mut self.system.sinks[sink];
        node.queue.clear();
        node.core.resume_all(&mut node.out);
        self.perform_sink(sink);
    }
}

fn record(plan: &Plan, source: usize, partition: usize, index: usize) -> SourceRecord {
    let position = Position { partition: partition_name(partition).into(), next: (index + 1).to_string().into() };
    let event_time = statefun::EventTime::NONE;
    let keyed = |route: usize, key: Option<&[u8]>, value: Option<&[u8]>, position| SourceRecord::Keyed {
        route: route as u32,
        key: key.map(Bytes::copy_from_slice),
        value: value.map(Bytes::copy_from_slice),
        event_time,
        position,
    };
    match &plan.events[source][partition][index] {
        Event::Tree { route, id, node, seq } => {
            let lane = lane_of_events(source, partition, *route, *id);
            let message = Message { node: *node as u32, lane, seq: *seq, branch: 0 };
            let mut buffer = [0; 2];
            keyed(*route, Some(id_text(*id, &mut buffer).as_bytes()), Some(&message.encode()), position)
        }
        Event::NoKey { uid } => keyed(0, None, Some(&uid.to_le_bytes()), position),
        Event::NoValue { uid } => keyed(0, Some(&uid.to_le_bytes()), None, position),
        Event::BadKey { uid } => keyed(0, Some(&[0xff, 0xfe]), Some(&uid.to_le_bytes()), position),
        Event::Malformed { uid } => SourceRecord::Malformed {
            detail: "not decodable".to_owned(),
            raw: Bytes::copy_from_slice(&uid.to_le_bytes()),
            position,
        },
    }
}

/// The name of a partition.
pub(super) fn partition_name(partition: usize) -> String {
    format!("partition-{partition}")
}
