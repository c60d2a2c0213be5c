//! The short way for sessions: default trigger, no evictor.
//!
//! A session of the general way is a pane under a window that changes with every event, and with it three timers. Here a
//! session grows in place. The host is asked for one wake-up per key; when it comes and the session has grown meanwhile, the
//! next one is set for the end of then. So a busy session costs its host one timer per gap, not one per event.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::aggregate::Aggregate;
use super::{Context, Fired, Window, WindowOperator};
use crate::time::{MAX, Millis};
use crate::timers::{Timers, Wake};

/// The open sessions of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sessions<C> {
    /// Ordered by time; they neither overlap nor touch. Nearly always one.
    sessions: SmallVec<[Session<C>; 1]>,
    wake: Wake,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Session<C> {
    window: Window,
    accumulator: C,
    /// Its end lies ahead; it has not given the result for it.
    open: bool,
}

impl<C> Default for Sessions<C> {
    fn default() -> Self {
        Self { sessions: SmallVec::new(), wake: Wake::default() }
    }
}

impl<C> Sessions<C> {
    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl<C: Clone> Sessions<C> {
    /// Returns whether a session took the event.
    pub(crate) fn on_event<A, X>(
        &mut self,
        op: &WindowOperator<A>,
        at: Millis,
        event: &A::Event,
        context: &mut X,
    ) -> bool
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        let watermark = context.watermark();
        let Some(own) = op.spec.assigner.assign(at, || op.gap_of(event)).next() else { return false };
        let first = self.sessions.partition_point(|session| session.window.end < own.start);
        let joining = self.sessions[first..].iter().take_while(|session| session.window.joins(own)).count();
        if joining == 0 {
            if op.spec.cleanup(own) <= watermark {
                return false;
            }
            let accumulator = op.aggregate.create();
            self.sessions.insert(first, Session { window: own, accumulator, open: true });
        }
        // Contents are merged in order of time before the new event is added.
        for _ in 1..joining {
            let later = self.sessions.remove(first + 1);
            let session = &mut self.sessions[first];
            session.window = session.window.cover(later.window);
            op.aggregate.merge(&mut session.accumulator, &later.accumulator);
        }
        let session = &mut self.sessions[first];
        session.window = session.window.cover(own);
        op.aggregate.add(&mut session.accumulator, at, event);
        session.open = session.window.last() > watermark;
        if !session.open {
            context.emit(Fired { window: session.window, result: op.aggregate.result(&session.accumulator) });
        }
        self.arm(op, context);
        true
    }

    pub(crate) fn on_timer<A, X>(&mut self, op: &WindowOperator<A>, time: Millis, context: &mut X)
    where
        A: Aggregate<Accumulator = C>,
        X: Context<A::Event, A::Output>,
    {
        self.wake.fired(time);
        self.sessions.retain(|session| {
            if session.open && session.window.last() <= time {
                session.open = false;
                context.emit(Fired { window: session.window, result: op.aggregate.result(&session.accumulator) });
            }
            let cleanup = op.spec.cleanup(session.window);
            cleanup > time || cleanup == MAX
        });
        self.arm(op, context);
    }

    fn arm<A>(&mut self, op: &WindowOperator<A>, host: &mut impl Timers)
    where
        A: Aggregate<Accumulator = C>,
    {
        let due = self.sessions.iter().filter_map(|session| {
            let due = if session.open { session.window.last() } else { op.spec.cleanup(session.window) };
            (session.open || due < MAX).then_some(due)
        });
        let earliest = due.min();
        self.wake.no_later_than(earliest, host, |host, at| host.set_timer(at), |host, at| host.delete_timer(at));
    }
}
