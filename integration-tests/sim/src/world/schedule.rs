//! What happens next.

use statefun::ProcessingTime;
use statefun_engine::shard;

use super::World;
use super::publisher::{PublisherNode, Which};
use crate::app::plan::READERS;
use crate::backend::Backend;

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// A channel delivers some of what it holds.
    Deliver { from: usize, to: usize, count: usize },
    /// A participant hears the coordinator's next piece of news.
    Tell(usize),
    /// The coordinator hears a participant's next word.
    Hear(usize),
    /// A source reads.
    Poll(usize),
    /// A shard goes on, or a time has come for it.
    Tick(usize),
    /// A time has come for the coordinator.
    TickCoordinator,
    /// A remote call is answered.
    Reply,
    /// A commit ends.
    Commit,
    /// A connector writes.
    Publish(usize),
    /// A sink hears what its connector did.
    Acknowledge(usize),
    /// A publisher of the ledger makes its next request.
    Publisher(Which),
    /// The broker does something by itself.
    Broker,
}

impl<B: Backend> World<B> {
    /// Lets one thing happen; `true` when everything is at rest.
    pub(super) fn step(&mut self) -> bool {
        if self.crash_is_due() {
            self.crash();
        }
        if self.rng.chance(60_000) {
            self.now += self.rng.between(1, 4);
        }
        if self.rng.chance(self.faults.leaps) {
            self.now += self.faults.timeout_ms;
        }
        if self.rng.chance(self.faults.connector_restarts) {
            let sink = self.rng.index(self.system.sinks.len());
            self.restart_connector(sink);
        }
        self.perhaps_leave();
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.collect(&mut actions);
        let action = if actions.is_empty() { None } else { Some(actions[self.rng.index(actions.len())]) };
        self.actions = actions;
        match action {
            Some(action) => {
                self.perform(action);
                false
            }
            None => self.pause(),
        }
    }

    fn collect(&self, actions: &mut Vec<Action>) {
        let system = &self.system;
        let now = ProcessingTime(self.now);
        let (len, mut busy) = (system.len(), system.busy);
        while busy != 0 {
            let channel = busy.trailing_zeros() as usize;
            busy &= busy - 1;
            actions.push(Action::Deliver { from: channel / len, to: channel % len, count: 0 });
        }
        for place in 0..len {
            if !system.news[place].is_empty() {
                actions.push(Action::Tell(place));
            }
            if !system.words[place].is_empty() {
                actions.push(Action::Hear(place));
            }
        }
        actions.extend((0..=READERS).filter(|source| self.has_records(*source)).map(Action::Poll));
        for (index, shard) in system.shards.iter().enumerate() {
            if shard.core.has_work() || shard.core.deadline().is_some_and(|deadline| deadline <= now) {
                actions.push(Action::Tick(index));
            }
        }
        for (index, sink) in system.sinks.iter().enumerate() {
            if !sink.queue.is_empty() {
                actions.push(Action::Publish(index));
            }
            if !sink.acks.is_empty() {
                actions.push(Action::Acknowledge(index));
            }
            if sink.publisher.as_ref().and_then(PublisherNode::due).is_some_and(|due| due <= self.now) {
                actions.push(Action::Publisher(Which::Living));
            }
        }
        for (index, zombie) in self.zombies.iter().enumerate() {
            if zombie.due().is_some_and(|due| due <= self.now) {
                actions.push(Action::Publisher(Which::Zombie(index)));
            }
        }
        if self.broker.is_due(self.now) {
            actions.push(Action::Broker);
        }
        if system.coordinator.as_ref().and_then(|core| core.deadline()).is_some_and(|deadline| deadline <= now) {
            actions.push(Action::TickCoordinator);
        }
        if self.replies.first_key_value().is_some_and(|((due, _), _)| *due <= self.now) {
            actions.push(Action::Reply);
        }
        if system.commit.as_ref().is_some_and(|commit| commit.due <= self.now) {
            actions.push(Action::Commit);
        }
    }

    fn perform(&mut self, action: Action) {
        let action = match action {
            Action::Deliver { from, to, .. } => {
                Action::Deliver { from, to, count: self.rng.between(1, self.faults.batch_max) as usize }
            }
            other => other,
        };
        self.trace.note(self.now, &action);
        match action {
            Action::Deliver { from, to, count } => {
                let parcels = self.system.take(from * self.system.len() + to, count);
                self.deliver(from, to, parcels);
            }
            Action::Tell(place) => self.tell(place),
            Action::Hear(place) => self.hear(place),
            Action::Poll(source) => self.poll(source),
            Action::Tick(shard) => self.drive_shard(shard, shard::Input::Tick),
            Action::TickCoordinator => self.tick_coordinator(),
            Action::Reply => self.reply(),
            Action::Commit => {
                if !self.end_commit() {
                    self.cover("5.6 nobody knows whether the manifest was committed");
                    self.crash();
                }
            }
            Action::Publish(sink) => self.publish(sink),
            Action::Acknowledge(sink) => self.acknowledge(sink),
            Action::Publisher(which) => {
                if !self.step_publisher(which) {
                    self.crash();
                }
            }
            Action::Broker => self.step_broker(),
        }
    }

    /// Nothing can happen now: either everything is at rest, or time passes.
    fn pause(&mut self) -> bool {
        let is_at_rest = self.is_at_rest();
        if is_at_rest {
            if self.options.crash_per_million.is_none() && self.stats.crashes < self.crashes_wanted {
                self.crash();
                return false;
            }
            let coordinator = self.system.coordinator.as_ref().expect("there is one between recovery and crash");
            let is_busy = coordinator.is_busy();
            match self.system.rest {
                // What is durable is judged as well, so epochs have to complete. The first may have begun before, the
                // second may remove what the first still held, the third must hold nothing.
                None => self.system.rest = Some((0, false)),
                Some((3.., is_empty)) if !is_busy => {
                    if !is_empty {
                        self.external.faults.push("an epoch at rest holds rows".to_owned());
                    }
                    return true;
                }
                Some(_) => {}
            }
        } else {
            self.system.rest = None;
        }
        let system = &self.system;
        let shards = system.shards.iter().filter_map(|shard| shard.core.deadline());
        let coordinator = system.coordinator.as_ref().and_then(|core| core.deadline());
        let reply = self.replies.first_key_value().map(|((due, _), _)| ProcessingTime(*due));
        let commit = system.commit.as_ref().map(|commit| ProcessingTime(commit.due));
        let living = system.sinks.iter().filter_map(|sink| sink.publisher.as_ref());
        let publishers = living.chain(&self.zombies).filter_map(PublisherNode::due);
        let broker = publishers.chain(self.broker.deadline()).map(ProcessingTime);
        // While everybody waits for the broker only, one epoch is like the other.
        let is_idle = (0..=READERS).all(|source| !self.has_records(source))
            && system.shards.iter().all(|shard| shard.core.is_idle() && shard.core.delayed_messages() == 0)
            && !is_at_rest;
        let coordinator = coordinator.filter(|_| !is_idle || self.rng.chance(50_000));
        let next = shards.chain(coordinator).chain(reply).chain(commit).chain(broker).min();
        if let Some(next) = next {
            self.now = self.now.max(next.0);
        }
        false
    }

    fn is_at_rest(&self) -> bool {
        let system = &self.system;
        (0..=READERS).all(|source| !self.has_records(source))
            && system.shards.iter().all(|shard| shard.core.is_idle() && shard.core.delayed_messages() == 0)
            && system.sinks.iter().all(|sink| sink.core.backlog() == (0, 0))
            && !self.broker.is_ending()
            && (self.zombies.is_empty() || {
                let view = self.broker.view();
                self.zombies.iter().all(|zombie| zombie.is_at_rest(view.claim.as_ref()))
            })
    }

    /// What is not at rest, for people.
    pub(super) fn unrest(&self) -> String {
        let system = &self.system;
        let sources: Vec<_> = (0..=READERS).filter(|source| self.has_records(*source)).collect();
        let shards: Vec<_> = system
            .shards
            .iter()
            .map(|shard| (shard.core.load().messages, shard.core.delayed_messages(), shard.core.is_idle()))
            .collect();
        let sinks: Vec<_> = system.sinks.iter().map(|sink| sink.core.backlog().0).collect();
        format!(
            "sources with records {sources:?}; shards (messages, delayed, idle) {shards:?}; outboxes {sinks:?}; \
             coordinator {:?}; {} replies on their way",
            system.coordinator,
            self.replies.len()
        )
    }
}
