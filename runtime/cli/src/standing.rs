//! What stands once a node runs: the node, its listeners, the playground, the admin API.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use statefun::{Epoch, FunctionType, KeyGroups, RequestId, ShardId};
use statefun_admin::AdminServer;
use statefun_engine::{shard, snapshot};
use statefun_ingress::http::{self, Admission, Door, Listener, listen};
use statefun_ports::BoxFuture;
use statefun_ports::rows::RequestProgress;
use statefun_runtime::{Node, NodeError, NodeOptions, PressureLimits, StatePlugin, Storage};
use statefun_state::{MemoryState, encode_rows};

use crate::compose::Composed;
use crate::config::Config;
use crate::savepoint::{Place, Taker};
use crate::telemetry::Telemetry;
use crate::view::NodeView;
use crate::{Failure, store};

/// The admin address that means none.
const ADMIN_OFF: &str = "off";

/// A node and everything by which the world reaches it.
pub(crate) struct Standing {
    node: Node,
    door: Door,
    listeners: Vec<Listener>,
    playground: Option<statefun_egress::playground::ServerHandle>,
    admin: Option<AdminServer>,
}

impl Standing {
    /// Recovers, starts, and opens what listens; `say` hears of every address. `data_dir` is where the storage is, if it is
    /// anywhere.
    pub(crate) fn raise(
        composed: Composed,
        storage: Storage,
        data_dir: Option<&Path>,
        config: &Config,
        module: &statefun::spec::Module,
        telemetry: Option<&Telemetry>,
        say: impl Fn(&str),
    ) -> Result<Self, Failure> {
        let Composed { application, door, listeners, playground, dead_letters } = composed;
        door.keep_late_replies(config.duration("http.reply_retention")?);
        check_addresses(config, &listeners, playground.as_ref().map(|(_, port)| *port))?;
        let tracer = telemetry.map(Telemetry::tracer);
        let node = Node::start(application, storage, &plugin(), options(config)?, tracer)
            .map_err(|error| store::not_started(data_dir, error))?;
        let mut standing =
            Self { node: node.clone(), door: door.clone(), listeners: Vec::new(), playground: None, admin: None };
        let admin_address = config.text("admin.address");
        if admin_address != ADMIN_OFF {
            // A node whose state is nowhere has no place for savepoints.
            let place = data_dir.map(Place::below).transpose().map_err(Failure::running)?;
            let wait = config.duration("savepoints.wait")?;
            let taker = place.map(|place| Taker::new(node.clone(), place, wait));
            let view = NodeView::new(node.clone(), door.clone(), dead_letters, module.clone(), config.clone(), taker);
            let admin = statefun_admin::serve(Arc::new(view), admin_address).map_err(Failure::usage)?;
            say(&format!("admin     http://{}", admin.address));
            standing.admin = Some(admin);
        }
        let admission = admission(&node);
        for (id, options) in listeners {
            let options = http::Options { workers: config.number("http.workers")?, ..options };
            let listener = listen(door.clone(), Arc::clone(&admission), options).map_err(Failure::usage)?;
            say(&format!("ingress   {id} at http://{}", listener.address));
            standing.listeners.push(listener);
        }
        if let Some((store, port)) = playground {
            let server = statefun_egress::playground::serve(store, port)
                .map_err(|error| Failure::usage(format!("cannot listen on 0.0.0.0:{port}: {error}")))?;
            say(&format!("egress    io.statefun.playground/egress at http://{}", server.address));
            standing.playground = Some(server.server.handle());
            actix::spawn(server.server);
        }
        for (pattern, url) in node.bindings() {
            say(&format!(
                "functions {pattern} {}",
                url.map_or_else(|| "in this process".to_owned(), |url| format!("at {url}"))
            ));
        }
        Ok(standing)
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// Where messages come in from the program itself.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Returns when every input has ended and everything is done; never while something listens.
    pub(crate) async fn done(&self) -> Result<(), NodeError> {
        self.node.done(!self.listeners.is_empty()).await
    }

    /// Takes a last snapshot and closes everything.
    pub(crate) async fn stop(self) -> Result<Summary, Failure> {
        let stopped = self.stop_node().await;
        if let Some(handle) = self.playground {
            handle.stop(false).await;
        }
        if let Some(admin) = self.admin {
            admin.stop().await;
        }
        stopped
    }

    async fn stop_node(&self) -> Result<Summary, Failure> {
        let report = self.node.report().await.map_err(Failure::running)?;
        let epoch = self.node.stop().await.map_err(Failure::running)?;
        for listener in &self.listeners {
            listener.stop().await;
        }
        Ok(Summary {
            epoch,
            read: report.sources.iter().map(|(_, stats, ..)| stats.records).sum(),
            handled: report.functions.iter().map(|(_, _, stats)| stats.invocations).sum(),
            published: report.sinks.iter().map(|(_, stats, _)| stats.published).sum(),
            uptime: self.node.uptime(),
        })
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The last epoch: everything up to here is durable.
    pub epoch: Epoch,
    /// Records read from sources.
    pub read: u64,
    /// Messages handled by functions.
    pub handled: u64,
    /// Records published by egresses.
    pub published: u64,
    /// How long it ran.
    pub uptime: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, read, handled, published, uptime } = self;
        write!(
            f,
            "stopped at {epoch}: {read} records read, {handled} messages handled, {published} records published in {:.1} s",
            uptime.as_secs_f64()
        )
    }
}

fn options(config: &Config) -> Result<NodeOptions, Failure> {
    Ok(NodeOptions {
        shards: config.shards()?,
        key_groups: config.key_groups()?,
        epochs: snapshot::Options {
            interval: config.duration("epochs.interval")?,
            timeout: config.duration("epochs.timeout")?,
            ..snapshot::Options::default()
        },
        shard: shard::Options {
            calls_max: config.number("limits.calls")?,
            requests_bytes_max: config.bytes("limits.requests_bytes")? / usize::from(config.shards()?),
            ..shard::Options::default()
        },
        pressure: PressureLimits {
            messages_max: config.number("limits.messages")?,
            bytes_max: config.bytes("limits.bytes")?,
            outbox_bytes_max: config.bytes("limits.outbox_bytes")?,
            delayed_bytes_max: config.bytes("limits.delayed_bytes")?,
        },
        stop_timeout: config.duration("stop.timeout")?,
    })
}

/// Live state in memory.
pub(crate) fn plugin() -> StatePlugin<MemoryState> {
    StatePlugin { make: |shard: ShardId, groups: KeyGroups| MemoryState::new(groups, shard), encode: encode_rows }
}

/// What the HTTP door asks the node, by its own trait.
pub(crate) fn admission(node: &Node) -> Arc<dyn Admission> {
    Arc::new(NodeAdmission(node.clone()))
}

/// What the HTTP door asks the node.
struct NodeAdmission(Node);

impl Admission for NodeAdmission {
    fn has_room(&self) -> bool {
        !self.0.pressure().is_over()
    }

    fn serves(&self, function: FunctionType) -> bool {
        self.0.serves(function)
    }

    fn request(&self, request: RequestId) -> BoxFuture<'static, Option<RequestProgress>> {
        let node = self.0.clone();
        // A node that has died remembers nothing; its other answers say so.
        Box::pin(async move { node.request(request).await.ok().flatten() })
    }
}

/// Refuses addresses that are taken while nothing has begun yet: once the node runs, its sources read.
fn check_addresses(
    config: &Config,
    listeners: &[(String, http::Options)],
    playground: Option<u16>,
) -> Result<(), Failure> {
    let admin = Some(config.text("admin.address").to_owned()).filter(|address| address != ADMIN_OFF);
    let ingresses = listeners.iter().map(|(_, options)| options.address.clone());
    let addresses = admin.into_iter().chain(ingresses).chain(playground.map(|port| format!("0.0.0.0:{port}")));
    // All at a time, so that two of the module's own are found to collide as well.
    let mut bound = Vec::new();
    for address in addresses {
        let socket = std::net::TcpListener::bind(&address)
            .map_err(|error| Failure::usage(format!("cannot listen on {address}: {error}")))?;
        bound.push(socket);
    }
    Ok(())
}
