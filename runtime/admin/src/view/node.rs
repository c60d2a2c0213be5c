//! The node itself: readiness, epochs, connectors, time, configuration, dead letters.

use serde::Serialize;
use statefun::{Address, TypedValue};

use crate::root::RootedPath;

/// Whether work is taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// What stands in the way; nothing if the node is ready.
    pub reasons: Vec<Reason>,
}

/// Something that stands in the way of taking work in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable word: `starting`, `overloaded`, `stopping`, `fatal`, ...
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

/// The node at one glance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StatusView {
    /// The version of the program.
    pub version: String,
    /// How long the node has run.
    pub uptime_ms: u64,
    /// Which incarnation it is.
    pub generation: u64,
    /// The history it belongs to.
    pub lineage: String,
    /// The newest epoch that exists.
    pub epoch: u64,
    /// The epoch it went on from.
    pub restored_epoch: u64,
    /// Epochs completed since the start.
    pub epochs_completed: u64,
    /// Epochs abandoned since the start.
    pub epochs_abandoned: u64,
    /// Epochs that went to disk.
    pub epochs_written: u64,
    /// Their bytes.
    pub epoch_bytes: u64,
    /// The durations of the newest epochs that went to disk, in microseconds.
    pub epoch_durations_us: Vec<u64>,
    /// Why an epoch was not made durable, the last time that happened.
    pub last_epoch_failure: Option<String>,
    /// Why the node cannot go on, if so.
    pub fatal: Option<String>,
    /// Addresses that have state.
    pub addresses: u64,
    /// Delayed messages that wait.
    pub delayed: u64,
    /// Messages that wait in channels and shards.
    pub waiting: u64,
    /// Dead letters kept.
    pub dead_letters: u64,
    /// Counters of ingresses.
    pub ingresses: Vec<ConnectorCounters>,
    /// Counters of egresses.
    pub egresses: Vec<ConnectorCounters>,
}

/// Counters of one ingress or egress since the process began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConnectorCounters {
    /// Its name.
    pub name: String,
    /// Records read, or records received from functions.
    pub records: u64,
    /// Envelopes sent on, or records published.
    pub passed_on: u64,
    /// Records that became dead letters or were refused for good.
    pub refused: u64,
    /// Records that an egress keeps because they have not left yet.
    pub kept: u64,
    /// Whether a bounded ingress has read everything.
    pub ended: bool,
}

/// What kind of snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotKind {
    /// Taken by the node for its own recovery.
    Snapshot,
    /// Asked for by a person, self-contained.
    Savepoint,
}

/// A snapshot that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotView {
    /// Which epoch it holds.
    pub epoch: u64,
    /// Why it was taken.
    pub kind: SnapshotKind,
    /// Where it is, for savepoints.
    pub path: Option<String>,
    /// Its size, where known.
    pub bytes: Option<u64>,
    /// When it was completed, in Unix milliseconds, where known.
    pub completed_at_ms: Option<u64>,
}

/// A savepoint that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavepointOrder {
    /// Where it is to be, relative to the view's root; a place of the view's own choice when it is not said.
    pub path: Option<RootedPath>,
    /// Take it even though egresses have records of its epoch that are not published: they are in it, and are published
    /// by whoever begins with it.
    pub allow_unpublished: bool,
}

/// A savepoint that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Savepoint {
    /// Where it is.
    pub path: String,
    /// Which epoch it holds.
    pub epoch: u64,
    /// Egresses with records in it that were not published.
    pub unpublished: Vec<Unpublished>,
}

/// Records of an egress that were not published when a savepoint was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpublished {
    /// The egress.
    pub egress: String,
    /// How many.
    pub records: u64,
}

/// What is connected to what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TopologyView {
    /// Shards of this node.
    pub shards: u32,
    /// Key groups of its state, fixed for the state's life.
    pub key_groups: u32,
    /// Where messages come in.
    pub ingresses: Vec<IngressView>,
    /// Who handles them.
    pub functions: Vec<RoutedFunctions>,
    /// Where records go out.
    pub egresses: Vec<EgressView>,
}

/// An ingress and where its records go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IngressView {
    /// Its id.
    pub id: String,
    /// What kind of connector it is.
    pub kind: String,
    /// Where it listens or reads, if that can be said.
    pub at: Option<String>,
    /// The function types its records are routed to.
    pub targets: Vec<String>,
}

/// Functions and where they run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RoutedFunctions {
    /// `namespace/name` or `namespace/*`.
    pub functions: String,
    /// `embedded`, or the URL of a remote endpoint.
    pub at: String,
}

/// An egress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EgressView {
    /// Its id.
    pub id: String,
    /// What kind of connector it is.
    pub kind: String,
    /// Where it writes, if that can be said.
    pub at: Option<String>,
}

/// How far one domain's event time has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WatermarkView {
    /// The domain: one per ingress unless declared otherwise.
    pub domain: String,
    /// The level of components it holds for: 0 for sources and plain functions.
    pub level: u32,
    /// Unix milliseconds; `None` before the first one.
    pub watermark_ms: Option<i64>,
    /// Who holds it back, the one that holds most first.
    pub held_by: Vec<HoldView>,
}

/// Somebody who holds event time back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// A partition or an address.
    pub who: String,
    /// The event time it holds, in Unix milliseconds.
    pub event_time_ms: i64,
    /// Since when it does, in Unix milliseconds, where known.
    pub since_ms: Option<u64>,
}

/// One setting in effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigEntry {
    /// Its name, dotted.
    pub key: String,
    /// What it is.
    pub value: serde_json::Value,
    /// Where it comes from: `default`, a file, an environment variable or a flag.
    pub from: String,
}

/// Dead letters, one page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLettersView {
    /// The page, oldest first.
    pub letters: Vec<DeadLetterView>,
    /// How many are kept altogether.
    pub total: u64,
    /// How many were displaced by newer ones since the process began.
    pub displaced: u64,
}

/// Something that could not be delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterView {
    /// Its number: ascending, the same after a crash.
    pub seq: u64,
    /// Why, as a stable word.
    pub cause: String,
    /// Why, as a sentence.
    pub detail: String,
    /// Where it came from.
    pub origin: String,
    /// Whom it was for, when it got as far as being a message.
    pub target: Option<String>,
    /// Who sent it, if a function did.
    pub caller: Option<String>,
    /// The type of its value, when it got as far as being a message.
    pub typename: Option<String>,
    /// Its value, or the raw record when it never became a message.
    pub bytes: Vec<u8>,
}

/// How to send a dead letter again. What is `None` stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retry {
    /// To somebody else.
    pub target: Option<Address>,
    /// With another value.
    pub value: Option<TypedValue>,
}

/// A request that was durable before it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestView {
    /// Not answered yet.
    Pending,
    /// The function's reply.
    Answered(TypedValue),
}
