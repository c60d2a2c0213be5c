//! Drives one [`Shard`] on its own thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use statefun::{CallId, Epoch, FunctionType, ProcessingTime, RequestId};
use statefun_engine::shard::{FunctionStats, Input, Output, Shard, StateEntry};
use statefun_engine::time::Progress;
use statefun_engine::{Item, Participant};
use statefun_ports::keyed_state::KeyedState;
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome, InvocationBatch};
use statefun_ports::rows::RequestProgress;
use tokio::sync::oneshot;

use super::{CoordinatorMessage, Wiring};
use crate::clock;
use crate::pressure::Pressure;
use crate::telemetry::CallTracer;
use crate::universe::Universe;

/// What a shard may be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum ShardMessage {
    /// Everybody's address; begins the work that a snapshot held.
    Wire(Wiring),
    Batch {
        from: Participant,
        items: Vec<Item>,
    },
    Reply {
        call: CallId,
        outcome: CallOutcome,
    },
    Tick,
    Completed(Epoch),
    Abandoned(Epoch),
    /// The functions were bound anew.
    Rebind,
    /// How far event time has come.
    Progress(Arc<Progress>),
    /// How many messages came from elsewhere so far, if nothing is unfinished and the news of event time of that number
    /// has been applied; see `Node::done`.
    Settled(u64, oneshot::Sender<Option<u64>>),
    /// How far a request is.
    Request(RequestId, oneshot::Sender<Option<RequestProgress>>),
    /// Stored values of a function type.
    Inspect {
        function: FunctionType,
        id: Option<String>,
        limit: usize,
        reply: oneshot::Sender<Vec<StateEntry>>,
    },
    /// How it goes.
    Report(oneshot::Sender<ShardReport>),
}

/// How a shard goes.
#[derive(Debug, Clone)]
pub(crate) struct ShardReport {
    pub(crate) functions: Vec<(FunctionType, bool, FunctionStats)>,
    pub(crate) addresses: usize,
    pub(crate) delayed: usize,
    /// The longest that the core was busy with one input, in microseconds.
    pub(crate) stall_us_max: u64,
}

pub(crate) struct ShardActor<S: KeyedState + Unpin + 'static> {
    shard: Shard<S>,
    out: Output,
    wiring: Option<Wiring>,
    universe: Arc<Universe>,
    pressure: Arc<Pressure>,
    tracer: Option<Arc<dyn CallTracer>>,
    timer: Option<(ProcessingTime, SpawnHandle)>,
    /// Whether a tick is on its way. One is enough: with one per batch that finds work left, they would come to be so
    /// many that markers and replies hardly get their turn.
    is_ticking: bool,
    /// Envelopes received.
    arrived: u64,
    stall_us_max: u64,
}

impl<S: KeyedState + Unpin + 'static> ShardActor<S> {
    pub(crate) fn new(
        shard: Shard<S>,
        out: Output,
        universe: Arc<Universe>,
        pressure: Arc<Pressure>,
        tracer: Option<Arc<dyn CallTracer>>,
    ) -> Self {
        Self {
            shard,
            out,
            wiring: None,
            universe,
            pressure,
            tracer,
            timer: None,
            is_ticking: false,
            arrived: 0,
            stall_us_max: 0,
        }
    }

    fn drive(&mut self, input: Input, context: &mut Context<Self>) {
        let begun = Instant::now();
        self.shard.handle(clock::now(), input, &mut self.out);
        self.stall_us_max = self.stall_us_max.max(begun.elapsed().as_micros() as u64);
        self.perform(context);
    }

    fn perform(&mut self, context: &mut Context<Self>) {
        let from = Participant::Shard(self.shard.id());
        if let Some(wiring) = &self.wiring {
            // Before what the step sends, so that whoever is caused by that speaks later.
            if let Some(delta) = self.out.delta.take() {
                wiring.coordinator.do_send(CoordinatorMessage::Delta(delta));
            }
            wiring.send_to_shards(from, &mut self.out.shards, &self.pressure);
            wiring.send_to_sinks(from, &mut self.out.sinks, &self.pressure);
            for part in self.out.parts.drain(..) {
                wiring.coordinator.do_send(CoordinatorMessage::Part { from, part });
            }
        }
        for (call, batch) in std::mem::take(&mut self.out.calls) {
            self.call(call, batch, context);
        }
        self.pressure.set_shard(self.shard.id(), self.shard.load());
        if self.shard.has_work() && !std::mem::replace(&mut self.is_ticking, true) {
            context.notify(ShardMessage::Tick);
        }
        self.arm(context);
    }

    fn call(&self, call: CallId, batch: InvocationBatch, context: &mut Context<Self>) {
        let shard = context.address();
        let Some(transport) = self.universe.transport(batch.target.function) else {
            let message = format!("nobody serves {} any more", batch.target.function);
            let outcome = CallOutcome::Failed(CallFailure { kind: CallFailureKind::Connection, message });
            shard.do_send(ShardMessage::Reply { call, outcome });
            return;
        };
        let span = self.tracer.as_ref().map(|tracer| tracer.begin(&batch.target, batch.invocations.len()));
        let trace = span.as_ref().map(|span| span.traceparent());
        actix::spawn(async move {
            let outcome = transport.call(call, batch, trace).await;
            if let Some(span) = span {
                span.end(&outcome);
            }
            shard.do_send(ShardMessage::Reply { call, outcome });
        });
    }

    /// Sets the one timer to the shard's next deadline.
    fn arm(&mut self, context: &mut Context<Self>) {
        let deadline = self.shard.deadline();
        if self.timer.as_ref().map(|(at, _)| *at) == deadline {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            context.cancel_future(timer);
        }
        if let Some(at) = deadline {
            // A timer far away is looked at again every minute: the clock may be set meanwhile.
            let wait = at.since(clock::now()).clamp(Duration::from_millis(1), Duration::from_secs(60));
            let timer = context.run_later(wait, |actor, context| {
                actor.timer = None;
                actor.drive(Input::Tick, context);
            });
            self.timer = Some((at, timer));
        }
    }
}

impl<S: KeyedState + Unpin + 'static> Actor for ShardActor<S> {
    type Context = Context<Self>;
}

impl<S: KeyedState + Unpin + 'static> Handler<ShardMessage> for ShardActor<S> {
    type Result = ();

    fn handle(&mut self, message: ShardMessage, context: &mut Self::Context) {
        match message {
            ShardMessage::Wire(wiring) => {
                self.wiring = Some(wiring);
                self.drive(Input::Tick, context);
            }
            ShardMessage::Batch { from, items } => {
                self.pressure.received(self.shard.id(), items.len());
                self.arrived +=
                    items.iter().filter(|item| matches!(item, Item::Envelope(_) | Item::Ask(_))).count() as u64;
                self.drive(Input::Batch { from, items }, context);
            }
            ShardMessage::Reply { call, outcome } => self.drive(Input::Reply { call, outcome }, context),
            ShardMessage::Tick => {
                self.is_ticking = false;
                self.drive(Input::Tick, context);
            }
            ShardMessage::Completed(epoch) => self.drive(Input::Completed(epoch), context),
            ShardMessage::Abandoned(epoch) => self.drive(Input::Abandoned(epoch), context),
            ShardMessage::Rebind => {
                self.shard.rebind();
                self.drive(Input::Tick, context);
            }
            ShardMessage::Progress(progress) => self.drive(Input::Progress(progress), context),
            ShardMessage::Settled(seq, reply) => {
                let is_time_settled = self.shard.is_time_settled() && self.shard.frontier().seq() >= seq;
                let is_settled = self.shard.is_idle() && self.shard.delayed_messages() == 0 && is_time_settled;
                let _ = reply.send(is_settled.then_some(self.arrived));
            }
            ShardMessage::Request(request, reply) => {
                let _ = reply.send(self.shard.request(request));
            }
            ShardMessage::Inspect { function, id, limit, reply } => {
                // Whoever asked may have gone away.
                let _ = reply.send(self.shard.inspect(function, id.as_deref(), limit));
            }
            ShardMessage::Report(reply) => {
                let _ = reply.send(ShardReport {
                    functions: self.shard.functions(),
                    addresses: self.shard.addresses(),
                    delayed: self.shard.delayed_messages(),
                    stall_us_max: self.stall_us_max,
                });
            }
        }
    }
}
