//! From a module to what a node runs: connectors, transports and functions, made and bound.

pub(crate) mod asynchronous;
mod components;
mod functions;
mod sinks;
mod sources;
mod time;

use std::path::PathBuf;
use std::sync::Arc;

use statefun::spec::{FileLocation, Module, TypeNameText};
use statefun::{FunctionType, Symbol};
use statefun_egress::dead_letters::{DeadLetterSink, DeadLetters};
use statefun_egress::playground::PlaygroundStore;
use statefun_engine::Delivery;
use statefun_ingress::http::{self, Door};
use statefun_runtime::{Application, EgressKind, FunctionPattern, SinkBinding, SourceBinding};
use statefun_sdk::Functions;

use crate::Failure;

pub(crate) use functions::{bind, remote};

/// The source and the sink that are the HTTP door.
const DOOR: &str = "io.statefun.http/door";
/// The sink that carries replies to the door.
const REPLIES: &str = "io.statefun.http/replies";

/// An application and what stands beside it in the process.
pub(crate) struct Composed {
    pub(crate) application: Application,
    pub(crate) door: Door,
    /// HTTP ingresses to be opened once the node runs.
    pub(crate) listeners: Vec<(String, http::Options)>,
    /// The playground egress to be opened once the node runs.
    pub(crate) playground: Option<(Arc<PlaygroundStore>, u16)>,
    pub(crate) dead_letters: Arc<DeadLetters>,
}

/// Binds a module. Relative paths begin at `base`; `lineage` names the history in idempotency keys; `functions` are
/// those that are compiled in.
pub(crate) fn compose(
    module: &Module,
    base: &std::path::Path,
    lineage: &str,
    functions: &Functions,
) -> Result<Composed, Failure> {
    let door = Door::new(symbol(DOOR)?);
    let dead_letters = Arc::new(DeadLetters::new());
    let mut composed = Composed {
        application: Application::default(),
        door: door.clone(),
        listeners: Vec::new(),
        playground: None,
        dead_letters: Arc::clone(&dead_letters),
    };
    let door_source = door.clone();
    composed.application.sources.push(SourceBinding {
        name: symbol(DOOR)?,
        routes: Vec::new(),
        connector: Arc::new(move || door_source.source()),
        is_door: true,
        time: None,
    });
    let replies = symbol(REPLIES)?;
    let door_replies = door.clone();
    composed.application.sinks.push(SinkBinding {
        id: statefun::EgressId(replies),
        delivery: Delivery::PerEpoch,
        kind: EgressKind::Value,
        connector: Arc::new(move || door_replies.replies()),
    });
    composed.application.replies = Some((door.reply_function(), replies));
    let keeper = symbol("io.statefun/dead-letters")?;
    composed.application.dead_letters =
        Some(Arc::new(move || Box::new(DeadLetterSink::new(keeper, Arc::clone(&dead_letters)))));

    for ingress in &module.ingresses {
        sources::bind(ingress, base, &mut composed)?;
    }
    for egress in &module.egresses {
        sinks::bind(egress, base, lineage, &mut composed)?;
    }
    for endpoint in &module.endpoints {
        let bound = functions::endpoint(endpoint, base)?;
        composed.application.functions.push(bound);
    }
    for embedded in &module.embedded {
        composed.application.functions.extend(functions::embedded(embedded, functions)?);
    }
    components::bind(module, &mut composed)?;
    Ok(composed)
}

pub(crate) fn symbol(text: &str) -> Result<Symbol, Failure> {
    Symbol::intern(text).map_err(Failure::usage)
}

fn function_type(name: &TypeNameText) -> Result<FunctionType, Failure> {
    FunctionType::of(name.namespace(), name.name()).map_err(Failure::usage)
}

fn pattern(selector: &statefun::spec::FunctionSelector) -> Result<FunctionPattern, Failure> {
    Ok(match selector {
        statefun::spec::FunctionSelector::Exact(name) => FunctionPattern::Exact(function_type(name)?),
        statefun::spec::FunctionSelector::Namespace(namespace) => FunctionPattern::Namespace(namespace.clone()),
    })
}

/// Where a file of the module is: relative to the module's folder.
fn file(base: &std::path::Path, location: &FileLocation) -> PathBuf {
    match location {
        FileLocation::Path(path) | FileLocation::Classpath(path) => base.join(path),
    }
}
