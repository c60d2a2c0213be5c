//! Doing what the cores say is to be done.

use statefun::{ProcessingTime, ShardId};
use statefun_engine::channel::{Item, SinkItem};
use statefun_engine::{Participant, shard};
use statefun_ports::rows::{RowKey, RowValue};
use statefun_ports::sink::SinkCommand;

use super::World;
use super::system::{Ack, Parcel, Word};
use crate::backend::Backend;
use crate::plant::Plant;

impl<B: Backend> World<B> {
    /// Gives a shard an input and performs what comes of it.
    pub(super) fn drive_shard(&mut self, index: usize, input: shard::Input) {
        let now = ProcessingTime(self.now);
        let node = &mut self.system.shards[index];
        node.core.handle(now, input, &mut node.out);
        self.perform_shard(index);
    }

    fn perform_shard(&mut self, index: usize) {
        let from = self.system.shard_place(index);
        let overtakes = self.options.plant == Some(Plant::MarkerOvertakes);
        for shard in 0..self.system.shards.len() {
            if self.system.shards[index].out.shards[shard].is_empty() {
                continue;
            }
            let items = std::mem::take(&mut self.system.shards[index].out.shards[shard]);
            let mut parcels: Vec<_> = items.into_iter().map(Parcel::Shard).collect();
            if overtakes {
                parcels.sort_by_key(|parcel| !parcel.is_marker());
            }
            self.meddle(&mut parcels);
            let to = self.system.shard_place(shard);
            self.system.send(from, to, parcels.into_iter());
        }
        for sink in 0..self.system.sinks.len() {
            if self.system.shards[index].out.sinks[sink].is_empty() {
                continue;
            }
            let items = std::mem::take(&mut self.system.shards[index].out.sinks[sink]);
            let mut parcels: Vec<_> = items.into_iter().map(Parcel::Sink).collect();
            if overtakes {
                parcels.sort_by_key(|parcel| !parcel.is_marker());
            }
            let to = self.system.sink_place(sink);
            self.system.send(from, to, parcels.into_iter());
        }
        for part in std::mem::take(&mut self.system.shards[index].out.parts) {
            self.system.words[from].push_back(Word::Part(part));
        }
        for (call, batch) in std::mem::take(&mut self.system.shards[index].out.calls) {
            self.call(index, call, batch);
        }
    }

    /// Channels that lose, repeat or reorder, when that bug is planted.
    fn meddle(&mut self, parcels: &mut Vec<Parcel>) {
        let Some(plant) = self.options.plant else { return };
        let last_is_envelope = parcels.last().is_some_and(|parcel| !parcel.is_marker());
        match plant {
            Plant::LosesMessages if last_is_envelope && self.rng.chance(5_000) => drop(parcels.pop()),
            Plant::RepeatsMessages if last_is_envelope && self.rng.chance(5_000) => {
                parcels.extend(parcels.last().cloned());
            }
            Plant::ChannelReorders if parcels.len() >= 2 && self.rng.chance(100_000) => {
                let end = parcels.len();
                if !parcels[end - 1].is_marker() && !parcels[end - 2].is_marker() {
                    parcels.swap(end - 1, end - 2);
                }
            }
            _ => {}
        }
    }

    pub(super) fn perform_source(&mut self, index: usize) {
        let node = &mut self.system.sources[index];
        let (mut shards, mut sinks) = (std::mem::take(&mut node.out.shards), std::mem::take(&mut node.out.sinks));
        let part = node.out.part.take();
        let events = std::mem::take(&mut node.out.events);
        let is_wanted = std::mem::take(&mut node.out.epoch_wanted);
        for (shard, items) in shards.iter_mut().enumerate() {
            let to = self.system.shard_place(shard);
            self.system.send(index, to, items.drain(..).map(Parcel::Shard));
        }
        for (sink, items) in sinks.iter_mut().enumerate() {
            let to = self.system.sink_place(sink);
            self.system.send(index, to, items.drain(..).map(Parcel::Sink));
        }
        let node = &mut self.system.sources[index];
        (node.out.shards, node.out.sinks) = (shards, sinks);
        if let Some((epoch, rows)) = part {
            let part = self.backend.encode(self.names.sources[index].as_str(), epoch, &rows);
            self.system.words[index].push_back(Word::Part(part));
        }
        if is_wanted {
            self.system.words[index].push_back(Word::Request);
        }
        for event in events {
            self.on_source_event(event);
        }
    }

    pub(super) fn perform_sink(&mut self, index: usize) {
        let place = self.system.sink_place(index);
        let node = &mut self.system.sinks[index];
        let mut acks = Vec::new();
        for command in node.out.commands.drain(..) {
            match (command, &mut node.publisher) {
                (SinkCommand::Publish(records), publisher) => {
                    if self.options.plant == Some(Plant::FreedBeforePublished) {
                        acks.push(records.iter().map(|record| record.seq).collect());
                    }
                    match publisher {
                        Some(publisher) => publisher.give(records),
                        None => node.queue.extend(records),
                    }
                }
                (SinkCommand::Completed(_), Some(publisher)) => publisher.on_completed(),
                (SinkCommand::Completed(_) | SinkCommand::Stop, _) => {}
            }
        }
        node.acks.extend(acks.into_iter().map(Ack::Published));
        let part = node.out.part.take();
        let is_wanted = std::mem::take(&mut node.out.epoch_wanted);
        let letters = std::mem::take(&mut node.out.dead_letters);
        if let Some((epoch, rows)) = part {
            let part = self.backend.encode(self.names.egresses[index].0.as_str(), epoch, &rows);
            self.system.words[place].push_back(Word::Part(part));
        }
        if is_wanted {
            self.system.words[place].push_back(Word::Request);
        }
        if !letters.is_empty() {
            let keeper = self.system.sink_place(self.system.sinks.len() - 1);
            self.system.send(place, keeper, letters.into_iter().map(Parcel::Sink));
        }
    }

    /// Delivers parcels of one channel.
    pub(super) fn deliver(&mut self, from: usize, to: usize, parcels: Vec<Parcel>) {
        let sender = self.system.participant(from);
        match self.system.participant(to) {
            Participant::Shard(ShardId(shard)) => {
                let items: Vec<_> = parcels
                    .into_iter()
                    .map(|parcel| match parcel {
                        Parcel::Shard(item) => item,
                        Parcel::Sink(_) => unreachable!("a shard's channel carries what shards get"),
                    })
                    .collect();
                self.stats.messages += items.iter().filter(|item| matches!(item, Item::Envelope(_))).count() as u64;
                self.drive_shard(usize::from(shard), shard::Input::Batch { from: sender, items });
            }
            Participant::Sink(sink) => {
                let items: Vec<SinkItem> = parcels
                    .into_iter()
                    .map(|parcel| match parcel {
                        Parcel::Sink(item) => item,
                        Parcel::Shard(_) => unreachable!("a sink's channel carries what sinks get"),
                    })
                    .collect();
                let index = usize::from(sink.0);
                let node = &mut self.system.sinks[index];
                node.core.on_items(sender, items, &mut node.out);
                self.perform_sink(index);
            }
            Participant::Source(_) => unreachable!("nobody sends to a source"),
        }
    }

    /// A source's part that says how far it has read by now, when that bug is planted.
    pub(super) fn part_running_ahead(
        &self,
        source: usize,
        part: statefun_ports::keyed_state::EncodedPart,
    ) -> statefun_ports::keyed_state::EncodedPart {
        let name = self.names.sources[source];
        let rows: Vec<_> = self.system.sources[source]
            .core
            .positions()
            .map(|position| {
                let key = RowKey::Position { source: name, partition: position.partition };
                (key, Some(RowValue::Position(position.next)))
            })
            .collect();
        self.backend.encode(name.as_str(), part.epoch, &rows)
    }
}
