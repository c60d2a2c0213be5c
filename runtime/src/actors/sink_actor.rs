//! Drives one [`SinkCore`] and its connector.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use statefun::Epoch;
use statefun_engine::sink::{Output, SinkCore, Stats};
use statefun_engine::{Participant, SinkItem, Topology};
use statefun_ports::BoxFuture;
use statefun_ports::sink::{SinkCommand, SinkInput};
use tokio::sync::{mpsc, oneshot};

use super::{CoordinatorMessage, RowEncoder, Wiring};
use crate::application::SinkFactory;
use crate::pressure::Pressure;

/// What a sink may be told.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum SinkMessage {
    /// Everybody's address; begins the work that a snapshot held.
    Wire(Wiring),
    Items {
        from: Participant,
        items: Vec<SinkItem>,
    },
    Completed(Epoch),
    Abandoned(Epoch),
    Published(Vec<u64>),
    Rejected(Vec<u64>, String),
    /// Which records have not left, up to the sequence number that stands by the egress's name; answered with the name.
    Unpublished(Arc<BTreeMap<String, u64>>, oneshot::Sender<(statefun::Symbol, Vec<u64>)>),
    /// Publish what there is and end.
    Stop,
    /// How it goes.
    Report(oneshot::Sender<SinkReport>),
}

/// How a sink goes.
#[derive(Debug, Clone)]
pub(crate) struct SinkReport {
    pub(crate) name: statefun::Symbol,
    pub(crate) stats: Stats,
    pub(crate) backlog: (usize, usize),
    pub(crate) has_ended: bool,
}

pub(crate) struct SinkActor {
    core: SinkCore,
    topology: Topology,
    out: Output,
    connector: SinkFactory,
    wiring: Option<Wiring>,
    pressure: Arc<Pressure>,
    encode: RowEncoder,
    commands: Option<mpsc::UnboundedSender<SinkCommand>>,
    has_ended: bool,
}

impl SinkActor {
    pub(crate) fn new(
        core: SinkCore,
        topology: Topology,
        connector: SinkFactory,
        pressure: Arc<Pressure>,
        encode: RowEncoder,
    ) -> Self {
        let out = Output::default();
        Self { core, topology, out, connector, wiring: None, pressure, encode, commands: None, has_ended: false }
    }

    fn perform(&mut self) {
        let from = Participant::Sink(self.core.id());
        if let Some(wiring) = &self.wiring {
            if !self.out.dead_letters.is_empty() {
                let items = std::mem::take(&mut self.out.dead_letters);
                let keeper = usize::from(self.topology.dead_letters().0);
                self.pressure.sent_to_sinks(items.len());
                wiring.sinks[keeper].do_send(SinkMessage::Items { from, items });
            }
            if let Some((epoch, rows)) = self.out.part.take() {
                let part = (self.encode)(self.core.name().as_str(), epoch, &rows);
                wiring.coordinator.do_send(CoordinatorMessage::Part { from, part });
            }
            if std::mem::take(&mut self.out.epoch_wanted) {
                wiring.coordinator.do_send(CoordinatorMessage::Request);
            }
        }
        if let Some(commands) = &self.commands {
            for command in self.out.commands.drain(..) {
                // A connector that has ended is started again with what is kept.
                let _ = commands.send(command);
            }
        }
        self.pressure.set_sink(self.core.id(), self.core.backlog().1);
    }

    fn start_connector(&mut self, context: &mut Context<Self>) {
        let (commands, input) = mpsc::unbounded_channel();
        self.commands = Some(commands);
        let run = (self.connector)().run(Box::new(ConnectorInput { commands: input, sink: context.address() }));
        let name = self.core.name();
        context.spawn(run.into_actor(self).map(move |result, actor, context| {
            actor.commands = None;
            match result {
                Ok(()) => actor.has_ended = true,
                Err(_) if actor.pressure.is_stopping() => actor.has_ended = true,
                Err(error) if error.retryable => {
                    tracing::warn!(egress = %name, %error, "egress failed, trying again in a second");
                    context.run_later(Duration::from_secs(1), |actor, context| {
                        actor.start_connector(context);
                        actor.core.resume_all(&mut actor.out);
                        actor.perform();
                    });
                }
                Err(error) => {
                    tracing::error!(egress = %name, %error, "egress stopped");
                    if let Some(wiring) = &actor.wiring {
                        wiring.coordinator.do_send(CoordinatorMessage::Fatal(error.to_string()));
                    }
                }
            }
        }));
    }
}

impl Actor for SinkActor {
    type Context = Context<Self>;
}

impl Handler<SinkMessage> for SinkActor {
    type Result = ();

    fn handle(&mut self, message: SinkMessage, context: &mut Self::Context) {
        match message {
            SinkMessage::Wire(wiring) => {
                self.wiring = Some(wiring);
                self.start_connector(context);
                self.core.resume(&mut self.out);
            }
            SinkMessage::Items { from, items } => {
                self.pressure.received_by_sinks(items.len());
                self.core.on_items(from, items, &mut self.out);
            }
            SinkMessage::Completed(epoch) => self.core.on_completed(epoch, &mut self.out),
            SinkMessage::Abandoned(epoch) => self.core.on_abandoned(epoch, &mut self.out),
            SinkMessage::Published(seqs) => self.core.on_published(&seqs),
            SinkMessage::Rejected(seqs, why) => {
                tracing::warn!(egress = %self.core.name(), count = seqs.len(), why, "records refused for good");
                self.core.on_rejected(&seqs, &why, &mut self.out);
            }
            SinkMessage::Stop => self.out.commands.push(SinkCommand::Stop),
            SinkMessage::Unpublished(up_to, reply) => {
                let name = self.core.name();
                let kept = up_to.get(name.as_str()).map(|&seq| self.core.kept_up_to(seq)).unwrap_or_default();
                let _ = reply.send((name, kept));
            }
            SinkMessage::Report(reply) => {
                let _ = reply.send(SinkReport {
                    name: self.core.name(),
                    stats: self.core.stats(),
                    backlog: self.core.backlog(),
                    has_ended: self.has_ended,
                });
            }
        }
        self.perform();
    }
}

struct ConnectorInput {
    commands: mpsc::UnboundedReceiver<SinkCommand>,
    sink: Addr<SinkActor>,
}

impl SinkInput for ConnectorInput {
    fn next(&mut self) -> BoxFuture<'_, SinkCommand> {
        Box::pin(async move { self.commands.recv().await.unwrap_or(SinkCommand::Stop) })
    }

    fn try_next(&mut self) -> Option<SinkCommand> {
        match self.commands.try_recv() {
            Ok(command) => Some(command),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(SinkCommand::Stop),
        }
    }

    fn published(&mut self, seqs: Vec<u64>) {
        self.sink.do_send(SinkMessage::Published(seqs));
    }

    fn rejected(&mut self, seqs: Vec<u64>, why: String) {
        self.sink.do_send(SinkMessage::Rejected(seqs, why));
    }
}
