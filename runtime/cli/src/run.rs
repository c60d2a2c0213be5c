//! `statefun run`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use statefun::{FunctionType, KeyGroups, ShardId};
use statefun_engine::{shard, snapshot};
use statefun_ingress::http::{self, Admission, Listener, listen};
use statefun_ports::snapshot_store::StoreError;
use statefun_runtime::{Node, NodeError, NodeOptions, PressureLimits, StatePlugin, Storage};
use statefun_sdk::Functions;
use statefun_state::{MemoryState, OpenOptions, RedbStore, encode_rows};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArguments;
use crate::compose::{Composed, compose};
use crate::config::Config;
use crate::telemetry::Telemetry;
use crate::view::NodeView;
use crate::{Failure, check, logging, report};

pub(crate) fn run(arguments: &RunArguments, functions: &Functions) -> Result<(), Failure> {
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
        // Not before: opening takes panics over damaged files for what they are.
        end_with_any_panic();
        let composed = compose(&module, &base, &lineage, functions)?;
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
    check_addresses(config, &listeners, playground.as_ref().map(|(_, port)| *port))?;
    let node =
        Node::start(application, storage, &plugin(), options, telemetry.map(Telemetry::tracer)).map_err(|error| {
            match error {
                error @ (NodeError::Refused(_) | NodeError::Store(_)) => Failure::usage(error),
                error => Failure::running(error),
            }
        })?;

    // From here on there is something to stop in order; a signal during recovery ends the process at once, as safely.
    let mut signals = Signals::new().map_err(Failure::running)?;
    let view = Arc::new(NodeView::new(node.clone(), door.clone(), dead_letters, module.clone(), config.clone()));
    let admin = statefun_admin::serve(view, config.text("admin.address")).map_err(Failure::usage)?;
    say(&format!("admin     http://{}", admin.address));
    let admission = admission(&node);
    let mut open = Vec::new();
    for (id, options) in listeners {
        let options = http::Options { workers: config.number("http.workers")?, ..options };
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
        () = signals.next() => Ok("told to stop"),
    };
    let ended = ended.map_err(Failure::running)?;
    say(&format!("stopping: {ended}"));
    let stopped = tokio::select! {
        stopped = stop(&node, &open) => stopped,
        () = signals.next() => Err(Failure::running("stopped in a hurry; what was not durable is done again at the next start")),
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

/// SIGTERM and SIGINT, none of which is missed.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Refuses addresses that are taken while nothing has begun yet: once the node runs, its sources read.
fn check_addresses(
    config: &Config,
    listeners: &[(String, http::Options)],
    playground: Option<u16>,
) -> Result<(), Failure> {
    let admin = config.text("admin.address").to_owned();
    let ingresses = listeners.iter().map(|(_, options)| options.address.clone());
    let addresses = [admin].into_iter().chain(ingresses).chain(playground.map(|port| format!("0.0.0.0:{port}")));
    // All at a time, so that two of the module's own are found to collide as well.
    let mut bound = Vec::new();
    for address in addresses {
        let socket = std::net::TcpListener::bind(&address)
            .map_err(|error| Failure::usage(format!("cannot listen on {address}: {error}")))?;
        bound.push(socket);
    }
    Ok(())
}

/// A participant that panicked takes what it held with it, and the rest would limp on without. So any panic ends the
/// process with exit 1 once it was logged; whoever supervises it starts it again and recovery does the rest.
fn end_with_any_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        tracing::error!(%panic, "a part of the node panicked; the process ends, the next start recovers");
        std::process::exit(1);
    }));
}

/// Tells whoever started the process; standard output belongs to the stdout egress.
fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const CHILD: &str = "STATEFUN_TEST_PANICS";

    #[test]
    fn a_panic_in_any_thread_ends_the_process_with_exit_1() {
        if std::env::var_os(CHILD).is_some() {
            super::end_with_any_panic();
            let _ = std::thread::spawn(|| panic!("on purpose")).join();
            std::process::exit(0);
        }
        let this = std::env::current_exe().unwrap();
        let name = "run::tests::a_panic_in_any_thread_ends_the_process_with_exit_1";
        let ended = Command::new(this).args(["--exact", name]).env(CHILD, "1").output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    }
}
