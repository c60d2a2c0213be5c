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
use self::grid::Place;
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
    /// Only where windows have many slices; apart, to keep the state of a key small.
    folds: Option<Box<Folds<C>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slice<C> {
    start: Millis,
    accumulator: C,
}

impl<C> Default for Sliced<C> {
    fn default() -> Self {
        Self { slices: VecDeque::new(), next_end: None, wake: Wake::default(), folds: None }
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
        let Some(place) = grid.place(at) else { return false };
        if closes(op, place.last_end) <= watermark {
            return false;
        }
        let index = self.slice_at(op, place.slice);
        op.aggregate.add(&mut self.slices[index].accumulator, at, event);
        self.changed(index);
        let mut end = place.first_end;
        if end.saturating_sub(1) <= watermark {
            end = self.fire_complete(op, grid, place, context);
        }
        if end <= place.last_end && self.next_end.is_none_or(|next| end < next) {
            self.next_end = Some(end);
            self.arm(op, grid, context);
        } else if op.spec.allowed_lateness > 0 {
            self.arm(op, grid, context);
        }
        true
    }

    /// Windows that contain the slice and are complete, but not closed yet, give their new result at once. Returns the end of
    /// the first one that is not complete.
    fn fire_complete<A, X>(&self, op: &WindowOperator<A>, grid: &Grid, place: Place, context: &mut X) -> Millis
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let watermark = context.watermark();
        let mut end = place.first_end;
        let closed = watermark.saturating_sub(closes(op, end));
        if closed >= 0 {
            end = end.saturating_add((closed / grid.slide + 1).saturating_mul(grid.slide));
        }
        while end <= place.last_end && end.saturating_sub(1) <= watermark {
            self.fire(op, grid, end, context);
            end = end.saturating_add(grid.slide);
        }
        end
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
        }
        if op.spec.allowed_lateness > 0 {
            self.drop_closed(op, grid, time);
        }
        self.arm(op, grid, context);
    }

    /// Fires the window that ends at `end` from its slices.
    fn fire<A, X>(&self, op: &WindowOperator<A>, grid: &Grid, end: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let window = Window::new(end.saturating_sub(grid.size), end);
        let slices = self.slices.range(self.index_of(window.start)..self.index_of(end));
        if let Some(result) = merged(op, slices) {
            context.emit(Fired { window, result });
        }
    }

    /// The same where windows fire once, in order of time: slices of earlier windows only are gone, and those of this one only
    /// go now, so partial merges can be kept.
    fn fire_in_turn<A, X>(&mut self, op: &WindowOperator<A>, grid: &Grid, end: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let window = Window::new(end.saturating_sub(grid.size), end);
        let count = self.index_of(end);
        let result = if count <= folds::FEW {
            merged(op, self.slices.range(..count))
        } else {
            let folds = self.folds.get_or_insert_default();
            Some(op.aggregate.result(&folds.whole(&op.aggregate, &self.slices, count)))
        };
        if let Some(result) = result {
            context.emit(Fired { window, result });
        }
        let next_start = window.start.saturating_add(grid.slide);
        while self.slices.front().is_some_and(|oldest| oldest.start < next_start) {
            self.pop();
        }
    }

    /// The end of the next window behind `end` that holds a slice.
    fn end_after(&self, grid: &Grid, end: Millis) -> Option<Millis> {
        // At the very end of time there is no next one.
        let next_end = end.checked_add(grid.slide)?;
        let next_start = next_end.saturating_sub(grid.size);
        let index = match self.slices.front() {
            Some(oldest) if oldest.start >= next_start => 0,
            _ => self.index_of(next_start),
        };
        let waiting = self.slices.get(index)?;
        if waiting.start < next_end {
            return Some(next_end);
        }
        grid.place(waiting.start).map(|place| place.first_end)
    }

    fn drop_closed<A>(&mut self, op: &WindowOperator<A>, grid: &Grid, time: Millis)
    where
        A: Aggregate<Accumulator = C>,
    {
        while self.oldest_closes(op, grid).is_some_and(|closes| closes <= time && closes < MAX) {
            self.pop();
        }
    }

    /// When the last window that needs the oldest slice takes no more events.
    fn oldest_closes<A>(&self, op: &WindowOperator<A>, grid: &Grid) -> Option<Millis>
    where
        A: Aggregate<Accumulator = C>,
    {
        let place = grid.place(self.slices.front()?.start)?;
        Some(closes(op, place.last_end))
    }

    fn pop(&mut self) {
        self.slices.pop_front();
        if let Some(folds) = &mut self.folds {
            folds.on_pop();
            if self.slices.is_empty() {
                self.folds = None;
            }
        }
    }

    fn changed(&mut self, index: usize) {
        if let Some(folds) = &mut self.folds {
            folds.on_change(index);
        }
    }

    /// The slice that starts at `start`, made if it is missing.
    fn slice_at<A>(&mut self, op: &WindowOperator<A>, start: Millis) -> usize
    where
        A: Aggregate<Accumulator = C>,
    {
        let index = self.index_of(start);
        if self.slices.get(index).is_none_or(|slice| slice.start != start) {
            self.changed(index);
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
        // Without patience a window closes when it fires, and there is a next one as long as there is a slice.
        let fires = self.next_end.map(|end| end.saturating_sub(1));
        let closes = if op.spec.allowed_lateness > 0 { self.oldest_closes(op, grid) } else { None };
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

/// The result of some slices, unless there are none.
fn merged<'a, A>(
    op: &WindowOperator<A>,
    mut slices: impl ExactSizeIterator<Item = &'a Slice<A::Accumulator>>,
) -> Option<A::Output>
where
    A: Aggregate,
    A::Accumulator: 'a,
{
    let first = slices.next()?;
    if slices.len() == 0 {
        return Some(op.aggregate.result(&first.accumulator));
    }
    let mut whole = first.accumulator.clone();
    slices.for_each(|slice| op.aggregate.merge(&mut whole, &slice.accumulator));
    Some(op.aggregate.result(&whole))
}
