//! Work of embedded functions: the keyed counter, a chain of three hops, a fan-out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use compact_str::{CompactString, ToCompactString};
use statefun::{EgressId, FunctionType};
use statefun_egress::dead_letters::{DeadLetterSink, DeadLetters};
use statefun_engine::{Delivery, FailurePolicy};
use statefun_runtime::{
    Application, EgressKind, FunctionHome, FunctionPattern, Node, NodeOptions, SinkBinding, SinkFactory, SourceBinding,
};

use super::events::{EventSource, Progress, expected_checksum, key, key_of, mix};
use super::functions;
use super::report::Figures;
use super::sinks::{ResultSink, Results};
use crate::Failure;
use crate::args::{BenchArguments, Workload};
use crate::compose::symbol;
use crate::standing::plugin;
use crate::store::open_store;

/// The id that a hop of the chain, or a branch of the fan-out, goes to.
pub(crate) fn next_id(id: &str) -> CompactString {
    (mix(key_of(id)) % 100_000).to_compact_string()
}

/// Longer than any work lasts.
const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A data directory of this run's own, removed when it is dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(arguments: &BenchArguments) -> Self {
        let base = arguments.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        Self(base.join(format!("statefun-bench-{}", uuid::Uuid::now_v7().simple())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn options(arguments: &BenchArguments) -> Result<NodeOptions, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u16);
    let mut options = NodeOptions { shards: arguments.shards.unwrap_or(cores), ..NodeOptions::default() };
    options.epochs.interval = if is_off(arguments) {
        A_CENTURY
    } else {
        humantime::parse_duration(&arguments.epoch)
            .map_err(|error| Failure::usage(format!("--epoch {}: {error}", arguments.epoch)))?
    };
    Ok(options)
}

/// Whether no epoch closes while the work lasts.
fn is_off(arguments: &BenchArguments) -> bool {
    arguments.epoch == "off"
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<Figures, Failure> {
    let scratch = Scratch::new(arguments);
    actix::System::new().block_on(measure(arguments, &scratch.0))
}

async fn measure(arguments: &BenchArguments, dir: &Path) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let options = options(arguments)?;
    let shards = options.shards;
    let (results, progress) = (Arc::new(Results::default()), Arc::new(Progress::default()));
    let application = application(arguments, shards, &results, &progress)?;
    let (storage, _) = open_store(dir)?;
    let node = Node::start(application, storage, &plugin(), options, None).map_err(Failure::running)?;
    let start_ms = begun.elapsed().as_secs_f64() * 1000.0;

    let expected = match arguments.workload {
        Workload::FanOut => arguments.events * functions::FAN,
        _ => arguments.events,
    };
    while results.count.load(Relaxed) < expected {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if !is_off(arguments) {
        node.epoch().await.map_err(Failure::running)?;
    }
    let ended = Instant::now();
    let report = node.report().await.map_err(Failure::running)?;

    let quarter_at = progress.quarter_at().unwrap_or(begun);
    let mut figures = Figures {
        workload: arguments.workload.name().to_owned(),
        keys: arguments.keys,
        events: arguments.events,
        shards,
        events_per_second: arguments.events as f64 * 0.75 / (ended - quarter_at).as_secs_f64(),
        seconds: (ended - begun).as_secs_f64(),
        start_ms,
        result_checksum: format!("{:016x}", results.checksum.load(Relaxed)),
        ..Figures::default()
    };
    figures.of_node(&report);
    node.stop().await.map_err(Failure::running)?;

    if matches!(arguments.workload, Workload::Counter) {
        let checksum =
            format!("{:016x}", expected_checksum(arguments.events, arguments.keys, |n| key(n, arguments.keys)));
        if checksum != figures.result_checksum {
            return Err(Failure::running(format!(
                "the results are wrong: checksum {}, a plain loop gives {checksum}",
                figures.result_checksum
            )));
        }
    }
    Ok(figures)
}

fn application(
    arguments: &BenchArguments,
    parts: u16,
    results: &Arc<Results>,
    progress: &Arc<Progress>,
) -> Result<Application, Failure> {
    let target = FunctionType::parse(match arguments.workload {
        Workload::Chain => "bench/chain-a",
        Workload::FanOut => "bench/fan-out",
        _ => "bench/counter",
    })
    .map_err(Failure::usage)?;
    let mut application = Application::default();
    for part in 0..parts {
        let id = symbol(&format!("bench/events-{part}"))?;
        let source = EventSource {
            id,
            target,
            part: u64::from(part),
            parts: u64::from(parts),
            events: arguments.events,
            keys: arguments.keys,
            ids: arguments.ids,
            rate_per_ms: arguments.rate_per_ms.max(1),
            progress: Arc::clone(progress),
        };
        application.sources.push(SourceBinding {
            name: id,
            routes: Vec::new(),
            connector: Arc::new(move || Box::new(source.clone())),
            is_door: false,
            time: None,
        });
    }
    let results = Arc::clone(results);
    let connector: SinkFactory = Arc::new(move || Box::new(ResultSink(Arc::clone(&results))));
    finish(&mut application, Delivery::None, connector)?;
    Ok(application)
}

/// Adds what all embedded work has: its functions, the egress of results, and somewhere for dead letters.
pub(crate) fn finish(application: &mut Application, delivery: Delivery, connector: SinkFactory) -> Result<(), Failure> {
    let id = EgressId(symbol("bench/results")?);
    application.sinks.push(SinkBinding { id, delivery, kind: EgressKind::Value, connector });
    let factory = functions::functions().factory();
    application.functions.push((
        FunctionPattern::Namespace("bench".to_owned()),
        FunctionHome::Embedded { factory: Arc::new(factory), failure: FailurePolicy::default() },
    ));
    let (keeper, letters) = (symbol("io.statefun/dead-letters")?, Arc::new(DeadLetters::new()));
    application.dead_letters = Some(Arc::new(move || Box::new(DeadLetterSink::new(keeper, Arc::clone(&letters)))));
    Ok(())
}
