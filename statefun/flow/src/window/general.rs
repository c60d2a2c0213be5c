//! The general way: every rule to the letter, one pane per window and key.

use serde::{Deserialize, Serialize};

use super::aggregate::Aggregate;
use super::content::Content;
use super::evictor::Element;
use super::trigger::{Clocks, Memory, Seen, Verdict};
use super::{Context, Fired, Window, WindowOperator};
use crate::time::{MAX, Millis, ProcessingTime};
use crate::timers::{TimerSet, Timers, Wake};

/// The windows of one key.
///
/// Every field is always written, here and in the other states of a key: so formats without field names can hold them too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct General<E, C> {
    /// How many events this key has had.
    arrivals: u64,
    /// Ordered by window.
    panes: Vec<Pane<E, C>>,
    timers: TimerSet<Window>,
    wake: Wake,
    processing_timers: TimerSet<Window, ProcessingTime>,
    processing_wake: Wake<ProcessingTime>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pane<E, C> {
    window: Window,
    content: Content<E, C>,
    memory: Memory,
}

impl<E, C> Default for General<E, C> {
    fn default() -> Self {
        Self {
            arrivals: 0,
            panes: Vec::new(),
            timers: TimerSet::default(),
            wake: Wake::default(),
            processing_timers: TimerSet::default(),
            processing_wake: Wake::default(),
        }
    }
}

impl<E, C> General<E, C> {
    pub(crate) fn is_empty(&self) -> bool {
        self.panes.is_empty()
    }
}

impl<E: Clone, C: Clone> General<E, C> {
    /// Returns whether any window took the event.
    pub(crate) fn on_event<A, X>(&mut self, op: &WindowOperator<A>, at: Millis, event: &E, context: &mut X) -> bool
    where
        A: Aggregate<Event = E, Accumulator = C>,
        X: Context<E, A::Output>,
    {
        let (watermark, now) = (context.watermark(), context.processing_time());
        let measure = if op.trigger.measures() { op.measure_of(event) } else { 0.0 };
        let seen = Seen { at, measure };
        let timed = op.spec.assigner.is_timed();
        self.arrivals += 1;
        let mut accepted = false;
        for window in op.spec.assigner.assign(at, || op.gap_of(event)) {
            let window = if op.spec.assigner.merges() { self.merge(op, window, watermark, now) } else { window };
            let cleanup = op.spec.cleanup(window);
            if timed && cleanup <= watermark {
                continue;
            }
            accepted = true;
            let index = self.pane_of(window);
            let pane = &mut self.panes[index];
            if op.evictor.is_some() {
                pane.content.keep(Element { at, arrival: self.arrivals, event: event.clone() });
            } else {
                pane.content.fold(&op.aggregate, at, event);
            }
            let mut clocks =
                Clocks { watermark, now, timers: &mut self.timers, processing_timers: &mut self.processing_timers };
            let verdict = op.trigger.on_event(&mut pane.memory, &seen, window, &mut clocks);
            if cleanup < MAX {
                self.timers.set(cleanup, window);
            }
            self.act(op, verdict, index, context);
        }
        self.arm(context);
        accepted
    }

    pub(crate) fn on_timer<A, X>(&mut self, op: &WindowOperator<A>, time: Millis, context: &mut X)
    where
        A: Aggregate<Event = E, Accumulator = C>,
        X: Context<E, A::Output>,
    {
        self.wake.fired(time);
        let (watermark, now) = (context.watermark(), context.processing_time());
        while let Some((at, window)) = self.timers.pop_due(time) {
            let Ok(index) = self.find(window) else { continue };
            let mut clocks =
                Clocks { watermark, now, timers: &mut self.timers, processing_timers: &mut self.processing_timers };
            let verdict = op.trigger.on_timer(&mut self.panes[index].memory, at, window, &mut clocks);
            // The last result comes ahead of the cleanup that falls on the same moment.
            let kept = self.act(op, verdict, index, context);
            if kept && op.spec.assigner.is_timed() && at == op.spec.cleanup(window) {
                self.panes.remove(index);
                self.timers.delete_all(window);
                self.processing_timers.delete_all(window);
            }
        }
        self.arm(context);
    }

    pub(crate) fn on_processing_timer<A, X>(&mut self, op: &WindowOperator<A>, time: ProcessingTime, context: &mut X)
    where
        A: Aggregate<Event = E, Accumulator = C>,
        X: Context<E, A::Output>,
    {
        self.processing_wake.fired(time);
        while let Some((_, window)) = self.processing_timers.pop_due(time) {
            let Ok(index) = self.find(window) else { continue };
            let verdict = op.trigger.on_processing_timer();
            self.act(op, verdict, index, context);
        }
        self.arm(context);
    }

    /// Does what the trigger said. Returns whether the pane is still there: an endless window that holds nothing and waits for
    /// nothing is forgotten.
    fn act<A, X>(&mut self, op: &WindowOperator<A>, verdict: Verdict, index: usize, context: &mut X) -> bool
    where
        A: Aggregate<Event = E, Accumulator = C>,
        X: Context<E, A::Output>,
    {
        if !verdict.fires() {
            return true;
        }
        let pane = &mut self.panes[index];
        let window = pane.window;
        let result = pane.content.fire(&op.aggregate, op.evictor.as_ref(), |event| op.measure_of(event));
        if verdict == Verdict::FireAndPurge {
            pane.content = Content::Nothing;
        }
        if let Some(result) = result {
            context.emit(Fired { window, result });
        }
        let forget = window.is_global()
            && pane.content.is_nothing()
            && pane.memory == Memory::Nothing
            && !self.timers.concerns(window)
            && !self.processing_timers.concerns(window);
        if forget {
            self.panes.remove(index);
        }
        !forget
    }

    /// The session that `window` belongs to: the union of all stored sessions that it overlaps or touches, and of itself.
    fn merge<A>(&mut self, op: &WindowOperator<A>, window: Window, watermark: Millis, now: ProcessingTime) -> Window
    where
        A: Aggregate<Event = E, Accumulator = C>,
    {
        // Sessions of a key neither overlap nor touch, so those that join the new one are neighbours.
        let first = self.panes.partition_point(|pane| pane.window.end < window.start);
        let joining = self.panes[first..].iter().take_while(|pane| pane.window.joins(window)).count();
        let Some(merged) = self.panes[first..first + joining].iter().map(|pane| pane.window).reduce(Window::cover)
        else {
            return window;
        };
        let union = merged.cover(window);
        if joining == 1 && union == merged {
            return merged;
        }
        let mut memories = Vec::with_capacity(joining);
        let mut content = Content::Nothing;
        for pane in self.panes.drain(first..first + joining) {
            self.timers.delete_all(pane.window);
            self.processing_timers.delete_all(pane.window);
            memories.push(pane.memory);
            content.merge(&op.aggregate, pane.content);
        }
        let mut clocks =
            Clocks { watermark, now, timers: &mut self.timers, processing_timers: &mut self.processing_timers };
        let memory = op.trigger.on_merge(&memories, union, &mut clocks);
        self.panes.insert(first, Pane { window: union, content, memory });
        union
    }

    fn find(&self, window: Window) -> Result<usize, usize> {
        // Most events are for the latest window.
        match self.panes.last() {
            Some(last) if last.window == window => Ok(self.panes.len() - 1),
            Some(last) if last.window < window => Err(self.panes.len()),
            _ => self.panes.binary_search_by_key(&window, |pane| pane.window),
        }
    }

    fn pane_of(&mut self, window: Window) -> usize {
        self.find(window).unwrap_or_else(|index| {
            self.panes.insert(index, Pane { window, content: Content::Nothing, memory: Memory::Nothing });
            index
        })
    }

    fn arm(&mut self, host: &mut impl Timers) {
        self.wake.no_later_than(
            self.timers.earliest(),
            host,
            |host, at| host.set_timer(at),
            |host, at| host.delete_timer(at),
        );
        self.processing_wake.no_later_than(
            self.processing_timers.earliest(),
            host,
            |host, at| host.set_processing_timer(at),
            |host, at| host.delete_processing_timer(at),
        );
    }
}
