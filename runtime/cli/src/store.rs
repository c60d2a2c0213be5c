//! The data directory: opening it, saying what can be done when it is damaged, giving up what cannot be read.

use std::path::Path;

use statefun::{Epoch, Lineage};
use statefun_ports::snapshot_store::{SnapshotStore, StoreError};
use statefun_runtime::{NodeError, Storage};
use statefun_state::{OpenOptions, RedbStore};

use crate::Failure;

/// A history that begins now, should one begin.
fn fresh() -> Lineage {
    Lineage(uuid::Uuid::now_v7().as_u128())
}

/// How stores are opened that keep the default number of epochs.
pub(crate) fn options() -> OpenOptions {
    OpenOptions::new(fresh())
}

/// Opens the data directory.
pub(crate) fn open(dir: &Path, options: OpenOptions) -> Result<RedbStore, Failure> {
    RedbStore::open(dir, options).map_err(|error| refused(dir, error))
}

/// The history's name in idempotency keys.
pub(crate) fn lineage_text(store: &RedbStore) -> String {
    uuid::Uuid::from_u128(store.lineage().0).simple().to_string()
}

/// A store as nodes take it.
pub(crate) fn storage(store: RedbStore) -> Storage {
    let (generation, fresh_lineage) = (store.generation(), store.lineage());
    Storage { store: Box::new(store), generation, fresh_lineage }
}

/// Gives up every epoch after `to`, which begins a history of its own. Does nothing unless something is damaged, so that a
/// supervisor that starts the same command again and again gives up nothing more.
pub(crate) fn accept_loss(store: &mut RedbStore, to: u64) -> Result<(), Failure> {
    let newest = store.manifest().map_err(Failure::usage)?.map_or(0, |manifest| manifest.epoch.0);
    let given_up = store
        .give_up_after(Epoch(to), fresh())
        .map_err(|error| Failure::usage(format!("--accept-loss-to-epoch {to}: {error}")))?;
    if given_up {
        eprintln!("epochs {} to {newest} are given up; a new history begins with epoch {to}", to.saturating_add(1));
    } else {
        eprintln!(
            "warning: --accept-loss-to-epoch {to}: nothing is damaged, so nothing is given up; leave the flag out"
        );
    }
    Ok(())
}

/// Opens the data directory for a node. The text names the history in idempotency keys.
pub(crate) fn open_store(dir: &Path) -> Result<(Storage, String), Failure> {
    let store = open(dir, options())?;
    let lineage = lineage_text(&store);
    Ok((storage(store), lineage))
}

/// Why a node does not start. The store in `dir` is closed by then.
pub(crate) fn not_started(dir: Option<&Path>, error: NodeError) -> Failure {
    match (error, dir) {
        (NodeError::Store(error), Some(dir)) => refused(dir, error),
        (error @ (NodeError::Store(_) | NodeError::Refused(_)), _) => Failure::usage(error),
        (error, _) => Failure::running(error),
    }
}

fn refused(dir: &Path, error: StoreError) -> Failure {
    match error {
        StoreError::Damaged { .. } => Failure::usage(format!("{error}\n{}", choices(dir))),
        StoreError::Io { .. } => Failure::usage(format!("cannot use the data directory {}: {error}", dir.display())),
        error => Failure::usage(error),
    }
}

/// What can be done about a damaged directory, and what it would cost.
fn choices(dir: &Path) -> String {
    let savepoint = "begin with a savepoint or a backup in a new directory: --data-dir NEW --from-savepoint PATH";
    let looked = RedbStore::look(dir, options()).and_then(|mut store| {
        let found = store.examine()?;
        Ok((store.manifest()?, found))
    });
    let Ok((Some(manifest), found)) = looked else {
        return format!("nothing in {} can be gone back to. What you can do: {savepoint}", dir.display());
    };
    let newest = manifest.epoch.0;
    match found.readable {
        Some(Epoch(to)) => format!(
            "The newest epoch is {newest}, the newest that can be read is {to}. What you can do:\n\
             - keep a copy of {dir} and go on from epoch {to} with --accept-loss-to-epoch {to}. That gives up epochs {} to \
             {newest}: the effects of what HTTP callers were told is durable in them are lost, what ingresses with \
             positions had read is read again, and what egresses published in them may be published again, under a new \
             lineage;\n\
             - {savepoint}",
            to + 1,
            dir = dir.display(),
        ),
        None => format!(
            "The newest epoch is {newest}, and no epoch that {} still knows can be read. What you can do: {savepoint}",
            dir.display()
        ),
    }
}
