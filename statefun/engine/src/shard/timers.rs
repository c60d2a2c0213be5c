//! Event-time timers of one component: a set per address, fired in order of (time, id).
//!
//! Windows set very many timers at few moments. So there is a bucket per moment, ids are in no order until the moment is
//! due, and what is held back is counted once per moment and domain.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use statefun::{Domain, EventTime, Id};

use super::activation::Durable;

#[derive(Debug, Default)]
pub(super) struct Timers {
    moments: BTreeMap<EventTime, Moment>,
    /// The moment that is firing: its timers, the last one first.
    due: Option<Firing>,
    /// Timers that no epoch has written; some may be gone.
    fresh: Vec<(EventTime, Id)>,
    /// Moments that began (+1) and ended (-1) to be held in a domain since this was asked last.
    held: Vec<(EventTime, Domain, i64)>,
}

#[derive(Debug, Default)]
struct Moment {
    timers: HashMap<Id, Timer>,
    /// The domains in which it is held.
    domains: Vec<Domain>,
}

#[derive(Debug)]
struct Firing {
    at: EventTime,
    domains: Vec<Domain>,
    /// The last one first.
    timers: Vec<(Id, Timer)>,
}

/// What is known of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) durable: Durable,
    /// Whose watermarks wait for it: the domain of what set it, if that was counted.
    pub(super) domain: Option<Domain>,
}

/// A timer that fires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: EventTime,
    pub(super) id: Id,
    pub(super) timer: Timer,
}

impl Timers {
    /// Sets a timer; twice is once.
    pub(super) fn set(&mut self, at: EventTime, id: &Id, timer: Timer) {
        match &mut self.due {
            Some(due) if due.at == at => {
                if let Err(index) = due.timers.binary_search_by(|(other, _)| id.cmp(other)) {
                    due.timers.insert(index, (id.clone(), timer));
                    hold(&mut due.domains, at, timer, &mut self.held);
                    self.note_fresh(at, id, timer);
                }
                return;
            }
            // Earlier than what is firing: that has to wait.
            Some(due) if at < due.at => self.postpone(),
            _ => {}
        }
        let moment = self.moments.entry(at).or_default();
        if !moment.timers.contains_key(id) {
            moment.timers.insert(id.clone(), timer);
            hold(&mut moment.domains, at, timer, &mut self.held);
            self.note_fresh(at, id, timer);
        }
    }

    /// Deletes a timer, if there is one; whether its row has to be removed.
    pub(super) fn delete(&mut self, at: EventTime, id: &Id) -> bool {
        if let Some(due) = self.due.as_mut().filter(|due| due.at == at) {
            let found = due.timers.binary_search_by(|(other, _)| id.cmp(other));
            return found.is_ok_and(|index| due.timers.remove(index).1.durable != Durable::No);
        }
        let Some(moment) = self.moments.get_mut(&at) else { return false };
        let Some(timer) = moment.timers.remove(id) else { return false };
        if moment.timers.is_empty() {
            self.held.extend(moment.domains.iter().map(|domain| (at, *domain, -1)));
            self.moments.remove(&at);
        }
        timer.durable != Durable::No
    }

    /// Takes the earliest timer if it is at or before `watermark`; of equal times, that of the least id.
    pub(super) fn pop_due(&mut self, watermark: EventTime) -> Option<Due> {
        loop {
            if self.due.is_none() {
                let first = self.moments.first_entry().filter(|first| *first.key() <= watermark)?;
                let (at, moment) = first.remove_entry();
                let mut timers: Vec<_> = moment.timers.into_iter().collect();
                timers.sort_unstable_by(|a, b| b.0.cmp(&a.0));
                self.due = Some(Firing { at, domains: moment.domains, timers });
            }
            let due = self.due.as_mut()?;
            if let Some((id, timer)) = due.timers.pop() {
                return Some(Due { at: due.at, id, timer });
            }
            self.postpone();
        }
    }

    /// The time of the earliest timer.
    pub(super) fn earliest(&self) -> Option<EventTime> {
        let due = self.due.as_ref().filter(|due| !due.timers.is_empty()).map(|due| due.at);
        due.or_else(|| self.moments.first_key_value().map(|(at, _)| *at))
    }

    /// Moments that began and ended to be held since this was asked last.
    pub(super) fn take_held(&mut self) -> Vec<(EventTime, Domain, i64)> {
        std::mem::take(&mut self.held)
    }

    /// The moments that are held, by domain.
    pub(super) fn counted(&self) -> impl Iterator<Item = (EventTime, Domain)> + '_ {
        let due = self.due.iter().flat_map(|due| due.domains.iter().map(|domain| (due.at, *domain)));
        let each = |(at, moment): (&EventTime, &'_ Moment)| {
            let at = *at;
            moment.domains.clone().into_iter().map(move |domain| (at, domain))
        };
        due.chain(self.moments.iter().flat_map(each))
    }

    pub(super) fn len(&self) -> usize {
        let due = self.due.as_ref().map_or(0, |due| due.timers.len());
        due + self.moments.values().map(|moment| moment.timers.len()).sum::<usize>()
    }

    /// Marks everything fresh as written by an epoch and shows it.
    pub(super) fn write_fresh(
        &mut self,
        durable: Durable,
        mut each: impl FnMut(EventTime, &Id, Option<Domain>),
    ) -> Vec<(EventTime, Id)> {
        let mut written = Vec::new();
        for (at, id) in std::mem::take(&mut self.fresh) {
            if let Some(timer) = self.timer_mut(at, &id)
                && timer.durable == Durable::No
            {
                timer.durable = durable;
                each(at, &id, timer.domain);
                written.push((at, id));
            }
        }
        written
    }

    /// The epoch that wrote these was abandoned.
    pub(super) fn unwrite(&mut self, written: Vec<(EventTime, Id)>) {
        for (at, id) in written {
            if let Some(timer) = self.timer_mut(at, &id) {
                timer.durable = Durable::No;
                self.fresh.push((at, id));
            }
        }
    }

    fn timer_mut(&mut self, at: EventTime, id: &Id) -> Option<&mut Timer> {
        match &mut self.due {
            Some(due) if due.at == at => {
                let index = due.timers.binary_search_by(|(other, _)| id.cmp(other)).ok()?;
                Some(&mut due.timers[index].1)
            }
            _ => self.moments.get_mut(&at)?.timers.get_mut(id),
        }
    }

    fn note_fresh(&mut self, at: EventTime, id: &Id, timer: Timer) {
        if timer.durable == Durable::No {
            self.fresh.push((at, id.clone()));
        }
    }

    /// Puts what is left of the moment that is firing back.
    fn postpone(&mut self) {
        let Some(Firing { at, domains, timers }) = self.due.take() else { return };
        if timers.is_empty() {
            self.held.extend(domains.into_iter().map(|domain| (at, domain, -1)));
        } else {
            self.moments.insert(at, Moment { timers: timers.into_iter().collect(), domains });
        }
    }
}

/// A moment is held once in each domain.
fn hold(domains: &mut Vec<Domain>, at: EventTime, timer: Timer, held: &mut Vec<(EventTime, Domain, i64)>) {
    if let Some(domain) = timer.domain
        && !domains.contains(&domain)
    {
        domains.push(domain);
        held.push((at, domain, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain::of(statefun::Symbol::intern("timers/in").unwrap())
    }

    fn set(timers: &mut Timers, at: i64, id: &str) {
        let domain = (id != "late").then(domain);
        timers.set(EventTime(at), &id.into(), Timer { durable: Durable::No, domain });
    }

    fn held(timers: &mut Timers) -> Vec<(i64, i64)> {
        timers.take_held().into_iter().map(|(at, _, count)| (at.0, count)).collect()
    }

    fn pop(timers: &mut Timers, watermark: i64) -> Option<(i64, String)> {
        timers.pop_due(EventTime(watermark)).map(|due| (due.at.0, due.id.to_string()))
    }

    #[test]
    fn timers_fire_once_in_order_of_time_and_id() {
        let mut timers = Timers::default();
        for (at, id) in [(30, "b"), (20, "b"), (20, "a"), (20, "b"), (40, "a")] {
            set(&mut timers, at, id);
        }
        assert_eq!(pop(&mut timers, 35), Some((20, "a".into())));
        // While it fires, one that is earlier comes next.
        set(&mut timers, 15, "z");
        set(&mut timers, 20, "c");
        let rest: Vec<_> = std::iter::from_fn(|| pop(&mut timers, 35)).collect();
        assert_eq!(rest, [(15, "z".into()), (20, "b".into()), (20, "c".into()), (30, "b".into())]);
        assert_eq!((timers.earliest(), timers.len()), (Some(EventTime(40)), 1));
    }

    #[test]
    fn a_moment_is_held_once_from_its_first_timer_to_its_last() {
        let mut timers = Timers::default();
        set(&mut timers, 20, "a");
        set(&mut timers, 20, "b");
        set(&mut timers, 30, "a");
        set(&mut timers, 5, "late");
        assert_eq!(held(&mut timers), [(20, 1), (30, 1)]);
        timers.delete(EventTime(30), &"a".into());
        assert_eq!(held(&mut timers), [(30, -1)]);
        assert_eq!(pop(&mut timers, 20), Some((5, "late".into())));
        assert_eq!(pop(&mut timers, 20), Some((20, "a".into())));
        assert!(held(&mut timers).is_empty());
        assert_eq!(pop(&mut timers, 20), Some((20, "b".into())));
        assert_eq!(pop(&mut timers, 20), None);
        assert_eq!(held(&mut timers), [(20, -1)]);
    }

    #[test]
    fn only_timers_that_outlive_an_epoch_are_written() {
        let mut timers = Timers::default();
        set(&mut timers, 20, "gone");
        set(&mut timers, 20, "stays");
        assert!(!timers.delete(EventTime(20), &"gone".into()));
        let durable = Durable::In(statefun::Epoch(1));
        let written = timers.write_fresh(durable, |_, _, _| {});
        assert_eq!(written, [(EventTime(20), "stays".into())]);
        assert!(timers.write_fresh(durable, |_, _, _| {}).is_empty());
        timers.unwrite(written);
        assert_eq!(timers.write_fresh(durable, |_, _, _| {}).len(), 1);
        assert!(timers.delete(EventTime(20), &"stays".into()), "its row has to go");
    }
}
