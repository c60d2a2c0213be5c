//! Taking a savepoint while the node goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use statefun_admin::{Savepoint, SavepointOrder, Unpublished, ViewError};
use statefun_runtime::Node;
use statefun_state::savepoint::{SavepointError, Saving, outboxes};
use tokio::sync::Mutex;

use super::Place;

/// How often egresses are asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes savepoints of a node, one at a time.
pub(crate) struct Taker {
    node: Node,
    place: Place,
    /// How long egresses may take to publish what the epoch holds.
    publishing_max: Duration,
    one: Mutex<()>,
}

impl Taker {
    /// Egresses may take so long to publish what an epoch holds.
    pub(crate) fn new(node: Node, place: Place, publishing_max: Duration) -> Self {
        Self { node, place, publishing_max, one: Mutex::new(()) }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Takes one: an epoch is frozen, its key groups are written, and when its egress records have left, so is the rest.
    pub(crate) async fn take(&self, order: SavepointOrder) -> Result<Savepoint, ViewError> {
        let busy = || ViewError::Conflict("a savepoint is being written; wait for it".to_owned());
        let _one = self.one.try_lock().map_err(|_| busy())?;
        let failed = |error: statefun_runtime::NodeError| ViewError::Failed(error.to_string());
        // Before an epoch is waited for, so that a wrong path is told at once.
        if let Some(path) = &order.path {
            self.place.target(Some(path), 0)?;
        }
        let Some(mut frozen) = self.node.freeze().await.map_err(failed)? else {
            let why = "there is nothing to save: no message was ever taken in";
            return Err(ViewError::Conflict(why.to_owned()));
        };
        let epoch = frozen.manifest().epoch.0;
        let (target, path) = self.place.target(order.path.as_ref(), epoch)?;
        let begun = Instant::now();
        let begin = move || -> Result<_, SavepointError> {
            let outboxes = outboxes(&mut *frozen)?;
            Ok((outboxes, Saving::begin(frozen, &target)?))
        };
        let (mut outboxes, saving) = blocking(begin).await?;
        let keeper = self.node.dead_letters().to_owned();
        outboxes.remove(&keeper);
        let Unsettled { unpublished, mut kept } = self.unsettled(outboxes, order.allow_unpublished).await?;
        kept.insert(keeper.clone());
        let manifest = blocking(move || saving.finish(&unpublished, &kept)).await?;
        let unpublished: Vec<_> = manifest
            .egresses
            .iter()
            .filter(|of| of.egress != keeper)
            .map(|of| Unpublished { egress: of.egress.clone(), records: of.records })
            .collect();
        tracing::info!(
            epoch,
            path,
            rows = manifest.rows,
            bytes = manifest.bytes(),
            ms = begun.elapsed().as_millis(),
            "savepoint taken"
        );
        Ok(Savepoint { path, epoch, unpublished })
    }

    /// Waits until the epoch's records have left; what has not if that is allowed.
    async fn unsettled(&self, outboxes: BTreeMap<String, u64>, is_allowed: bool) -> Result<Unsettled, ViewError> {
        let failed = |error: statefun_runtime::NodeError| ViewError::Failed(error.to_string());
        let report = self.node.report().await.map_err(failed)?;
        let egresses: BTreeSet<String> = report.sinks.iter().map(|(name, ..)| name.to_string()).collect();
        let kept: BTreeSet<String> = outboxes.keys().filter(|egress| !egresses.contains(*egress)).cloned().collect();
        let outboxes = Arc::new(outboxes);
        let begun = Instant::now();
        loop {
            let unpublished = self.node.unpublished(&outboxes).await.map_err(failed)?;
            if is_allowed || (unpublished.is_empty() && kept.is_empty()) {
                return Ok(Unsettled { unpublished, kept });
            }
            if !kept.is_empty() || begun.elapsed() >= self.publishing_max || self.node.pressure().is_stopping() {
                let list: Vec<&str> = unpublished.keys().chain(&kept).map(String::as_str).collect();
                return Err(ViewError::Conflict(format!(
                    "the epoch holds records that were not published, of {}; try again when they are, or allow them: \
                     then the savepoint holds them, and whoever begins with it publishes them",
                    list.join(", ")
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Records that are in a savepoint because they have not left.
struct Unsettled {
    /// By egress and sequence number.
    unpublished: BTreeMap<String, BTreeSet<u64>>,
    /// Egresses that the module does not declare any more: nobody publishes for them, all of theirs is kept.
    kept: BTreeSet<String>,
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SavepointError> + Send + 'static,
) -> Result<T, ViewError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| ViewError::Failed(error.to_string()))?;
    done.map_err(|error| match error {
        error @ SavepointError::Exists { .. } => ViewError::Conflict(error.to_string()),
        error => ViewError::Failed(error.to_string()),
    })
}
