//! The admin HTTP API and the dashboard.
//!
//! ```text
//!  browser, curl, CLI, Prometheus ──▶ guard ──▶ routes ──▶ handler ──▶ AdminView (whoever composes the process)
//! ```
//!
//! Start at [`serve`]. [`AdminView`] is all that is known of the node: the crate depends on no engine and no adapter, so
//! that it can look but has no second way to control anything. What it adds is HTTP: who may ask, which paths there
//! are, values as JSON, errors with stable codes, secrets masked. `docs/admin-api.md` describes it for users, and
//! `/v1/openapi.json` for programs.
//!
//! # Invariants
//! * Nothing is answered to a request that a foreign web page could have caused.
//! * A path that a request names lies below the view's root.
//! * No setting or URL leaves with its password.

mod guard;
mod handle;
mod mask;
mod openapi;
mod problem;
mod root;
mod routes;
mod server;
pub mod value;
mod view;

#[cfg(test)]
mod tests;

pub use root::{PathError, RootedPath};
pub use server::{AdminServer, Options, ServeError, serve, serve_with};
pub use view::{
    AdminView, Answer, ConfigEntry, ConnectorCounters, DeadLetterView, DeadLettersView, Deployment, DeploymentView,
    EgressView, FunctionView, HoldView, Home, IngressView, Readiness, Reason, RequestView, Retry, RoutedFunctions,
    Savepoint, SavepointOrder, SendOutcome, SnapshotKind, SnapshotView, StateValue, StatusView, TopologyView,
    Unpublished, ViewError, WatermarkView,
};
