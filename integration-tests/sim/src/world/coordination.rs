//! The coordinator, its news, and commits.

use statefun::{Epoch, Generation, ProcessingTime};
use statefun_engine::channel::Marker;
use statefun_engine::snapshot::Command;
use statefun_engine::{Participant, shard};
use statefun_ports::keyed_state::EncodedPart;
use statefun_ports::sink::SinkCommand;
use statefun_ports::snapshot_store::Manifest;

use super::World;
use super::system::{Commit, News, SinkNode, Word};
use crate::app::plan::READERS;
use crate::backend::Backend;
use crate::plant::Plant;

impl<B: Backend> World<B> {
    fn coordinator(&mut self) -> (&mut statefun_engine::snapshot::Coordinator, &mut Vec<Command>) {
        let system = &mut self.system;
        (system.coordinator.as_mut().expect("there is one between recovery and crash"), &mut system.commands)
    }

    pub(super) fn tick_coordinator(&mut self) {
        let now = ProcessingTime(self.now);
        let (coordinator, commands) = self.coordinator();
        coordinator.on_tick(now, commands);
        self.perform_commands();
    }

    /// The coordinator hears the next word of a participant.
    pub(super) fn hear(&mut self, place: usize) {
        let now = ProcessingTime(self.now);
        let from = self.system.participant(place);
        let Some(word) = self.system.words[place].pop_front() else { return };
        match word {
            Word::Request => {
                let (coordinator, commands) = self.coordinator();
                coordinator.on_request(now, commands);
            }
            Word::Part(mut part) => {
                if !self.system.handed_in.insert((place, part.epoch)) {
                    self.external.faults.push(format!("{from} handed in its part of {} twice", part.epoch));
                }
                if self.options.plant == Some(Plant::PositionsRunAhead)
                    && let Participant::Source(source) = from
                {
                    part = self.part_running_ahead(usize::from(source.0), part);
                }
                let (coordinator, commands) = self.coordinator();
                coordinator.on_part(from, part, commands);
            }
        }
        self.perform_commands();
    }

    fn perform_commands(&mut self) {
        while !self.system.commands.is_empty() {
            for command in std::mem::take(&mut self.system.commands) {
                match command {
                    Command::Start(marker) => {
                        for source in 0..self.system.sources.len() {
                            self.system.news[source].push_back(News::start(marker));
                        }
                    }
                    Command::Commit { epoch, mut parts } => {
                        if let Some((_, is_empty)) = &mut self.system.rest {
                            *is_empty = parts.is_empty();
                        }
                        if parts.is_empty() {
                            self.cover("5.6 an epoch without changes");
                            let now = ProcessingTime(self.now);
                            let (coordinator, commands) = self.coordinator();
                            coordinator.on_committed(now, epoch, true, commands);
                            continue;
                        }
                        if self.options.plant == Some(Plant::ForgetsOutbox) {
                            let egresses = self.names.egresses;
                            parts.retain(|part| !egresses.iter().any(|egress| egress.0.as_str() == part.participant));
                        }
                        if self.options.plant == Some(Plant::PublishedBeforeDurable) {
                            for sink in 0..self.system.sinks.len() {
                                let place = self.system.sink_place(sink);
                                self.system.news[place].push_back(News::Completed(epoch));
                            }
                        }
                        if self.options.plant == Some(Plant::AnsweredBeforeSync) {
                            self.system.news[READERS].push_back(News::Completed(epoch));
                        }
                        let due = self.now + self.rng.between(0, self.faults.commit_ms_max);
                        self.system.commit = Some(Commit { epoch, parts, due });
                    }
                    Command::Completed(permit) => {
                        assert_eq!(permit.generation(), Generation(self.generation), "a permit of another generation");
                        self.stats.epochs += 1;
                        if let Some((completed, _)) = &mut self.system.rest {
                            *completed += 1;
                        }
                        self.tell_everybody(News::Completed(permit.epoch()));
                    }
                    Command::Abandoned(epoch) => {
                        self.stats.abandoned += 1;
                        self.tell_everybody(News::Abandoned(epoch));
                    }
                }
            }
        }
    }

    fn tell_everybody(&mut self, news: News) {
        self.system.news.iter_mut().for_each(|queue| queue.push_back(news));
    }

    /// A participant hears the next piece of news.
    pub(super) fn tell(&mut self, place: usize) {
        let Some(news) = self.system.news[place].pop_front() else { return };
        match self.system.participant(place) {
            Participant::Source(source) => {
                let index = usize::from(source.0);
                let node = &mut self.system.sources[index];
                match news {
                    News::Start(epoch, completed) => node.core.on_start(Marker { epoch, completed }, &mut node.out),
                    News::Completed(epoch) => node.core.on_completed(epoch, &mut node.out),
                    News::Abandoned(epoch) => node.core.on_abandoned(epoch),
                }
                self.perform_source(index);
            }
            Participant::Shard(shard) => {
                let input = match news {
                    News::Start(..) => unreachable!("epochs start at sources"),
                    News::Completed(epoch) => shard::Input::Completed(epoch),
                    News::Abandoned(epoch) => shard::Input::Abandoned(epoch),
                };
                self.drive_shard(usize::from(shard.0), input);
            }
            Participant::Sink(sink) => {
                let index = usize::from(sink.0);
                let node = &mut self.system.sinks[index];
                match news {
                    News::Start(..) => unreachable!("epochs start at sources"),
                    News::Completed(epoch) => node.core.on_completed(epoch, &mut node.out),
                    News::Abandoned(epoch)
                        if self.options.plant == Some(Plant::AbandonedDropsBatch)
                            && self.system.handed_in.contains(&(place, epoch)) =>
                    {
                        drop_batch(node, epoch);
                    }
                    News::Abandoned(epoch) => node.core.on_abandoned(epoch, &mut node.out),
                }
                self.perform_sink(index);
            }
        }
    }

    /// The commit under way ends. `false`: nobody knows how, and the generation is over.
    pub(super) fn end_commit(&mut self) -> bool {
        if self.rng.chance(self.faults.commit_unknown) && self.may_crash() {
            return false;
        }
        let Some(Commit { epoch, parts, .. }) = self.system.commit.take() else { return true };
        if self.rng.chance(self.faults.commit_fails) {
            self.cover("5.6 a commit failed");
            self.backend.fail_next_commit();
        }
        let durable = self.commit(epoch, &parts);
        let now = ProcessingTime(self.now);
        let (coordinator, commands) = self.coordinator();
        coordinator.on_committed(now, epoch, durable, commands);
        self.perform_commands();
        true
    }

    /// Makes an epoch durable.
    fn commit(&mut self, epoch: Epoch, parts: &[EncodedPart]) -> bool {
        if self.full_until <= self.now && self.rng.chance(self.faults.disk_fills) {
            self.full_until = self.now + self.rng.between(1, 200);
            self.cover("5.6 disk: no space left for a while");
        }
        let is_full = self.now < self.full_until;
        self.backend.commit(self.manifest(epoch), parts, is_full)
    }

    pub(super) fn manifest(&self, epoch: Epoch) -> Manifest {
        Manifest { epoch, generation: Generation(self.generation), lineage: self.lineage, key_groups: self.key_groups }
    }
}

/// Forgets what an abandoned epoch held, when that bug is planted.
fn drop_batch(node: &mut SinkNode, epoch: Epoch) {
    node.core.on_completed(epoch, &mut node.out);
    for command in std::mem::take(&mut node.out.commands) {
        if let SinkCommand::Publish(records) = command {
            node.core.on_published(&records.iter().map(|record| record.seq).collect::<Vec<_>>());
        }
    }
}
