//! How far time has come, as one shard knows it.

use std::collections::VecDeque;
use std::sync::Arc;

use statefun::{Domain, Epoch, EventTime};

use super::{LevelTime, Progress};

/// How far time has come, as one shard knows it: the news it has applied, and news that has to wait for an epoch.
#[derive(Debug, Default)]
pub struct Frontier {
    domains: Vec<(Domain, Vec<LevelTime>)>,
    seq: u64,
    deferred: VecDeque<Arc<Progress>>,
}

impl Frontier {
    /// Takes news, to be applied with [`Frontier::advance`].
    pub fn on_progress(&mut self, progress: Arc<Progress>) {
        self.deferred.push_back(progress);
    }

    /// Applies the next piece of news, unless it rests on an epoch that this shard, which has frozen or closed everything
    /// up to `epoch`, has not reached. Whether there was one. Of several each matters: a domain reaches its watermark
    /// before it stands aside.
    pub fn advance(&mut self, epoch: Epoch) -> bool {
        // Colours of later news are never earlier.
        if self.deferred.front().is_none_or(|progress| progress.epoch > epoch) {
            return false;
        }
        let Some(progress) = self.deferred.pop_front() else { return false };
        self.domains.clone_from(&progress.domains);
        self.seq = progress.seq;
        true
    }

    /// Whether news waits for an epoch.
    #[must_use]
    pub fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// The number of the newest progress that was applied.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How far a domain has come at a level (1 and up).
    #[must_use]
    pub fn of(&self, domain: Domain, level: u8) -> LevelTime {
        let levels = self.domains.iter().find(|(known, _)| *known == domain).map(|(_, levels)| levels.as_slice());
        let unknown = LevelTime { at: EventTime::NONE, is_aside: false };
        let Some(levels) = levels else { return unknown };
        levels.get(usize::from(level.max(1)) - 1).or_else(|| levels.last()).copied().unwrap_or(unknown)
    }

    /// How far time has come for a component of that level over these domains: the least over those that do not stand
    /// aside, and not beyond what one that does still holds. `None` when all stand aside, and time with them.
    #[must_use]
    pub fn watermark(&self, level: u8, inputs: &[Domain]) -> Option<EventTime> {
        let mut least = EventTime::MAX;
        let mut is_any = false;
        for domain in inputs {
            let time = self.of(*domain, level);
            least = least.min(time.at);
            is_any |= !time.is_aside;
        }
        is_any.then_some(least)
    }

    /// The domains and how far they have come.
    #[must_use]
    pub fn domains(&self) -> &[(Domain, Vec<LevelTime>)] {
        &self.domains
    }
}

#[cfg(test)]
mod tests {
    use statefun::Symbol;

    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::of(Symbol::intern(name).unwrap())
    }

    fn progress(seq: u64, epoch: u64, a: (i64, bool), b: (i64, bool)) -> Arc<Progress> {
        let time = |(at, is_aside)| vec![LevelTime { at: EventTime(at), is_aside }];
        let domains = vec![(domain("frontier/a"), time(a)), (domain("frontier/b"), time(b))];
        Arc::new(Progress { seq, epoch: Epoch(epoch), domains })
    }

    #[test]
    fn news_of_a_later_epoch_waits_until_the_shard_has_frozen_it() {
        let mut frontier = Frontier::default();
        frontier.on_progress(progress(1, 3, (10, false), (20, false)));
        frontier.on_progress(progress(2, 4, (30, false), (40, false)));
        frontier.on_progress(progress(3, 4, (50, false), (60, false)));
        assert!(frontier.advance(Epoch(3)));
        assert!(!frontier.advance(Epoch(3)) && frontier.has_deferred());
        assert_eq!((frontier.seq(), frontier.of(domain("frontier/a"), 1).at), (1, EventTime(10)));
        assert!(frontier.advance(Epoch(4)) && frontier.advance(Epoch(4)) && !frontier.advance(Epoch(4)));
        assert_eq!((frontier.seq(), frontier.of(domain("frontier/a"), 7).at), (3, EventTime(50)));
    }

    #[test]
    fn a_component_follows_the_slowest_of_its_domains_that_do_not_stand_aside() {
        let inputs = [domain("frontier/a"), domain("frontier/b")];
        let mut frontier = Frontier::default();
        assert_eq!(frontier.watermark(1, &inputs), Some(EventTime::NONE), "nobody has spoken");
        frontier.on_progress(progress(1, 0, (10, false), (20, false)));
        frontier.advance(Epoch(0));
        assert_eq!(frontier.watermark(1, &inputs), Some(EventTime(10)));
        assert_eq!(frontier.watermark(1, &inputs[1..]), Some(EventTime(20)));
        frontier.on_progress(progress(2, 0, (i64::MAX, true), (20, false)));
        frontier.advance(Epoch(0));
        assert_eq!(frontier.watermark(1, &inputs), Some(EventTime(20)));
        frontier.on_progress(progress(3, 0, (15, true), (20, false)));
        frontier.advance(Epoch(0));
        assert_eq!(frontier.watermark(1, &inputs), Some(EventTime(15)), "it still holds something");
        frontier.on_progress(progress(4, 0, (15, true), (i64::MAX, true)));
        frontier.advance(Epoch(0));
        assert_eq!(frontier.watermark(1, &inputs), None, "time stands still");
    }
}
