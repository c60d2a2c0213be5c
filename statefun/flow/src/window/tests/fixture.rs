//! One key of a window operator, with a host that plays its timers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::time::{MAX, MIN, Millis, ProcessingTime};
use crate::timers::{TimerService, Timers};
use crate::window::aggregate::Aggregate;
use crate::window::{Context, Fired, KeyState, KeyStateOf, Window, WindowBuilder, WindowOperator, WindowSpec};

/// An event of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) at: Millis,
    pub(super) v: i64,
    pub(super) gap: Millis,
}

/// An event whose value is `v`.
pub(super) fn event(at: Millis, v: i64) -> Event {
    Event { at, v, gap: 1 }
}

pub(super) struct Fixture<A: Aggregate<Event = Event>> {
    pub(super) operator: WindowOperator<A>,
    pub(super) state: KeyStateOf<A>,
    pub(super) host: Host<A::Output>,
}

pub(super) struct Host<O> {
    pub(super) watermark: Millis,
    pub(super) now: ProcessingTime,
    pub(super) timers: TimerService<()>,
    pub(super) processing_timers: TimerService<(), ProcessingTime>,
    pub(super) fired: Vec<Fired<O>>,
    pub(super) late: Vec<Event>,
    pub(super) dropped: usize,
}

impl<O> Timers for Host<O> {
    fn watermark(&self) -> Millis {
        self.watermark
    }
    fn processing_time(&self) -> ProcessingTime {
        self.now
    }
    fn set_timer(&mut self, at: Millis) {
        self.timers.set(at, ());
    }
    fn delete_timer(&mut self, at: Millis) {
        self.timers.delete(at, ());
    }
    fn set_processing_timer(&mut self, at: ProcessingTime) {
        self.processing_timers.set(at, ());
    }
    fn delete_processing_timer(&mut self, at: ProcessingTime) {
        self.processing_timers.delete(at, ());
    }
}

impl<O> Context<Event, O> for Host<O> {
    fn emit(&mut self, fired: Fired<O>) {
        self.fired.push(fired);
    }
    fn late(&mut self, at: Millis, event: Event) {
        assert_eq!(at, event.at);
        self.late.push(event);
    }
    fn dropped_late(&mut self, _: Millis) {
        self.dropped += 1;
    }
}

/// The operator that a description in the form of the module specification makes.
pub(super) fn builder<A: Aggregate<Event = Event>>(spec: &str, aggregate: A) -> WindowBuilder<A> {
    let spec: WindowSpec = serde_json::from_str(spec).unwrap();
    WindowOperator::builder(spec, aggregate).gap(|event: &Event| event.gap).measure(|event: &Event| event.v as f64)
}

impl<A: Aggregate<Event = Event>> Fixture<A> {
    pub(super) fn new(spec: &str, aggregate: A) -> Self {
        Self::of(builder(spec, aggregate).build().unwrap())
    }

    pub(super) fn of(operator: WindowOperator<A>) -> Self {
        let host = Host {
            watermark: MIN,
            now: ProcessingTime(0),
            timers: TimerService::default(),
            processing_timers: TimerService::default(),
            fired: Vec::new(),
            late: Vec::new(),
            dropped: 0,
        };
        Self { operator, state: KeyState::default(), host }
    }

    pub(super) fn event(&mut self, event: Event) -> &mut Self {
        self.operator.on_event(&mut self.state, event.at, event, &mut self.host);
        assert!(self.host.timers.to_vec().len() <= 1, "one timer of the host for all windows of the key");
        self
    }

    pub(super) fn events(&mut self, events: impl IntoIterator<Item = (Millis, i64)>) -> &mut Self {
        for (at, v) in events {
            self.event(event(at, v));
        }
        self
    }

    pub(super) fn watermark(&mut self, watermark: Millis) -> &mut Self {
        assert!(watermark >= self.host.watermark, "time does not go back");
        self.host.watermark = watermark;
        while let Some((at, ())) = self.host.timers.pop_due(watermark) {
            self.operator.on_timer(&mut self.state, at, &mut self.host);
        }
        self
    }

    pub(super) fn clock(&mut self, now: i64) -> &mut Self {
        self.host.now = ProcessingTime(now);
        while let Some((at, ())) = self.host.processing_timers.pop_due(self.host.now) {
            self.operator.on_processing_timer(&mut self.state, at, &mut self.host);
        }
        self
    }

    pub(super) fn end(&mut self) -> &mut Self {
        self.watermark(MAX)
    }

    /// What fired since last asked, as `(start, end, result)`.
    pub(super) fn fired(&mut self) -> Vec<(Millis, Millis, A::Output)> {
        let fired = std::mem::take(&mut self.host.fired);
        fired.into_iter().map(|Fired { window: Window { start, end }, result }| (start, end, result)).collect()
    }

    /// The results that came since last asked.
    pub(super) fn results(&mut self) -> Vec<A::Output> {
        std::mem::take(&mut self.host.fired).into_iter().map(|fired| fired.result).collect()
    }

    /// Everything is written down, lost, and read again.
    pub(super) fn crash(&mut self)
    where
        A::Accumulator: Serialize + DeserializeOwned,
    {
        let state = serde_json::to_vec(&self.state).unwrap();
        let timers = serde_json::to_vec(&self.host.timers).unwrap();
        self.state = serde_json::from_slice(&state).unwrap();
        self.host.timers = serde_json::from_slice(&timers).unwrap();
    }
}
