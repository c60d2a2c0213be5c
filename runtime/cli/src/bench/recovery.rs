//! How long a process that was killed takes to handle events again.
//!
//! ```text
//!  this process ──exec──▶ --stage fill     every key gets a state, durable ──▶ kill -9
//!               ──exec──▶ --stage resume   recovers, handles one event     ──▶ kill -9   (several times)
//! ```
//!
//! The clock runs from exec to the result of the first new event. The result must continue the count of its key, so a
//! state that was not restored is no recovery.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use statefun::EgressRecord;
use statefun_engine::Delivery;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{Sink, SinkCommand, SinkError, SinkInput};
use statefun_runtime::{Application, Node, SinkFactory};
use statefun_sdk::Decode;

use super::embedded::{Scratch, finish, options};
use super::events;
use super::report::{Figures, rss_bytes};
use super::script::Script;
use crate::Failure;
use crate::args::{BenchArguments, Stage};
use crate::standing::plugin;
use crate::store::open_store;

const RUNS: usize = 5;

/// What a stage tells its parent, as JSON on one line.
#[derive(Default, Serialize, Deserialize)]
struct Told {
    /// How many results came, and the highest count among them.
    results: u64,
    highest: u64,
    rss_bytes_before: u64,
    rss_bytes: u64,
    /// Opening the store, and with that the node's recovery, from the start of `main` on.
    opened_ms: f64,
    started_ms: f64,
    processed_ms: f64,
    bytes: u64,
    epochs: u64,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<Figures, Failure> {
    let scratch = Scratch::new(arguments);
    let begun = Instant::now();
    let filled = in_child(arguments, Stage::Fill, &scratch.0)?.0;
    let fill_seconds = begun.elapsed().as_secs_f64();
    let data_bytes = size_of(&scratch.0);
    let mut runs = Vec::new();
    for number in 0..RUNS as u64 {
        let (told, elapsed) = in_child(arguments, Stage::Resume, &scratch.0)?;
        if told.highest < 2 {
            return Err(Failure::running(format!("run {number} found no state: its count is {}", told.highest)));
        }
        eprintln!(
            "run {number}: {elapsed:.1?} (store open {:.1} ms after main began, recovered {:.1} ms, processed {:.1} ms)",
            told.opened_ms, told.started_ms, told.processed_ms
        );
        runs.push((elapsed, told));
    }
    runs.sort_by_key(|(elapsed, _)| *elapsed);
    let ms = |index: usize| runs[index].0.as_secs_f64() * 1000.0;
    Ok(Figures {
        workload: arguments.workload.name().to_owned(),
        keys: arguments.keys,
        events: arguments.keys,
        shards: options(arguments)?.shards,
        events_per_second: arguments.keys as f64 / fill_seconds,
        recovery_ms: Some(ms(RUNS / 2)),
        recovery_ms_max: Some(ms(RUNS - 1)),
        data_bytes: Some(data_bytes),
        rss_bytes_per_key: Some(filled.rss_bytes.saturating_sub(filled.rss_bytes_before) / arguments.keys.max(1)),
        seconds: begun.elapsed().as_secs_f64(),
        start_ms: runs[RUNS / 2].1.started_ms,
        epochs: filled.epochs,
        bytes_per_epoch: filled.bytes.checked_div(filled.epochs).unwrap_or_default(),
        peak_rss_bytes: filled.rss_bytes,
        result_checksum: format!("{:016x}", filled.results),
        ..Figures::default()
    })
}

/// Runs a stage in a process of its own until it says what it has to say, and kills it.
fn in_child(arguments: &BenchArguments, stage: Stage, dir: &Path) -> Result<(Told, Duration), Failure> {
    let program = std::env::current_exe().map_err(Failure::running)?;
    let mut command = Command::new(program);
    let (keys, shards) = (arguments.keys.to_string(), options(arguments)?.shards.to_string());
    command.args(["bench", "recovery", "--keys", &keys, "--shards", &shards, "--epoch", &arguments.epoch]);
    command.args(["--ids", if arguments.ids == crate::args::Ids::Integer { "integer" } else { "string" }]);
    command.args(["--stage", if stage == Stage::Fill { "fill" } else { "resume" }, "--data-dir"]).arg(dir);
    let begun = Instant::now();
    let mut child = Killed(command.stdout(Stdio::piped()).spawn().map_err(Failure::running)?);
    let mut line = String::new();
    let mut output = BufReader::new(child.0.stdout.take().expect("it is piped"));
    output.read_line(&mut line).map_err(Failure::running)?;
    let elapsed = begun.elapsed();
    let told = serde_json::from_str(&line).map_err(|_| Failure::running("a stage ended without a word"))?;
    Ok((told, elapsed))
}

/// A child that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One stage, in its own process: ends by being killed.
pub(crate) fn stage(arguments: &BenchArguments, stage: Stage) -> Result<(), Failure> {
    let begun = Instant::now();
    let dir = arguments.data_dir.as_deref().ok_or_else(|| Failure::usage("--stage is not for people"))?;
    actix::System::new().block_on(async {
        let ms = || begun.elapsed().as_secs_f64() * 1000.0;
        let options = options(arguments)?;
        let (keys, ids) = (arguments.keys, arguments.ids);
        let counted = Arc::new(Counted::default());
        let of_sink = Arc::clone(&counted);
        let connector: SinkFactory = Arc::new(move || Box::new(CountedSink(Arc::clone(&of_sink))));
        let mut application = Application::default();
        let script = Script {
            target: "bench/counter",
            // Each key once, then any.
            events: Arc::new(move |n| (events::id(if n < keys { n } else { events::key(n, keys) }, ids), 1)),
            end: |begin, asked| if begin < asked { asked } else { begin + 1 },
            asked: keys,
            pace: None,
        };
        application.sources.push(script.binding()?);
        finish(&mut application, Delivery::None, connector)?;
        let rss_bytes_before = rss_bytes();
        let (storage, _) = open_store(dir)?;
        let opened_ms = ms();
        let node = Node::start(application, storage, &plugin(), options, None).map_err(Failure::running)?;
        let started_ms = ms();
        let expected = if stage == Stage::Fill { keys } else { 1 };
        while counted.results.load(Relaxed) < expected {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let processed_ms = ms();
        let mut told = Told {
            results: counted.results.load(Relaxed),
            highest: counted.highest.load(Relaxed),
            rss_bytes_before,
            opened_ms,
            started_ms,
            processed_ms,
            ..Told::default()
        };
        if stage == Stage::Fill {
            node.epoch().await.map_err(Failure::running)?;
            let report = node.report().await.map_err(Failure::running)?;
            (told.bytes, told.epochs) = (report.epochs.bytes, report.epochs.written);
            told.rss_bytes = rss_bytes();
        }
        println!("{}", serde_json::to_string(&told).expect("plain numbers"));
        std::future::pending().await
    })
}

/// What is in a directory, in bytes.
fn size_of(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[derive(Default)]
struct Counted {
    results: AtomicU64,
    highest: AtomicU64,
}

struct CountedSink(Arc<Counted>);

impl Sink for CountedSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                match input.next().await {
                    SinkCommand::Publish(records) => {
                        let counts = records.iter().filter_map(|published| match &published.record {
                            EgressRecord::Value { value, .. } => i64::decode(&value.bytes).ok(),
                            _ => None,
                        });
                        self.0.highest.fetch_max(counts.max().unwrap_or_default() as u64, Relaxed);
                        self.0.results.fetch_add(records.len() as u64, Relaxed);
                    }
                    SinkCommand::Completed(_) => {}
                    SinkCommand::Stop => return Ok(()),
                }
            }
        })
    }
}
