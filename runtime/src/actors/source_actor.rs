//! Drives one [`SourceCore`] and its connector.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use statefun::Epoch;
use statefun_engine::source::{Output, SourceCore, Stats};
use statefun_engine::{Marker, Participant};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, SourceEvent, SourceOutput, SourceRecord};
use tokio::sync::{mpsc, oneshot};

use super::{CoordinatorMessage, RowEncoder, Wiring};
use crate::application::SourceFactory;
use crate::clock;
use crate::pressure::Pressure;

/// Batches that a connector may have handed over while the engine is busy with one.
const BATCHES_AHEAD: usize = 2;

/// How often a source that tells time is looked at whether it has become idle.
const IDLE_LOOK_MIN: Duration = Duration::from_millis(10);
const IDLE_LOOK_MAX: Duration = Duration::from_secs(1);

/// What a source may be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum SourceMessage {
    /// Records of the connector.
    Records(Vec<SourceRecord>),
    /// Close an epoch.
    Start(Marker),
    Completed(Epoch),
    Abandoned(Epoch),
    /// The connector's input has ended.
    Ended,
    /// Stop reading.
    Stop,
    /// How it goes.
    Report(oneshot::Sender<SourceReport>),
}

/// How a source goes.
#[derive(Debug, Clone)]
pub(crate) struct SourceReport {
    pub(crate) name: statefun::Symbol,
    pub(crate) stats: Stats,
    pub(crate) positions: Vec<Position>,
    pub(crate) has_ended: bool,
}

pub(crate) struct SourceActor {
    core: SourceCore,
    out: Output,
    connector: SourceFactory,
    wiring: Wiring,
    pressure: Arc<Pressure>,
    encode: RowEncoder,
    events: Option<mpsc::UnboundedSender<SourceEvent>>,
    has_ended: bool,
}

impl SourceActor {
    pub(crate) fn new(
        core: SourceCore,
        out: Output,
        connector: SourceFactory,
        wiring: Wiring,
        pressure: Arc<Pressure>,
        encode: RowEncoder,
    ) -> Self {
        Self { core, out, connector, wiring, pressure, encode, events: None, has_ended: false }
    }

    fn perform(&mut self) {
        let from = Participant::Source(self.core.id());
        // Before what the step sends, so that whoever is caused by that speaks later.
        if let Some(delta) = self.out.delta.take() {
            self.wiring.coordinator.do_send(CoordinatorMessage::Delta(delta));
        }
        self.wiring.send_to_shards(from, &mut self.out.shards, &self.pressure);
        self.wiring.send_to_sinks(from, &mut self.out.sinks, &self.pressure);
        if let Some((epoch, rows)) = self.out.part.take() {
            let part = (self.encode)(self.core.name().as_str(), epoch, &rows);
            self.wiring.coordinator.do_send(CoordinatorMessage::Part { from, part });
        }
        for event in self.out.events.drain(..) {
            if let Some(events) = &self.events {
                // A connector that has ended listens no more.
                let _ = events.send(event);
            }
        }
        if std::mem::take(&mut self.out.epoch_wanted) {
            self.wiring.coordinator.do_send(CoordinatorMessage::Request);
        }
    }

    /// Looks again when a partition may have become idle.
    fn arm(&self, context: &mut Context<Self>) {
        let wait = self.core.deadline().map_or(IDLE_LOOK_MAX, |at| at.since(clock::now()));
        context.run_later(wait.clamp(IDLE_LOOK_MIN, IDLE_LOOK_MAX), |actor, context| {
            actor.core.on_tick(clock::now(), &mut actor.out);
            actor.perform();
            actor.arm(context);
        });
    }

    /// Runs the connector from where the core stands; again, after a pause, when it fails in a way that may pass.
    fn start_connector(&mut self, context: &mut Context<Self>) {
        let (records_in, mut records) = mpsc::channel(BATCHES_AHEAD);
        let (events, events_out) = mpsc::unbounded_channel();
        self.events = Some(events);
        let output = Box::new(ConnectorOutput { records: records_in, events: events_out });
        let positions = self.core.positions().collect();
        let run = (self.connector)().run(positions, output);
        let actor = context.address();
        let pressure = Arc::clone(&self.pressure);
        let name = self.core.name();

        let pump = async move {
            while let Some(batch) = records.recv().await {
                if !pressure.room().await || actor.send(SourceMessage::Records(batch)).await.is_err() {
                    break;
                }
            }
        };
        let task = async move { tokio::join!(run, pump).0 };
        context.spawn(task.into_actor(self).map(move |result, actor, context| match result {
            Ok(()) => context.notify(SourceMessage::Ended),
            Err(_) if actor.pressure.is_stopping() => {}
            Err(error) if error.retryable => {
                tracing::warn!(ingress = %name, %error, "ingress failed, trying again in a second");
                context.run_later(Duration::from_secs(1), |actor, context| {
                    // It would miss the word to stop, which came while there was nobody to hear it.
                    if !actor.pressure.is_stopping() {
                        actor.start_connector(context);
                    }
                });
            }
            Err(error) => {
                tracing::error!(ingress = %name, %error, "ingress stopped");
                actor.wiring.coordinator.do_send(CoordinatorMessage::Fatal(error.to_string()));
            }
        }));
    }
}

impl Actor for SourceActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if self.core.time().is_some() {
            self.core.on_tick(clock::now(), &mut self.out);
            self.perform();
            self.arm(context);
        }
        self.start_connector(context);
    }
}

impl Handler<SourceMessage> for SourceActor {
    type Result = ();

    fn handle(&mut self, message: SourceMessage, _: &mut Self::Context) {
        match message {
            SourceMessage::Records(records) => {
                if self.core.time().is_some() {
                    self.core.on_tick(clock::now(), &mut self.out);
                }
                self.core.on_records(records, &mut self.out);
            }
            SourceMessage::Start(marker) => self.core.on_start(marker, &mut self.out),
            SourceMessage::Completed(epoch) => self.core.on_completed(epoch, &mut self.out),
            SourceMessage::Abandoned(epoch) => self.core.on_abandoned(epoch),
            // Told to stop is not the end of the input: time must not run to its end.
            SourceMessage::Ended if self.pressure.is_stopping() => self.has_ended = true,
            SourceMessage::Ended => {
                self.has_ended = true;
                self.core.on_end(&mut self.out);
            }
            SourceMessage::Stop => self.out.events.push(SourceEvent::Stop),
            SourceMessage::Report(reply) => {
                let _ = reply.send(SourceReport {
                    name: self.core.name(),
                    stats: self.core.stats(),
                    positions: self.core.positions().collect(),
                    has_ended: self.has_ended,
                });
            }
        }
        self.perform();
    }
}

struct ConnectorOutput {
    records: mpsc::Sender<Vec<SourceRecord>>,
    events: mpsc::UnboundedReceiver<SourceEvent>,
}

impl SourceOutput for ConnectorOutput {
    fn send(&mut self, records: Vec<SourceRecord>) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.records.send(records).await.is_ok() })
    }

    fn event(&mut self) -> BoxFuture<'_, SourceEvent> {
        Box::pin(async move { self.events.recv().await.unwrap_or(SourceEvent::Stop) })
    }

    fn try_event(&mut self) -> Option<SourceEvent> {
        match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(SourceEvent::Stop),
        }
    }
}
