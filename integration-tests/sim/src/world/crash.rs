//! Crashes: where they hit, and what they destroy.

use statefun_engine::channel::{Item, SinkItem};

use super::World;
use super::publisher::PublisherNode;
use super::system::{Commit, News, Parcel, System};
use statefun_ports::snapshot_store::SnapshotStore;

use crate::backend::{Backend, Crash};
use crate::plant::Plant;

/// More crashes than this and even a patient run would never end.
const CRASHES_MAX: u64 = 60;

impl<B: Backend> World<B> {
    /// Whether another crash is bearable.
    pub(super) fn may_crash(&self) -> bool {
        self.stats.crashes < CRASHES_MAX
    }

    /// Whether it is time for a crash.
    pub(super) fn crash_is_due(&mut self) -> bool {
        if !self.may_crash() {
            return false;
        }
        if let Some(per_million) = self.options.crash_per_million {
            return self.rng.chance(per_million);
        }
        let is_due = (self.stats.steps >= self.crash_at && self.stats.crashes < self.crashes_wanted)
            || (self.system.commit.is_some() && self.rng.chance(self.faults.crash_in_commit));
        if is_due {
            self.crash_at = self.stats.steps + self.rng.between(20, 1500);
        }
        is_due
    }

    /// Everything is destroyed but the store and the world outside. Then everything begins anew.
    pub(super) fn crash(&mut self) {
        let point = self.crash_point();
        self.cover(point);
        self.trace.note(self.now, &("crash", point));
        if let Some(Commit { epoch, mut parts, .. }) = self.system.commit.take() {
            // Whether the store had it is a coin's decision.
            if self.rng.chance(500_000) {
                if self.options.plant == Some(Plant::TornCommit) {
                    parts.pop();
                }
                let manifest = self.manifest(epoch);
                self.backend.crash(Some((manifest, &parts)));
            } else {
                self.backend.crash(None);
            }
            let newest = self.backend.store().manifest().expect("nothing damages the store");
            if newest.is_some_and(|newest| newest.epoch == epoch) {
                self.cover("crash: 5.6 the epoch was durable and nobody knew");
            } else {
                self.cover("crash: 5.6 the epoch was lost");
            }
            if self.backend.is_disk() {
                self.cover("crash: 5.6 disk: in the middle of writing an epoch");
            }
        } else if self.backend.crash(None) == Crash::InHousekeeping {
            self.cover("crash: 5.7 disk: in the middle of housekeeping");
        }
        // Whoever starts it again has made room.
        self.full_until = 0;
        self.bury_publisher();
        let dead = std::mem::take(&mut self.system);
        self.stats.crashes += 1;
        self.recover();
        if self.options.plant == Some(Plant::ChannelsSurvive) {
            self.haunt(dead);
        }
    }

    /// What was in the channels of a dead generation arrives in this one, when that bug is planted.
    fn haunt(&mut self, dead: System<B::State>) {
        let from = self.system.shard_place(0);
        for parcel in dead.channels.into_iter().flatten() {
            if let Parcel::Shard(Item::Envelope(envelope)) = parcel {
                let shard = self.system.groups.shard(envelope.hash);
                let to = self.system.shard_place(usize::from(shard.0));
                if to != from {
                    self.system.send(from, to, std::iter::once(Parcel::Shard(Item::Envelope(envelope))));
                }
            }
        }
    }

    /// The named step of the protocol at which everything stands.
    fn crash_point(&self) -> &'static str {
        let system = &self.system;
        let has_news = |is: fn(&News) -> bool| system.news.iter().flatten().any(is);
        let has_marker = |is: fn(&Parcel) -> bool| system.channels.iter().flatten().any(is);
        if system.commit.is_some() {
            return "crash: 5.6 while an epoch is being committed";
        }
        if has_news(|news| matches!(news, News::Completed(_))) {
            return "crash: 5.7 not everybody knows that the epoch exists";
        }
        if has_news(|news| matches!(news, News::Abandoned(_))) {
            return "crash: 5.x not everybody knows that the epoch was abandoned";
        }
        let starting = system.news.iter().flatten().filter(|news| matches!(news, News::Start(..))).count();
        if starting == system.sources.len() {
            return "crash: 5.1 an epoch was opened and no source has begun it";
        }
        if starting > 0 {
            return "crash: 5.2 some sources have sent their markers";
        }
        if has_marker(|parcel| matches!(parcel, Parcel::Shard(Item::Marker(_)))) {
            return "crash: 5.3 markers are on their way to shards";
        }
        if has_marker(|parcel| matches!(parcel, Parcel::Sink(SinkItem::Marker(_)))) {
            return "crash: 5.5 markers are on their way to sinks";
        }
        if system.words.iter().any(|words| !words.is_empty()) {
            return "crash: 5.4 parts are on their way to the coordinator";
        }
        if self.broker.is_ending() {
            return "crash: 5.7 a transaction is decided and not everywhere visible";
        }
        if self.broker.is_open() {
            return "crash: 5.7 a transaction is open";
        }
        if system.sinks.iter().filter_map(|sink| sink.publisher.as_ref()).any(PublisherNode::is_opening) {
            return "crash: 6.3 a publisher is finding out what was published";
        }
        if system.sinks.iter().any(|sink| !sink.acks.is_empty()) {
            return "crash: 5.7 records were published and nobody knows";
        }
        if system.sinks.iter().any(|sink| !sink.queue.is_empty()) {
            return "crash: 5.7 while an outbox is being published";
        }
        if system.shards.iter().any(|shard| shard.core.delayed_messages() > 0) {
            return "crash: between epochs, with delayed messages";
        }
        if system.shards.iter().any(|shard| !shard.core.is_idle()) {
            return "crash: between epochs, with work under way";
        }
        "crash: between epochs, at rest"
    }
}
