//! Adds up what is held back anywhere, and says how far time has come.

use std::collections::BTreeMap;

use statefun::{Domain, Epoch, EventTime, ProcessingTime, Symbol};

use super::{Delta, DomainState, LevelTime, Progress};

/// See the [module documentation](super). One per system; deltas are given to it in one order that respects causes.
#[derive(Debug)]
pub struct Tracker {
    domains: BTreeMap<Domain, Held>,
    epoch: Epoch,
    seq: u64,
    published: Vec<(Domain, Vec<LevelTime>)>,
}

/// What is known of a domain.
#[derive(Debug)]
struct Held {
    watermark: EventTime,
    is_idle: bool,
    /// Whether an ingress of this name tells time in this application.
    is_known: bool,
    /// By level: how many things are held at each moment.
    levels: BTreeMap<u8, BTreeMap<EventTime, i64>>,
    /// The earliest moment held at any level, and since when it is that.
    least: Option<(EventTime, ProcessingTime)>,
}

/// How a domain stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainReport {
    /// The ingress.
    pub domain: Domain,
    /// The watermark of its source.
    pub source: EventTime,
    /// Whether its source has nothing to say.
    pub is_idle: bool,
    /// The watermark at levels 1, 2 and so on; the last one stands for all above.
    pub levels: Vec<LevelTime>,
    /// The earliest moment that is held, and since when that is so.
    pub held: Option<(EventTime, ProcessingTime)>,
    /// How many things are held.
    pub count: u64,
}

impl Tracker {
    /// A tracker of the ingresses that tell time, none of which has said anything.
    pub fn new(domains: impl IntoIterator<Item = Symbol>) -> Self {
        let known = domains.into_iter().map(|name| (Domain::of(name), Held { is_known: true, ..Held::default() }));
        Self { domains: known.collect(), epoch: Epoch::default(), seq: 0, published: Vec::new() }
    }

    /// Whether no ingress tells time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.values().all(|held| !held.is_known)
    }

    /// Adds what a participant says.
    pub fn on_delta(&mut self, now: ProcessingTime, delta: &Delta) {
        self.epoch = self.epoch.max(delta.epoch);
        if let Some(DomainState { domain, watermark, is_idle }) = delta.domain {
            let held = self.domains.entry(domain).or_default();
            held.watermark = held.watermark.max(watermark);
            held.is_idle = is_idle;
        }
        for (point, count) in &delta.counts {
            let held = self.domains.entry(point.domain).or_default();
            let moments = held.levels.entry(point.level).or_default();
            let sum = moments.entry(point.at).or_default();
            *sum += count;
            debug_assert!(*sum >= 0, "deltas come in an order that respects causes: {point:?} {sum}");
            if *sum == 0 {
                moments.remove(&point.at);
            }
        }
        for held in self.domains.values_mut() {
            held.note_least(now);
        }
    }

    /// What to tell all shards, if anything changed since it was asked last. Ask until there is nothing more: a domain that
    /// goes aside reaches its watermark first.
    pub fn publish(&mut self) -> Option<Progress> {
        let known = self.domains.iter().filter(|(_, held)| held.is_known);
        let mut domains: Vec<_> = known.map(|(domain, held)| (*domain, held.times())).collect();
        for (domain, levels) in &mut domains {
            let before = self.published.iter().find(|(known, _)| known == domain).map(|(_, levels)| levels);
            let Some(before) = before else { continue };
            for level in 0..levels.len().max(before.len()) {
                let known = of_level(before, level);
                if level >= levels.len() {
                    levels.push(of_level(levels, level));
                }
                let watermark = self.domains[domain].watermark;
                if !known.is_aside && levels[level].is_aside && known.at < watermark {
                    levels[level] = LevelTime { at: watermark, is_aside: false };
                }
                // What was late to begin with may be held behind a watermark that has gone out: that never goes back.
                if !known.is_aside && !levels[level].is_aside {
                    levels[level].at = levels[level].at.max(known.at);
                }
            }
            shorten(levels);
        }
        if domains == self.published {
            return None;
        }
        self.published.clone_from(&domains);
        self.seq += 1;
        Some(Progress { seq: self.seq, epoch: self.epoch, domains })
    }

    /// The number of the newest progress that was given out.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether nothing is held anywhere.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.domains.values().all(|held| held.levels.values().all(BTreeMap::is_empty))
    }

    /// How all domains stand, for people.
    pub fn report(&self) -> Vec<DomainReport> {
        let known = self.domains.iter().filter(|(_, held)| held.is_known);
        known
            .map(|(domain, held)| DomainReport {
                domain: *domain,
                source: held.watermark,
                is_idle: held.is_idle,
                levels: held.times(),
                held: held.least,
                count: held.levels.values().flat_map(BTreeMap::values).sum::<i64>().unsigned_abs(),
            })
            .collect()
    }
}

impl Default for Held {
    fn default() -> Self {
        Self { watermark: EventTime::NONE, is_idle: false, is_known: false, levels: BTreeMap::new(), least: None }
    }
}

impl Held {
    /// The watermark at levels 1, 2 and so on.
    fn times(&self) -> Vec<LevelTime> {
        let top = self.levels.iter().rev().find(|(_, moments)| !moments.is_empty()).map_or(0, |(level, _)| *level);
        let mut times = Vec::with_capacity(usize::from(top) + 1);
        let mut least = EventTime::MAX;
        for level in 0..=top {
            if let Some(moments) = self.levels.get(&level)
                && let Some((at, _)) = moments.first_key_value()
            {
                least = least.min(EventTime(at.0.saturating_sub(1)));
            }
            // Up to its watermark an idle source has to be waited for like any other.
            let is_aside = self.is_idle && least >= self.watermark;
            times.push(LevelTime { at: if is_aside { least } else { least.min(self.watermark) }, is_aside });
        }
        shorten(&mut times);
        times
    }

    fn note_least(&mut self, now: ProcessingTime) {
        let least = self.levels.values().filter_map(|moments| moments.first_key_value()).map(|(at, _)| *at).min();
        if least != self.least.map(|(at, _)| at) {
            self.least = least.map(|at| (at, now));
        }
    }
}

fn of_level(levels: &[LevelTime], level: usize) -> LevelTime {
    let last = levels.last().copied().unwrap_or(LevelTime { at: EventTime::NONE, is_aside: false });
    levels.get(level).copied().unwrap_or(last)
}

/// The last one stands for all above, so equal ones at the end are one.
fn shorten(levels: &mut Vec<LevelTime>) {
    while let [.., before, last] = levels[..]
        && before == last
    {
        levels.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Point;
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::of(Symbol::intern(name).unwrap())
    }

    fn point(level: u8, at: i64) -> Point {
        Point { domain: domain("tracker/in"), level, at: EventTime(at) }
    }

    struct Fixture(Tracker);

    impl Fixture {
        fn new() -> Self {
            Self(Tracker::new([Symbol::intern("tracker/in").unwrap()]))
        }

        fn count(&mut self, counts: &[(Point, i64)]) -> &mut Self {
            let delta = Delta { counts: counts.to_vec(), ..Delta::default() };
            self.0.on_delta(ProcessingTime(0), &delta);
            self
        }

        fn source(&mut self, watermark: i64, is_idle: bool) -> &mut Self {
            let state = DomainState { domain: domain("tracker/in"), watermark: EventTime(watermark), is_idle };
            self.0.on_delta(ProcessingTime(0), &Delta { domain: Some(state), ..Delta::default() });
            self
        }

        /// The watermarks of levels 1, 2 and so on; aside ones in brackets.
        fn times(&mut self) -> String {
            let Some(progress) = self.0.publish() else { return "unchanged".to_owned() };
            let show = |time: &LevelTime| {
                let at = if time.at == EventTime::MAX { "max".to_owned() } else { time.at.0.to_string() };
                if time.is_aside { format!("[{at}]") } else { at }
            };
            progress.domains[0].1.iter().map(show).collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn time_waits_for_the_source_and_for_what_is_held() {
        let mut tracker = Fixture::new();
        assert_eq!(tracker.source(100, false).times(), "100");
        assert_eq!(tracker.count(&[(point(0, 40), 1)]).times(), "unchanged", "it never goes back");
        assert_eq!(tracker.source(200, false).times(), "unchanged");
        assert_eq!(tracker.count(&[(point(0, 40), -1), (point(0, 150), 1)]).times(), "149");
        assert_eq!(tracker.count(&[(point(0, 150), -1)]).times(), "200");
    }

    #[test]
    fn a_timer_holds_the_levels_above_its_own() {
        let mut tracker = Fixture::new();
        tracker.count(&[(point(1, 60), 1)]).source(100, false);
        assert_eq!(tracker.times(), "100 59");
        assert_eq!(tracker.count(&[(point(1, 60), -1), (point(2, 80), 1)]).times(), "100 100 79");
    }

    #[test]
    fn a_domain_without_a_word_from_its_source_has_no_time() {
        let mut tracker = Fixture::new();
        let progress = tracker.0.publish().unwrap();
        assert_eq!(progress.domains[0].1, [LevelTime { at: EventTime::NONE, is_aside: false }]);
    }

    #[test]
    fn an_idle_domain_stands_aside_when_all_up_to_its_watermark_is_done() {
        let mut tracker = Fixture::new();
        tracker.count(&[(point(0, 90), 1), (point(1, 300), 1)]).source(100, true);
        assert_eq!(tracker.times(), "89");
        assert_eq!(tracker.count(&[(point(0, 90), -1)]).times(), "100", "it reaches its watermark first");
        assert_eq!(tracker.times(), "[max] [299]");
        assert_eq!(tracker.source(100, false).times(), "100");
    }

    #[test]
    fn what_belongs_to_an_ingress_that_is_gone_is_nobodys_business() {
        let mut tracker = Fixture::new();
        tracker.source(100, false);
        tracker.count(&[(Point { domain: domain("tracker/gone"), level: 0, at: EventTime(1) }, 1)]);
        assert_eq!(tracker.times(), "100");
        assert!(!tracker.0.is_quiet());
    }
}
