//! Beginning with a savepoint.

use std::path::Path;

use statefun::FunctionType;
use statefun_ports::snapshot_store::SnapshotStore;
use statefun_runtime::Application;
use statefun_state::RedbStore;
use statefun_state::savepoint::{FunctionContents, Savepoint, SavepointError};

use crate::Failure;

/// Reads a savepoint's manifest, before anything is made or opened for it.
pub(crate) fn open(path: &Path) -> Result<Savepoint, Failure> {
    Savepoint::open(path).map_err(|error| Failure::usage(format!("--from-savepoint: {error}")))
}

/// Refuses a data directory that has a state of its own.
pub(crate) fn check_empty(store: &mut RedbStore, data_dir: &Path) -> Result<(), Failure> {
    match store.manifest().map_err(Failure::usage)? {
        None => Ok(()),
        Some(manifest) => Err(Failure::usage(format!(
            "--from-savepoint: the data directory {} holds state already, up to {}; to begin with the savepoint name a \
             --data-dir that does not exist, to go on from the state that is there leave --from-savepoint out",
            data_dir.display(),
            manifest.epoch
        ))),
    }
}

/// Puts a savepoint's rows into an empty store, except for those of function types that the application does not serve,
/// which must be allowed.
pub(crate) fn restore(
    savepoint: &Savepoint,
    store: &mut RedbStore,
    application: &Application,
    key_groups: u16,
    allow_dropped_state: bool,
) -> Result<(), Failure> {
    let manifest = savepoint.manifest();
    if manifest.key_groups != key_groups {
        return Err(Failure::usage(format!(
            "--from-savepoint: the savepoint is dealt in {} key groups and {key_groups} are configured: configure \
             node.key_groups = {}, or deal it anew with `statefun savepoint export` and `import --key-groups`",
            manifest.key_groups, manifest.key_groups
        )));
    }
    let serves = |function: &str| serves(application, function);
    let dropped: Vec<_> = manifest.functions.iter().filter(|of| !serves(&of.function)).collect();
    if !dropped.is_empty() {
        let list: Vec<String> = dropped.iter().map(|of| format!("  {}", described(of))).collect();
        let list = list.join("\n");
        if !allow_dropped_state {
            return Err(Failure::usage(format!(
                "--from-savepoint: the savepoint holds state of functions that the module does not serve:\n{list}\n\
                 serve them, or leave what they have behind with --allow-dropped-state"
            )));
        }
        eprintln!("left behind, as nobody serves them:\n{list}");
    }
    store.install(savepoint, &serves).map_err(|error| match error {
        error @ SavepointError::Damaged { .. } => Failure::usage(format!("--from-savepoint: {error}")),
        error => Failure::running(format!("--from-savepoint: {error}")),
    })
}

fn serves(application: &Application, function: &str) -> bool {
    let Ok(function) = FunctionType::parse(function) else { return false };
    application.functions.iter().any(|(pattern, _)| pattern.matches(function))
        || application.replies.is_some_and(|(replies, _)| replies == function)
}

fn described(of: &FunctionContents) -> String {
    let counts = [
        (of.addresses, "addresses with state"),
        (of.waiting, "waiting messages"),
        (of.delayed, "delayed messages"),
        (of.timers, "timers"),
        (of.idempotency, "idempotency keys"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{}: {}", of.function, counts.collect::<Vec<_>>().join(", "))
}
