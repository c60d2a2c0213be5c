//! What each action does.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use statefun::{CallId, Epoch, EventTime, Generation, Lineage, ProcessingTime, ShardId, SinkId, SourceId};
use statefun_engine::Participant;
use statefun_engine::shard::Input;
use statefun_engine::snapshot::Command;
use statefun_engine::time::Delta;
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome, InvocationBatch};
use statefun_ports::snapshot_store::{Manifest, SnapshotStore};
use statefun_ports::source::{Position, SourceRecord};

use super::super::app;
use super::{Action, KEY_GROUPS, News, PARTITIONS, Parcel, Plant, SOURCES, System, World, send, tell_everybody};
use crate::backend::Backend as _;

impl World {
    pub(super) fn perform(&mut self, system: &mut System, action: Action) {
        let now = ProcessingTime(self.now);
        match action {
            Action::Deliver(from, to) => self.deliver(system, from, to),
            Action::Delta(queue) => {
                if let Some(delta) = system.deltas[queue].pop_front() {
                    system.tracker.on_delta(now, &delta);
                }
                if self.rng.chance(500_000) || system.deltas.iter().all(VecDeque::is_empty) {
                    self.publish(system);
                }
            }
            Action::Progress(shard) => {
                if let Some(progress) = system.progress[shard].pop_front() {
                    self.drive(system, shard, Input::Progress(progress));
                    self.stats.deferred += u64::from(system.shards[shard].0.frontier().has_deferred());
                }
            }
            Action::News(to) => self.tell(system, to),
            Action::Word => {
                if let Some((from, part)) = system.words.pop_front() {
                    let mut commands = Vec::new();
                    system.coordinator.on_part(from, part, &mut commands);
                    self.obey(system, commands);
                }
            }
            Action::Poll(source) => self.poll(system, source),
            Action::Tick(shard) => self.drive(system, shard, Input::Tick),
            Action::Reply => {
                if let Some((_, (shard, call, outcome))) = system.replies.pop_first() {
                    self.drive(system, shard, Input::Reply { call, outcome });
                }
            }
            Action::Commit => self.commit(system),
            Action::Coordinate => {
                let mut commands = Vec::new();
                system.coordinator.on_tick(now, &mut commands);
                self.obey(system, commands);
            }
        }
    }

    pub(super) fn poll(&mut self, system: &mut System, source: usize) {
        let node = &mut system.sources[source];
        node.core.on_tick(ProcessingTime(self.now), &mut node.out);
        let unread: Vec<_> = (0..PARTITIONS)
            .filter(|partition| node.cursors[*partition] < self.plan[source][*partition].len())
            .collect();
        if unread.is_empty() {
            node.has_ended = true;
            node.core.on_end(&mut node.out);
        } else {
            let partition = self.rng.one_of(&unread);
            let begin = node.cursors[partition];
            let end = (begin + self.rng.between(1, 4) as usize).min(self.plan[source][partition].len());
            node.cursors[partition] = end;
            let records = (begin..end).map(|index| {
                let event = self.plan[source][partition][index];
                let (key, value) = app::first_message(event.walk);
                SourceRecord::Keyed {
                    route: 0,
                    key: Some(Bytes::from(key)),
                    value: Some(value.bytes.to_bytes()),
                    event_time: EventTime(event.at),
                    position: Position {
                        partition: partition.to_string().into(),
                        next: (index + 1).to_string().into(),
                    },
                }
            });
            node.core.on_records(records.collect(), &mut node.out);
        }
        self.perform_source(system, source);
    }

    pub(super) fn perform_source(&mut self, system: &mut System, source: usize) {
        let from = Participant::Source(SourceId(source as u16));
        let node = &mut system.sources[source];
        let delta = node.out.delta.take();
        let shards: Vec<_> = node.out.shards.iter_mut().map(std::mem::take).collect();
        let sinks: Vec<_> = node.out.sinks.iter_mut().flat_map(std::mem::take).collect();
        let part = node.out.part.take();
        node.out.events.clear();
        let name = self.application.sources[source];
        let part = part.map(|(epoch, rows)| self.backend.encode(name.as_str(), epoch, &rows));
        self.say(system, source, delta);
        for (shard, items) in shards.into_iter().enumerate() {
            send(system, from, Participant::Shard(ShardId(shard as u16)), items.into_iter().map(Parcel::Shard));
        }
        send(system, from, Participant::Sink(SinkId(0)), sinks.into_iter().map(Parcel::Sink));
        system.words.extend(part.map(|part| (from, part)));
    }

    pub(super) fn drive(&mut self, system: &mut System, index: usize, input: Input) {
        let from = Participant::Shard(ShardId(index as u16));
        let (shard, out) = &mut system.shards[index];
        shard.handle(ProcessingTime(self.now), input, out);
        let delta = out.delta.take();
        let shards: Vec<_> = out.shards.iter_mut().map(std::mem::take).collect();
        let sinks: Vec<_> = out.sinks.iter_mut().flat_map(std::mem::take).collect();
        let parts = std::mem::take(&mut out.parts);
        let calls = std::mem::take(&mut out.calls);
        // Before the items are in their channels: whoever is caused by them speaks later.
        self.say(system, SOURCES + index, delta);
        for (shard, items) in shards.into_iter().enumerate() {
            send(system, from, Participant::Shard(ShardId(shard as u16)), items.into_iter().map(Parcel::Shard));
        }
        send(system, from, Participant::Sink(SinkId(0)), sinks.into_iter().map(Parcel::Sink));
        system.words.extend(parts.into_iter().map(|part| (from, part)));
        for (call, batch) in calls {
            self.call(system, index, call, &batch);
        }
    }

    pub(super) fn say(&mut self, system: &mut System, place: usize, delta: Option<Delta>) {
        let Some(mut delta) = delta else { return };
        let queue = if system.deltas.len() > 1 { place } else { 0 };
        if self.plant == Some(Plant::MinusBeforePlus) {
            let (minus, plus) = delta.counts.iter().partition(|(_, count)| *count < 0);
            delta.counts = minus;
            let later = Delta { counts: plus, ..delta.clone() };
            system.deltas[queue].push_back(delta);
            delta = later;
        }
        system.deltas[queue].push_back(delta);
    }

    pub(super) fn publish(&mut self, system: &mut System) {
        while let Some(mut progress) = system.tracker.publish() {
            self.stats.progress += 1;
            if self.plant == Some(Plant::AheadOfTheCut) {
                progress.epoch = Epoch(0);
            }
            let progress = Arc::new(progress);
            system.progress.iter_mut().for_each(|queue| queue.push_back(Arc::clone(&progress)));
        }
    }

    pub(super) fn call(&mut self, system: &mut System, shard: usize, call: CallId, batch: &InvocationBatch) {
        let outcome = if self.rng.chance(50_000) {
            let failure = CallFailure { kind: CallFailureKind::Connection, message: "refused".to_owned() };
            CallOutcome::Failed(failure)
        } else {
            let messages: Vec<_> = batch.invocations.iter().map(|message| message.argument.clone()).collect();
            CallOutcome::Done(app::remote(&messages))
        };
        self.next_reply += 1;
        let due = self.now + self.rng.between(0, self.latency_max);
        system.replies.insert((due, self.next_reply), (shard, call, outcome));
    }

    pub(super) fn deliver(&mut self, system: &mut System, from: Participant, to: Participant) {
        let count = self.rng.between(1, 4) as usize;
        let queue = system.channels.entry((from, to)).or_default();
        let count = count.min(queue.len());
        let parcels: Vec<_> = queue.drain(..count).collect();
        let (mut items, mut records) = (Vec::new(), Vec::new());
        for parcel in parcels {
            match parcel {
                Parcel::Shard(item) => items.push(item),
                Parcel::Sink(item) => records.push(item),
            }
        }
        match to {
            Participant::Shard(shard) => self.drive(system, usize::from(shard.0), Input::Batch { from, items }),
            Participant::Sink(_) => {
                let (core, out) = &mut system.sink;
                core.on_items(from, records, out);
                self.perform_sink(system);
            }
            Participant::Source(_) => unreachable!("nobody sends to a source"),
        }
    }

    pub(super) fn perform_sink(&mut self, system: &mut System) {
        let (_, out) = &mut system.sink;
        out.commands.clear();
        if let Some((epoch, rows)) = out.part.take() {
            let part = self.backend.encode("time/dead-letters", epoch, &rows);
            system.words.push_back((Participant::Sink(SinkId(0)), part));
        }
    }

    pub(super) fn obey(&mut self, system: &mut System, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Start(marker) => {
                    for source in 0..SOURCES {
                        let to = Participant::Source(SourceId(source as u16));
                        system.news.entry(to).or_default().push_back(News::Start(marker));
                    }
                }
                Command::Commit { epoch, parts } => system.commit = Some((epoch, parts)),
                Command::Completed(permit) => {
                    self.stats.epochs += 1;
                    tell_everybody(system, News::Completed(permit.epoch()));
                }
                Command::Abandoned(epoch) => tell_everybody(system, News::Abandoned(epoch)),
            }
        }
    }

    pub(super) fn commit(&mut self, system: &mut System) {
        let Some((epoch, parts)) = system.commit.take() else { return };
        if self.rng.chance(self.commit_fails) {
            self.backend.fail_next_commit();
        }
        let manifest =
            Manifest { epoch, generation: Generation(self.generation), lineage: Lineage(1), key_groups: KEY_GROUPS };
        let durable = parts.is_empty() || self.backend.store().commit(manifest, &parts).is_ok();
        let mut commands = Vec::new();
        system.coordinator.on_committed(ProcessingTime(self.now), epoch, durable, &mut commands);
        self.obey(system, commands);
    }

    pub(super) fn tell(&mut self, system: &mut System, to: Participant) {
        let Some(news) = system.news.entry(to).or_default().pop_front() else { return };
        match to {
            Participant::Source(source) => {
                let node = &mut system.sources[usize::from(source.0)];
                match news {
                    News::Start(marker) => node.core.on_start(marker, &mut node.out),
                    News::Completed(epoch) => node.core.on_completed(epoch, &mut node.out),
                    News::Abandoned(epoch) => node.core.on_abandoned(epoch),
                }
                self.perform_source(system, usize::from(source.0));
            }
            Participant::Shard(shard) => {
                let input = match news {
                    News::Start(_) => unreachable!("epochs start at sources"),
                    News::Completed(epoch) => Input::Completed(epoch),
                    News::Abandoned(epoch) => Input::Abandoned(epoch),
                };
                self.drive(system, usize::from(shard.0), input);
            }
            Participant::Sink(_) => {
                let (core, out) = &mut system.sink;
                match news {
                    News::Start(_) => unreachable!("epochs start at sources"),
                    News::Completed(epoch) => core.on_completed(epoch, out),
                    News::Abandoned(epoch) => core.on_abandoned(epoch, out),
                }
                self.perform_sink(system);
            }
        }
    }
}
