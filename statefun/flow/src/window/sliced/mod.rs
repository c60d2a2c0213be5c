//! The short way for tumbling and sliding windows: default trigger, no evictor.
//!
//! ```text
//!   windows   [-------------)                 size 5, slide 2: edges at every start and every end
//!                  [-------------)
//!                       [-------------)
//!   slices    [ ][ ][ ][ ][ ][ ][ ][ ][ ]     an event is added to one slice, a window merges its slices
//! ```
//!
//! An event costs one lookup and one addition, however many windows overlap. A firing merges the slices of the window; where
//! these are many, [`Folds`] makes it a constant number of merges.

mod folds;
mod grid;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use self::folds::Folds;
pub(crate) use self::grid::Grid;
use super::aggregate::Aggregate;
use super::{Context, Fired, Window, WindowOperator};
use crate::time::{MAX, Millis};
use crate::timers::{Timers, Wake};

/// The slices of one key that some window still needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "C: Serialize", deserialize = "C: Deserialize<'de>"))]
pub(crate) struct Sliced<C> {
    /// Ordered by start; only those that had events.
    slices: VecDeque<Slice<C>>,
    /// The end of the earliest window that holds a slice and has not fired for the watermark.
    next_end: Option<Millis>,
    wake: Wake,
    #[serde(default, skip_serializing_if = "Folds::is_unused")]
    folds: Folds<C>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slice<C> {
    start: Millis,
    accumulator: C,
}

impl<C> Default for Sliced<C> {
    fn default() -> Self {
        Self { slices: VecDeque::new(), next_end: None, wake: Wake::default(), folds: Folds::default() }
    }
}

impl<C: PartialEq> PartialEq for Sliced<C> {
    fn eq(&self, other: &Self) -> bool {
        // What is folded already follows from the rest.
        self.slices == other.slices && self.next_end == other.next_end && self.wake == other.wake
    }
}

impl<C> Sliced<C> {
    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }
}

impl<C: Clone> Sliced<C> {
    /// Returns whether any window took the event.
    pub(crate) fn on_event<A, X>(
        &mut self,
        op: &WindowOperator<A>,
        grid: &Grid,
        at: Millis,
        event: &A::Event,
        context: &mut X,
    ) -> bool
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let watermark = context.watermark();
        let start = grid.slice_start(at);
        let Some(ends) = grid.ends(start) else { return false };
        if closes(op, ends.last) <= watermark {
            return false;
        }
        let index = self.slice_at(op, start);
        op.aggregate.add(&mut self.slices[index].accumulator, at, event);
        self.folds.on_change(index);
        // Windows that are complete, but not closed yet, give their new result at once.
        let closed = watermark.saturating_sub(closes(op, ends.first));
        let mut end = ends.first;
        if closed >= 0 {
            end = end.saturating_add((closed / grid.slide + 1).saturating_mul(grid.slide));
        }
        while end <= ends.last && end.saturating_sub(1) <= watermark {
            self.fire(op, grid, end, context);
            end = end.saturating_add(grid.slide);
        }
        if end <= ends.last && self.next_end.is_none_or(|next| end < next) {
            self.next_end = Some(end);
            self.arm(op, grid, context);
        } else if op.spec.allowed_lateness > 0 {
            self.arm(op, grid, context);
        }
        true
    }

    pub(crate) fn on_timer<A, X>(&mut self, op: &WindowOperator<A>, grid: &Grid, time: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        self.wake.fired(time);
        while let Some(end) = self.next_end.filter(|end| end.saturating_sub(1) <= time) {
            if op.spec.allowed_lateness == 0 {
                self.fire_in_turn(op, grid, end, context);
            } else {
                self.fire(op, grid, end, context);
            }
            self.next_end = self.end_after(grid, end);
            if op.spec.allowed_lateness == 0 {
                self.drop_closed(op, grid, end.saturating_sub(1));
            }
        }
        self.drop_closed(op, grid, time);
        self.arm(op, grid, context);
    }

    /// Fires the window that ends at `end` from its slices.
    fn fire<A, X>(&self, op: &WindowOperator<A>, grid: &Grid, end: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let window = Window::new(end.saturating_sub(grid.size), end);
        let inside = self.index_of(window.start)..self.index_of(end);
        let mut slices = self.slices.range(inside);
        let Some(first) = slices.next() else { return };
        let result = if slices.len() == 0 {
            op.aggregate.result(&first.accumulator)
        } else {
            let mut whole = first.accumulator.clone();
            slices.for_each(|slice| op.aggregate.merge(&mut whole, &slice.accumulator));
            op.aggregate.result(&whole)
        };
        context.emit(Fired { window, result });
    }

    /// The same where windows fire once, in order of time, and slices behind them are gone: partial merges can be kept.
    fn fire_in_turn<A, X>(&mut self, op: &WindowOperator<A>, grid: &Grid, end: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let count = self.index_of(end);
        if count <= folds::FEW {
            return self.fire(op, grid, end, context);
        }
        let whole = self.folds.whole(&op.aggregate, &self.slices, count);
        let window = Window::new(end.saturating_sub(grid.size), end);
        context.emit(Fired { window, result: op.aggregate.result(&whole) });
    }

    /// The end of the next window behind `end` that holds a slice.
    fn end_after(&self, grid: &Grid, end: Millis) -> Option<Millis> {
        let waiting = self.slices.iter().filter_map(|slice| grid.ends(slice.start)).find(|ends| ends.last > end)?;
        Some(waiting.first.max(end.saturating_add(grid.slide)))
    }

    fn drop_closed<A>(&mut self, op: &WindowOperator<A>, grid: &Grid, time: Millis)
    where
        A: Aggregate<Accumulator = C>,
    {
        while let Some(oldest) = self.slices.front() {
            let closes = grid.ends(oldest.start).map_or(time, |ends| closes(op, ends.last));
            if closes > time || closes == MAX {
                break;
            }
            self.slices.pop_front();
            self.folds.on_pop();
        }
    }

    /// The slice that starts at `start`, made if it is missing.
    fn slice_at<A>(&mut self, op: &WindowOperator<A>, start: Millis) -> usize
    where
        A: Aggregate<Accumulator = C>,
    {
        let index = self.index_of(start);
        if self.slices.get(index).is_none_or(|slice| slice.start != start) {
            self.folds.on_change(index);
            self.slices.insert(index, Slice { start, accumulator: op.aggregate.create() });
        }
        index
    }

    /// How many slices start before `time`.
    fn index_of(&self, time: Millis) -> usize {
        match self.slices.back() {
            // Most events are for the latest slice, most firings for all of them.
            Some(latest) if latest.start < time => self.slices.len(),
            Some(latest) if latest.start == time => self.slices.len() - 1,
            _ => self.slices.partition_point(|slice| slice.start < time),
        }
    }

    fn arm<A>(&mut self, op: &WindowOperator<A>, grid: &Grid, host: &mut impl Timers)
    where
        A: Aggregate<Accumulator = C>,
    {
        let fires = self.next_end.map(|end| end.saturating_sub(1));
        let closes = self.slices.front().and_then(|oldest| grid.ends(oldest.start)).map(|ends| closes(op, ends.last));
        let earliest = match (fires, closes.filter(|closes| *closes < MAX)) {
            (Some(fires), Some(closes)) => Some(fires.min(closes)),
            (fires, closes) => fires.or(closes),
        };
        self.wake.no_later_than(earliest, host, |host, at| host.set_timer(at), |host, at| host.delete_timer(at));
    }
}

/// When the window that ends at `end` takes no more events.
fn closes<A: Aggregate>(op: &WindowOperator<A>, end: Millis) -> Millis {
    end.saturating_sub(1).saturating_add(op.spec.allowed_lateness)
}
