//! `statefun run`.

use std::path::Path;
use std::time::Instant;

use statefun_runtime::Storage;
use statefun_sdk::Functions;
use statefun_state::OpenOptions;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArguments;
use crate::compose::{Composed, compose};
use crate::config::Config;
use crate::savepoint::restore;
use crate::standing::Standing;
use crate::telemetry::Telemetry;
use crate::{Failure, check, logging, report, store};

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
    // Before anything is made for it.
    let savepoint = arguments.from_savepoint.as_deref().map(restore::open).transpose()?;
    let base = arguments.modules[0].parent().unwrap_or_else(|| Path::new("")).to_path_buf();

    actix::System::new().block_on(async {
        let telemetry = Telemetry::start(&config)?;
        let data_dir = Path::new(config.text("node.data_dir"));
        let retained = config.number("epochs.retained")?;
        let mut store = store::open(data_dir, OpenOptions { epochs_retained: retained, ..store::options() })?;
        if let Some(to) = arguments.accept_loss_to_epoch {
            store::accept_loss(&mut store, to)?;
        }
        if savepoint.is_some() {
            restore::check_empty(&mut store, data_dir)?;
        }
        let composed = compose(&module, &base, &store::lineage_text(&store), functions)?;
        if let Some(savepoint) = &savepoint {
            let (groups, allowed) = (config.key_groups()?, arguments.allow_dropped_state);
            restore::restore(savepoint, &mut store, &composed.application, groups, allowed)?;
        }
        end_with_any_panic();
        let storage = store::storage(store);
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

async fn serve(
    composed: Composed,
    storage: Storage,
    config: &Config,
    module: &statefun::spec::Module,
    telemetry: Option<&Telemetry>,
    begun: Instant,
) -> Result<(), Failure> {
    let data_dir = Path::new(config.text("node.data_dir"));
    let standing = Standing::raise(composed, storage, Some(data_dir), config, module, telemetry, say)?;
    // From here on there is something to stop in order; a signal during recovery ends the process at once, as safely.
    let mut signals = Signals::new().map_err(Failure::running)?;
    let node = standing.node();
    let from = match node.restored() {
        statefun::Epoch(0) => "empty state".to_owned(),
        epoch => format!("{epoch}"),
    };
    say(&format!("ready     {} shards, from {from}, after {} ms", node.groups().shards(), begun.elapsed().as_millis()));

    let ended = tokio::select! {
        done = standing.done() => done.map(|()| "the input has ended"),
        () = signals.next() => Ok("told to stop"),
    };
    let ended = ended.map_err(Failure::running)?;
    say(&format!("stopping: {ended}"));
    tokio::select! {
        stopped = standing.stop() => say(&stopped?.to_string()),
        () = signals.next() => {
            return Err(Failure::running("stopped in a hurry; what was not durable is done again at the next start"));
        }
    }
    Ok(())
}

/// SIGTERM and SIGINT, none of which is missed.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A participant that panicked takes what it held with it, and the rest would limp on without. So any panic ends the
/// process with exit 1 once it was logged; whoever supervises it starts it again and recovery does the rest. Not those
/// that the store takes for damage of its file.
fn end_with_any_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if statefun_state::takes_panics() {
            return;
        }
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
