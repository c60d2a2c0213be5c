//! What is to run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use statefun::{EgressId, EgressRecord, Envelope, FunctionType, Id, Lineage};
use statefun_egress::call::{CallSink, Receiver};
use statefun_engine::Delivery;
use statefun_ingress::iterator::{Events, IteratorSource};
use statefun_runtime::{EgressKind, SinkBinding, SinkFactory, SourceBinding, SourceFactory, Storage};
use statefun_sdk::{Decode, Encode, Functions};
use statefun_state::MemoryStore;

use super::{Running, RuntimeError};
use crate::check;
use crate::compose::{Composed, bind, compose, symbol};
use crate::config::Config;
use crate::standing::Summary;
use crate::store::open_store;

/// A node inside this program: [`Runtime::builder`] says what runs.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use statefun_cli::Runtime;
/// use statefun_sdk::prelude::*;
///
/// struct Counter { seen: Value<i64> }
///
/// static TOTALS: EgressName = EgressName::new("example/totals");
///
/// impl StatefulFunction for Counter {
///     const TYPE: &'static str = "example/counter";
///     fn invoke(&self, context: &mut Context<'_>, message: &Message<'_>) -> Result<(), FunctionError> {
///         let more: i64 = message.get()?;
///         let total = self.seen.update(context, |seen| *seen += more)?;
///         context.egress(&TOTALS, &total)?;
///         Ok(())
///     }
/// }
///
/// let totals = Arc::new(Mutex::new(Vec::new()));
/// let seen = Arc::clone(&totals);
/// let summary = Runtime::builder()
///     .functions(Functions::new().with(|states| Counter { seen: states.value("seen") }))
///     .in_memory()
///     .events("example/numbers", Counter::TYPE, || (1..=3_i64).map(|n| ("ann", n)))
///     .egress("example/totals", move |from, total: i64| seen.lock().unwrap().push(format!("{from}: {total}")))
///     .run()
///     .unwrap();
/// assert_eq!(summary.handled, 3);
/// assert_eq!(totals.lock().unwrap().last().unwrap(), "example/counter/ann: 6");
/// ```
#[derive(Debug)]
pub struct Runtime(());

impl Runtime {
    /// Nothing yet.
    #[must_use]
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder {
            functions: Functions::new(),
            modules: Vec::new(),
            data: Data::Directory(PathBuf::from("statefun-data")),
            settings: vec![("admin.address", "off".to_owned())],
            sources: Vec::new(),
            sinks: Vec::new(),
        }
    }
}

/// What is to run in this program, and how. See [`Runtime`].
pub struct RuntimeBuilder {
    functions: Functions,
    modules: Vec<PathBuf>,
    data: Data,
    settings: Vec<(&'static str, String)>,
    sources: Vec<(String, SourceFactory)>,
    sinks: Vec<(String, Receiver)>,
}

/// Where state is kept.
enum Data {
    Directory(PathBuf),
    Memory,
}

impl RuntimeBuilder {
    /// Serves these functions, beside those that a module names.
    #[must_use]
    pub fn functions(mut self, functions: Functions) -> Self {
        self.functions = self.functions.and(functions);
        self
    }

    /// Adds what a module file says: ingresses, egresses, endpoints of remote functions. Several are merged.
    #[must_use]
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.modules.push(path.into());
        self
    }

    /// Keeps state in this directory; by default `statefun-data` in the working directory.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data = Data::Directory(path.into());
        self
    }

    /// Keeps state in memory only: nothing outlives the process.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.data = Data::Memory;
        self
    }

    /// How many shards, each a thread; by default one per core.
    #[must_use]
    pub fn shards(self, shards: u16) -> Self {
        self.setting("node.shards", shards.to_string())
    }

    /// How often epochs close when nobody waits for one; by default every second. Counted in whole milliseconds.
    #[must_use]
    pub fn epoch(self, interval: Duration) -> Self {
        self.setting("epochs.interval", format!("{}ms", interval.as_millis()))
    }

    /// Opens the admin API and its dashboard at this address, as `127.0.0.1:8081`; by default it is not opened.
    #[must_use]
    pub fn admin(self, address: impl Into<String>) -> Self {
        self.setting("admin.address", address.into())
    }

    /// Any setting of `statefun.toml`, by its key, as `limits.messages`.
    #[must_use]
    pub fn setting(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    /// An ingress `name` (`namespace/name`) of events that this program makes: pairs of an id of `target` and a message.
    ///
    /// `make` is called at each start and must give the same events in the same order: those that an epoch holds already
    /// are skipped. When every ingress has ended and all is done, [`run`](Self::run) returns.
    #[must_use]
    pub fn events<I, T, M>(mut self, name: &str, target: impl Into<String>, make: M) -> Self
    where
        M: Fn() -> I + Send + Sync + 'static,
        I: Iterator<Item: IntoEvent<T>> + Send + 'static,
        T: Encode + 'static,
    {
        let (target, id) = (target.into(), name.to_owned());
        let make = Arc::new(make);
        let factory: SourceFactory = Arc::new(move || {
            let target = FunctionType::parse(&target).expect("checked when the node was started");
            let make = Arc::clone(&make);
            let events: Events = Arc::new(move || {
                Box::new(make().map(move |event| {
                    let (id, message) = event.into_event();
                    let argument = message.to_value().unwrap_or_else(|error| panic!("an event for {id}: {error}"));
                    Envelope::new(statefun::Address::new(target, id), argument)
                }))
            });
            Box::new(IteratorSource::new(symbol(&id).expect("interned when the node was started"), events))
        });
        self.sources.push((name.to_owned(), factory));
        self
    }

    /// An egress `name` (`namespace/name`) whose records are given to this program: who wrote them, and what. Called in
    /// order, once the epoch that holds the record has completed; a crash may repeat the newest ones. A record that is no
    /// `T` becomes a dead letter.
    #[must_use]
    pub fn egress<T: Decode + 'static>(
        mut self,
        name: &str,
        receive: impl Fn(&statefun::Address, T) + Send + Sync + 'static,
    ) -> Self {
        let receiver: Receiver = Arc::new(move |record| {
            let EgressRecord::Value { source, value } = record else {
                return Err("the record is of a kind that belongs to another egress".to_owned());
            };
            let value = statefun_sdk::Message::new(value).get().map_err(|error| error.to_string())?;
            receive(source, value);
            Ok(())
        });
        self.sinks.push((name.to_owned(), receiver));
        self
    }

    /// Runs until all input has ended or the process is told to stop (SIGTERM or SIGINT), takes a last snapshot and
    /// returns. With an HTTP ingress input never ends.
    ///
    /// # Errors
    /// When it cannot start as asked, or fails while running.
    pub fn run(self) -> Result<Summary, RuntimeError> {
        self.start()?.wait()
    }

    /// Starts the node on threads of its own.
    ///
    /// # Errors
    /// When it cannot start as asked.
    pub fn start(self) -> Result<Running, RuntimeError> {
        Running::start(self)
    }

    /// Reads the module, opens the store and binds everything.
    pub(super) fn prepare(self) -> Result<Prepared, RuntimeError> {
        let config = Config::of_program(&self.settings)?;
        let module =
            if self.modules.is_empty() { statefun::spec::Module::default() } else { check::read(&self.modules)?.0 };
        let base = self.modules.first().and_then(|path| path.parent()).unwrap_or_else(|| Path::new("")).to_path_buf();
        let (storage, lineage) = match &self.data {
            Data::Directory(path) => open_store(path)?,
            Data::Memory => {
                let fresh_lineage = Lineage(uuid::Uuid::now_v7().as_u128());
                let generation = statefun::Generation(1);
                let text = uuid::Uuid::from_u128(fresh_lineage.0).simple().to_string();
                (Storage { store: Box::new(MemoryStore::new()), generation, fresh_lineage }, text)
            }
        };
        let data_dir = match &self.data {
            Data::Directory(path) => Some(path.to_path_buf()),
            Data::Memory => None,
        };
        let mut composed = compose(&module, &base, &lineage, &self.functions)?;
        let application = &mut composed.application;
        application.functions.extend(bind(&self.functions, self.functions.types()));
        for (name, connector) in self.sources {
            let name = typename(&name, "ingress")?;
            application.sources.push(SourceBinding { name, routes: Vec::new(), connector, is_door: false, time: None });
        }
        for (name, receiver) in self.sinks {
            let name = typename(&name, "egress")?;
            let connector: SinkFactory = Arc::new(move || Box::new(CallSink::new(name, Arc::clone(&receiver))));
            let kind = EgressKind::Value;
            application.sinks.push(SinkBinding { id: EgressId(name), delivery: Delivery::PerEpoch, kind, connector });
        }
        Ok(Prepared { composed, storage, data_dir, config, module })
    }
}

/// Everything a node needs to start.
pub(super) struct Prepared {
    pub(super) composed: Composed,
    pub(super) storage: Storage,
    /// Where the state is, if it is anywhere.
    pub(super) data_dir: Option<PathBuf>,
    pub(super) config: Config,
    pub(super) module: statefun::spec::Module,
}

/// An event of [`RuntimeBuilder::events`]: an id and a message.
pub trait IntoEvent<T> {
    /// The two.
    fn into_event(self) -> (Id, T);
}

impl<I: Into<Id>, T> IntoEvent<T> for (I, T) {
    fn into_event(self) -> (Id, T) {
        (self.0.into(), self.1)
    }
}

fn typename(text: &str, what: &str) -> Result<statefun::Symbol, RuntimeError> {
    if !statefun::address::is_typename(text) {
        return Err(RuntimeError::Usage(format!("{text:?} is no name of an {what}: write <namespace>/<name>")));
    }
    Ok(symbol(text)?)
}

impl std::fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("functions", &self.functions)
            .field("modules", &self.modules)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
