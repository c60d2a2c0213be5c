//! `statefun run`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use statefun::{FunctionType, KeyGroups, ShardId};
use statefun_engine::{shard, snapshot};
use statefun_ingress::http::{Admission, Listener, listen};
use statefun_ports::snapshot_store::StoreError;
use statefun_runtime::{Node, NodeError, NodeOptions, PressureLimits, StatePlugin, Storage};
use statefun_state::{MemoryState, OpenOptions, RedbStore, encode_rows};

use crate::args::RunArguments;
use crate::compose::{Composed, compose};
use crate::config::Config;
use crate::telemetry::Telemetry;
use crate::view::NodeView;
use crate::{Failure, check, logging, report};

pub(crate) fn run(arguments: &RunArguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let config = Config::load(arguments)?;
    if arguments.print_config {
        print_config(&config);
        return Ok(());
    }
    let (module, files, warnings) = check::read(&arguments.modules)?;
    report::print(&files, &warnings);
    logging::start(&config)?;
    if arguments.from_savepoint.is_some() {
        return Err(Failure::usage("--from-savepoint: savepoints are not served yet"));
    }
    let base = arguments.modules[0].parent().unwrap_or_else(|| Path::new("")).to_path_buf();

    actix::System::new().block_on(async {
        let telemetry = Telemetry::start(&config)?;
        let (storage, lineage) = open_store(Path::new(config.text("node.data_dir")))?;
        let composed = compose(&module, &base, &lineage)?;
        let done = serve(composed, storage, &config, &module, telemetry.as_ref(), begun).await;
        if let Some(telemetry) = &telemetry {
            telemetry.stop();
        }
        done
    })
}

fn print_config(config: &Config) {
    for (key, value, origin, meaning) in config.rows() {
        println!("{key} = {value:?}  # {origin}: {meaning}");
    }
}

/// Opens the data directory. The text names the history in idempotency keys.
pub(crate) fn open_store(dir: &Path) -> Result<(Storage, String), Failure> {
    let fresh = statefun::Lineage(uuid::Uuid::now_v7().as_u128());
    let store = RedbStore::open(dir, OpenOptions::new(fresh)).map_err(|error| match error {
        error @ StoreError::Io { .. } => {
            Failure::usage(format!("cannot use the data directory {}: {error}", dir.display()))
        }
        error => Failure::usage(error),
    })?;
    let (generation, fresh_lineage) = (store.generation(), store.lineage());
    let lineage = uuid::Uuid::from_u128(fresh_lineage.0).simple().to_string();
    Ok((Storage { store: Box::new(store), generation, fresh_lineage }, lineage))
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
        shard: shard::Options { calls_max: config.number("limits.calls")?, ..shard::Options::default() },
        pressure: PressureLimits {
            messages_max: config.number("limits.messages")?,
            bytes_max: config.bytes("limits.bytes")?,
            outbox_bytes_max: config.bytes("limits.outbox_bytes")?,
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
}

async fn serve(
    composed: Composed,
    storage: Storage,
    config: &Config,
    module: &statefun::spec::Module,
    telemetry: Option<&Telemetry>,
    begun: Instant,
) -> Result<(), Failure> {
    let Composed { application, door, listeners, playground, dead_letters } = composed;
    let options = options(config)?;
    let node =
        Node::start(application, storage, &plugin(), options, telemetry.map(Telemetry::tracer)).map_err(|error| {
            match error {
                error @ (NodeError::Refused(_) | NodeError::Store(_)) => Failure::usage(error),
                error => Failure::running(error),
            }
        })?;

    let view = Arc::new(NodeView::new(node.clone(), door.clone(), dead_letters, module.clone(), config.clone()));
    let admin = statefun_admin::serve(view, config.text("admin.address")).map_err(Failure::usage)?;
    say(&format!("admin     http://{}", admin.address));
    let admission = admission(&node);
    let mut open = Vec::new();
    for (id, options) in listeners {
        let listener = listen(door.clone(), Arc::clone(&admission), options).map_err(Failure::usage)?;
        say(&format!("ingress   {id} at http://{}", listener.address));
        open.push(listener);
    }
    let mut playground_handle = None;
    if let Some((store, port)) = playground {
        let server = statefun_egress::playground::serve(store, port)
            .map_err(|error| Failure::usage(format!("cannot listen on 0.0.0.0:{port}: {error}")))?;
        say(&format!("egress    io.statefun.playground/egress at http://{}", server.address));
        playground_handle = Some(server.server.handle());
        actix::spawn(server.server);
    }
    for (pattern, url) in node.bindings() {
        say(&format!(
            "functions {pattern} {}",
            url.map_or_else(|| "in this process".to_owned(), |url| format!("at {url}"))
        ));
    }
    let from = match node.restored() {
        statefun::Epoch(0) => "empty state".to_owned(),
        epoch => format!("{epoch}"),
    };
    say(&format!("ready     {} shards, from {from}, after {} ms", node.groups().shards(), begun.elapsed().as_millis()));

    let ended = tokio::select! {
        done = node.done(!open.is_empty()) => done.map(|()| "the input has ended"),
        () = signal() => Ok("told to stop"),
    };
    let ended = ended.map_err(Failure::running)?;
    say(&format!("stopping: {ended}"));
    let stopped = tokio::select! {
        stopped = stop(&node, &open) => stopped,
        () = signal() => Err(Failure::running("stopped in a hurry; what was not durable is done again at the next start")),
    };
    if let Some(handle) = playground_handle {
        handle.stop(false).await;
    }
    admin.stop().await;
    stopped
}

async fn stop(node: &Node, listeners: &[Listener]) -> Result<(), Failure> {
    let report = node.report().await.map_err(Failure::running)?;
    let last = node.stop().await.map_err(Failure::running)?;
    for listener in listeners {
        listener.stop().await;
    }
    let handled: u64 = report.functions.iter().map(|(_, _, stats)| stats.invocations).sum();
    let read: u64 = report.sources.iter().map(|(_, stats, ..)| stats.records).sum();
    let published: u64 = report.sinks.iter().map(|(_, stats, _)| stats.published).sum();
    say(&format!(
        "stopped at {last}: {read} records read, {handled} messages handled, {published} records published in {:.1} s",
        node.uptime().as_secs_f64()
    ));
    Ok(())
}

/// SIGTERM or SIGINT.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Tells whoever started the process; standard output belongs to the stdout egress.
fn say(text: &str) {
    eprintln!("{text}");
}
