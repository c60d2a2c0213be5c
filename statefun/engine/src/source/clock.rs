//! How a source tells event time.
//!
//! Every partition makes its own watermark from its events or from what it states; partitions that have nothing to say
//! stand aside, and the domain's watermark is what the others agree on. An event is judged by the watermark *before* it:
//! one that is late then holds nothing, and no watermark waits for it.
//!
//! The state is one durable row, so a watermark never goes back across restarts.

use std::collections::HashMap;

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use statefun::watermark::{Generator, IdleDetector, Merged, Millis};
use statefun::{Domain, EventTime, Hold, ProcessingTime, ShardId, Symbol, TimestampSource, WatermarkStrategy};

use crate::channel::Item;
use crate::time::{Delta, DomainState, Point};

/// How far a source has told time.
#[derive(Debug)]
pub(super) struct SourceClock {
    domain: Domain,
    strategy: WatermarkStrategy,
    partitions: Vec<Partition>,
    by_name: HashMap<CompactString, usize>,
    merged: Merged,
    /// The partition of the event before, which is mostly that of the next.
    last: usize,
    now: ProcessingTime,
    /// When it began to wait for a first partition.
    begun: Option<ProcessingTime>,
    has_ended: bool,
    told: Option<DomainState>,
    /// By shard: the earliest counted time that went there in this step.
    sent: Vec<Option<EventTime>>,
    dirty: bool,
}

#[derive(Debug)]
struct Partition {
    name: CompactString,
    generator: Generator,
    idle: Option<IdleDetector>,
}

/// What is durable.
#[derive(Serialize, Deserialize)]
struct Saved {
    partitions: Vec<(String, Millis)>,
    merged: Merged,
}

/// Bytes that no clock of a source wrote.
#[derive(Debug, thiserror::Error)]
#[error("the time of ingress {ingress} in the snapshot cannot be read: {source}")]
pub struct TimeRowError {
    ingress: Symbol,
    source: serde_json::Error,
}

impl SourceClock {
    pub(super) fn new(name: Symbol, strategy: WatermarkStrategy, shards: u16) -> Self {
        Self {
            domain: Domain::of(name),
            strategy,
            partitions: Vec::new(),
            by_name: HashMap::new(),
            merged: Merged::new(0),
            last: 0,
            now: ProcessingTime::default(),
            begun: None,
            has_ended: false,
            told: None,
            sent: vec![None; usize::from(shards)],
            dirty: false,
        }
    }

    /// Goes on from what a snapshot holds. The strategy may have changed since.
    pub(super) fn restore(&mut self, row: &[u8]) -> Result<(), TimeRowError> {
        let ingress = self.domain.name();
        let saved: Saved = serde_json::from_slice(row).map_err(|source| TimeRowError { ingress, source })?;
        for (name, watermark) in saved.partitions {
            let name = CompactString::from(name);
            let generator = Generator::resume(self.strategy.strategy, watermark);
            self.by_name.insert(name.clone(), self.partitions.len());
            self.partitions.push(Partition { name, generator, idle: self.detector() });
        }
        self.merged = saved.merged;
        Ok(())
    }

    pub(super) fn take_row(&mut self) -> Option<Bytes> {
        std::mem::take(&mut self.dirty).then(|| {
            let partitions = self.partitions.iter();
            let saved = Saved {
                partitions: partitions.map(|known| (known.name.to_string(), known.generator.current())).collect(),
                merged: self.merged.clone(),
            };
            Bytes::from(serde_json::to_vec(&saved).expect("numbers and names can be written"))
        })
    }

    /// The row that was taken last will never be durable.
    pub(super) fn untake_row(&mut self) {
        self.dirty = true;
    }

    /// When an event happened, as the strategy says. `Err` says why nobody knows.
    pub(super) fn timestamp(&self, record: EventTime, value: Option<&Bytes>) -> Result<EventTime, String> {
        match &self.strategy.timestamps {
            // A header is the connector's to read.
            TimestampSource::Record | TimestampSource::Header(_) => Ok(record),
            TimestampSource::Ingestion => Ok(EventTime(i64::try_from(self.now.0).unwrap_or(i64::MAX))),
            TimestampSource::Field(path) => match value {
                // Has no value and so becomes a dead letter for that.
                None => Ok(record),
                Some(value) => field(path, value),
            },
        }
    }

    /// What an event holds back. Before [`SourceClock::on_event`].
    pub(super) fn judge(&self, at: EventTime) -> Hold {
        let counted = at.is_some() && at.0 > self.merged.current();
        Hold { domain: Some(self.domain), level: 0, counted, is_timer: false }
    }

    /// An envelope leaves for a shard.
    pub(super) fn sent(&mut self, shard: ShardId, hold: Hold, at: EventTime) {
        if hold.counted {
            let least = &mut self.sent[usize::from(shard.0)];
            *least = Some(least.map_or(at, |least| least.min(at)));
        }
    }

    /// An event of a partition was sent.
    pub(super) fn on_event(&mut self, partition: &str, at: EventTime) {
        let index = self.partition(partition);
        self.wake(index);
        if at.is_some()
            && let Some(watermark) = self.partitions[index].generator.on_event(at.0)
        {
            self.dirty = true;
            self.merged.on_watermark(index, watermark);
        }
    }

    /// The input says how far it has come.
    pub(super) fn on_watermark(&mut self, partition: &str, at: EventTime) {
        let index = self.partition(partition);
        self.wake(index);
        if let Some(watermark) = self.partitions[index].generator.on_statement(at.0) {
            self.dirty = true;
            self.merged.on_watermark(index, watermark);
        }
    }

    /// The input says that a partition is there, and whether it has anything to say.
    pub(super) fn on_status(&mut self, partition: &str, is_idle: bool) {
        let index = self.partition(partition);
        if is_idle {
            self.dirty |= !self.merged.is_idle(index);
            self.merged.on_idle(index);
        } else {
            self.wake(index);
        }
    }

    pub(super) fn on_tick(&mut self, now: ProcessingTime) {
        self.now = self.now.max(now);
        if self.begun.is_none() {
            // Nobody listened before, so nobody was silent.
            self.begun = Some(self.now);
            self.partitions.iter_mut().filter_map(|known| known.idle.as_mut()).for_each(|idle| _ = idle.on_event(now));
        }
        for (index, partition) in self.partitions.iter_mut().enumerate() {
            if let Some(detector) = &mut partition.idle
                && detector.on_tick(self.now)
            {
                self.dirty = true;
                self.merged.on_idle(index);
            }
        }
    }

    /// When a partition will have been silent for too long.
    pub(super) fn deadline(&self) -> Option<ProcessingTime> {
        let limit = self.strategy.idle_after?;
        if self.partitions.is_empty() {
            return self.begun.map(|begun| begun.after(limit)).filter(|deadline| *deadline > self.now);
        }
        let partitions = self.partitions.iter().enumerate();
        let active = partitions.filter(|(index, _)| !self.merged.is_idle(*index));
        active.filter_map(|(_, partition)| partition.idle.as_ref().map(IdleDetector::deadline)).min()
    }

    /// The input has ended: nothing can come any more.
    pub(super) fn on_end(&mut self) {
        self.has_ended = true;
    }

    /// Ends a step: puts releases behind what was sent, and says what changed.
    pub(super) fn close_step(&mut self, shards: &mut [Vec<Item>], delta: &mut Delta) {
        for (shard, least) in self.sent.iter_mut().enumerate() {
            if let Some(at) = least.take() {
                let point = Point { domain: self.domain, level: 0, at };
                delta.counts.push((point, 1));
                shards[shard].push(Item::Release(Box::new([point])));
            }
        }
        let state = self.state();
        if self.told != Some(state) {
            self.told = Some(state);
            delta.domain = Some(state);
        }
    }

    pub(super) fn state(&self) -> DomainState {
        if self.has_ended {
            return DomainState { domain: self.domain, watermark: EventTime::MAX, is_idle: false };
        }
        let is_idle = if self.partitions.is_empty() {
            let limit = self.strategy.idle_after;
            limit.zip(self.begun).is_some_and(|(limit, begun)| self.now >= begun.after(limit))
        } else {
            self.merged.all_idle()
        };
        DomainState { domain: self.domain, watermark: EventTime(self.merged.current()), is_idle }
    }

    fn detector(&self) -> Option<IdleDetector> {
        self.strategy.idle_after.map(|limit| IdleDetector::new(limit, self.now))
    }

    fn partition(&mut self, name: &str) -> usize {
        if self.partitions.get(self.last).is_some_and(|last| last.name == name) {
            return self.last;
        }
        self.last = match self.by_name.get(name) {
            Some(index) => *index,
            None => {
                let name = CompactString::from(name);
                let generator = Generator::new(self.strategy.strategy);
                let partition = Partition { name: name.clone(), generator, idle: self.detector() };
                self.partitions.push(partition);
                self.dirty = true;
                let index = self.merged.add_input();
                self.by_name.insert(name, index);
                index
            }
        };
        self.last
    }

    fn wake(&mut self, index: usize) {
        if let Some(detector) = &mut self.partitions[index].idle {
            detector.on_event(self.now);
        }
        if self.merged.is_idle(index) {
            self.dirty = true;
            self.merged.on_active(index);
        }
    }
}

/// The time in a field of a JSON value: Unix milliseconds, or text that is a date.
fn field(path: &str, value: &[u8]) -> Result<EventTime, String> {
    let value: serde_json::Value =
        serde_json::from_slice(value).map_err(|error| format!("no event time: the value is not JSON: {error}"))?;
    let names = path.strip_prefix("$.").unwrap_or(path).split('.');
    let found = names.clone().try_fold(&value, |value, name| value.get(name));
    let found = found.ok_or_else(|| format!("no event time: the value has no field {path}"))?;
    let time = match found {
        serde_json::Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|millis| millis as i64)),
        serde_json::Value::String(text) => EventTime::parse(text).and_then(EventTime::get),
        _ => None,
    };
    time.map(EventTime).filter(|time| time.is_some()).ok_or_else(|| {
        format!("no event time: field {path} is {found}, which is neither Unix milliseconds nor a date (RFC 3339)")
    })
}
