//! What runs: sources, functions and sinks, composed by whoever starts a node.

use std::collections::BTreeSet;
use std::sync::Arc;

use statefun::function::Function;
use statefun::{EgressId, FunctionType, Symbol, WatermarkStrategy};
use statefun_engine::source::Route;
use statefun_engine::{Delivery, FailurePolicy, RemotePolicy};
use statefun_ports::remote::RemoteTransport;
use statefun_ports::sink::Sink;
use statefun_ports::source::Source;

/// Everything that takes part.
#[derive(Default)]
pub struct Application {
    /// Ingresses.
    pub sources: Vec<SourceBinding>,
    /// Egresses.
    pub sinks: Vec<SinkBinding>,
    /// Who serves which function types. Exact types win over namespaces.
    pub functions: Vec<(FunctionPattern, FunctionHome)>,
    /// The egress that answers HTTP requests, and the function type by which functions address it.
    pub replies: Option<(FunctionType, Symbol)>,
    /// What keeps dead letters.
    pub dead_letters: Option<SinkFactory>,
}

/// Makes a connector that reads; called again after it failed.
pub type SourceFactory = Arc<dyn Fn() -> Box<dyn Source> + Send + Sync>;

/// Makes a connector that publishes; called again after it failed.
pub type SinkFactory = Arc<dyn Fn() -> Box<dyn Sink> + Send + Sync>;

/// An ingress.
pub struct SourceBinding {
    /// Its id.
    pub name: Symbol,
    /// Where its records go, by [`statefun_ports::source::SourceRecord::Keyed`]'s `route`.
    pub routes: Vec<Route>,
    /// Makes the connector; called again after it failed.
    pub connector: SourceFactory,
    /// Whether the process may end while it is still running (a door that only waits for callers).
    pub is_door: bool,
    /// How it tells event time; `None`: its events are in no domain of event time and hold nobody back.
    pub time: Option<WatermarkStrategy>,
}

/// An egress.
pub struct SinkBinding {
    /// Its id, by which functions address it.
    pub id: EgressId,
    /// When its records leave.
    pub delivery: Delivery,
    /// What its records are.
    pub kind: EgressKind,
    /// Makes the connector; called again after it failed.
    pub connector: SinkFactory,
}

/// What the records of an egress are, and so how they are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EgressKind {
    /// `KafkaProducerRecord` messages.
    Kafka,
    /// `EgressRecord` JSON of the playground, for one of these topics.
    Playground {
        /// The topics the module lists.
        topics: BTreeSet<String>,
    },
    /// Any value.
    Value,
}

/// Which function types.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FunctionPattern {
    /// One type.
    Exact(FunctionType),
    /// All types whose namespace equals this.
    Namespace(String),
}

impl FunctionPattern {
    /// Whether a type is meant.
    #[must_use]
    pub fn matches(&self, function: FunctionType) -> bool {
        match self {
            Self::Exact(exact) => *exact == function,
            Self::Namespace(namespace) => function.namespace() == namespace,
        }
    }
}

impl std::fmt::Display for FunctionPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(function) => function.fmt(f),
            Self::Namespace(namespace) => write!(f, "{namespace}/*"),
        }
    }
}

/// Makes an instance of an embedded function for one shard; `None` when it does not know the type after all.
pub type FunctionFactory = Arc<dyn Fn(FunctionType) -> Option<Box<dyn Function>> + Send + Sync>;

/// Where functions run.
#[derive(Clone)]
pub enum FunctionHome {
    /// In this process.
    Embedded {
        /// Makes an instance per shard.
        factory: FunctionFactory,
        /// What happens when an invocation fails.
        failure: FailurePolicy,
    },
    /// Behind HTTP.
    Remote {
        /// How to get there.
        transport: Arc<dyn RemoteTransport>,
        /// How it is called.
        policy: RemotePolicy,
        /// Where it is, for people.
        url: String,
    },
}
