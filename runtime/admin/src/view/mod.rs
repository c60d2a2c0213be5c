//! What the admin API asks of the process around it.
//!
//! [`AdminView`] is the only way from HTTP into the node: plain values out, a few requests in. Whoever composes the
//! process implements it; nothing here knows shards, actors or connectors, so the dashboard cannot become a second way
//! to control them.

mod error;
mod functions;
mod node;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use statefun::{Address, FunctionType, TypedValue};

pub use error::ViewError;
pub use functions::{Deployment, DeploymentView, FunctionView, Home, SendOutcome, StateValue};
pub use node::{
    ConfigEntry, ConnectorCounters, DeadLetterView, DeadLettersView, EgressView, HoldView, IngressView, Readiness,
    Reason, RequestView, Retry, RoutedFunctions, Savepoint, SavepointOrder, SnapshotKind, SnapshotView, StatusView,
    TopologyView, Unpublished, WatermarkView,
};

/// What a view answers, in its own time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ViewError>> + Send + 'a>>;

/// The node as the admin API sees it.
///
/// What a process cannot do keeps its default and is answered with 501 `not-supported`.
pub trait AdminView: Send + Sync {
    /// Whether work is taken in, and what stands in the way if not.
    fn readiness(&self) -> Answer<'_, Readiness>;

    /// Everything counted, as Prometheus text.
    fn metrics(&self) -> Answer<'_, String>;

    /// The node at one glance.
    fn status(&self) -> Answer<'_, StatusView>;

    /// Every function type that is served by name or was ever met.
    fn functions(&self) -> Answer<'_, Vec<FunctionView>>;

    /// One function type; `None` if it is neither served nor was ever met.
    fn function(&self, function: FunctionType) -> Answer<'_, Option<FunctionView>> {
        Box::pin(async move {
            let functions = self.functions().await?;
            Ok(functions.into_iter().find(|view| view.function == function.as_str()))
        })
    }

    /// Stored values of a function type: of one id, or of the first ids up to `limit` values.
    fn state(&self, function: FunctionType, id: Option<String>, limit: usize) -> Answer<'_, Vec<StateValue>>;

    /// Sends a message. Without `wait` the answer is due when the message is durable, with it when the function has
    /// replied or the time is over.
    fn send(&self, target: Address, value: TypedValue, wait: Option<Duration>) -> Answer<'_, SendOutcome>;

    /// Snapshots and savepoints that exist, newest first.
    fn snapshots(&self) -> Answer<'_, Vec<SnapshotView>>;

    /// The directory below which savepoints may be written; paths are given relative to it. Requests may name an
    /// absolute path only when this is known and holds it.
    fn root(&self) -> Option<&Path> {
        None
    }

    /// Takes a savepoint.
    fn savepoint(&self, order: SavepointOrder) -> Answer<'_, Savepoint> {
        drop(order);
        not_supported("savepoints")
    }

    /// Who serves which functions.
    fn deployments(&self) -> Answer<'_, Vec<DeploymentView>>;

    /// Binds functions to a remote endpoint from now on; messages that wait for them go there.
    fn deploy(&self, deployment: Deployment) -> Answer<'_, DeploymentView> {
        drop(deployment);
        not_supported("adding endpoints while running")
    }

    /// Takes a binding away; `false` if there is none for exactly these functions.
    fn undeploy(&self, functions: String) -> Answer<'_, bool> {
        drop(functions);
        not_supported("removing endpoints while running")
    }

    /// What is connected to what.
    fn topology(&self) -> Answer<'_, TopologyView>;

    /// How far event time has come, and who holds it back.
    fn watermarks(&self) -> Answer<'_, Vec<WatermarkView>> {
        not_supported("watermarks")
    }

    /// The configuration in effect and where each part of it comes from. Secrets are masked by the API as well.
    fn config(&self) -> Answer<'_, Vec<ConfigEntry>>;

    /// Dead letters with numbers above `after`, oldest first.
    fn dead_letters(&self, after: Option<u64>, limit: usize) -> Answer<'_, DeadLettersView> {
        let _ = (after, limit);
        not_supported("dead letters")
    }

    /// Forgets a dead letter; `false` if there is none of this number.
    fn forget_dead_letter(&self, seq: u64) -> Answer<'_, bool> {
        let _ = seq;
        not_supported("removing dead letters")
    }

    /// Sends a dead letter again, mended or as it was, and forgets it; `false` if there is none of this number.
    fn retry_dead_letter(&self, seq: u64, retry: Retry) -> Answer<'_, bool> {
        let _ = (seq, retry);
        not_supported("retrying dead letters")
    }

    /// What became of a request that was durable before it was answered; `None` if nothing is known of it.
    fn request(&self, id: String) -> Answer<'_, Option<RequestView>> {
        drop(id);
        not_supported("looking up requests")
    }
}

fn not_supported<'a, T: Send + 'a>(what: &'static str) -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(ViewError::NotSupported(what.to_owned()))))
}
