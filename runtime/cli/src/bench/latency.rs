//! Open loop: events come when they are due, and a result counts when its epoch is durable and it is published.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use statefun::EgressRecord;
use statefun_engine::Delivery;
use statefun_ports::BoxFuture;
use statefun_ports::sink::{Sink, SinkCommand, SinkError, SinkInput};
use statefun_runtime::{Application, Node, SinkFactory};
use statefun_sdk::Decode;
use tokio::time::Instant;

use super::embedded::{Scratch, finish, options};
use super::events;
use super::report::{Figures, quantile};
use super::script::Script;
use crate::Failure;
use crate::args::BenchArguments;
use crate::standing::plugin;
use crate::store::open_store;

/// Time for the node to be up before the first event is due.
const LEAD: Duration = Duration::from_millis(200);
/// The first events of a run, whose latencies are those of a cold process, are not counted.
const WARM_UP: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &BenchArguments) -> Result<Figures, Failure> {
    let scratch = Scratch::new(arguments);
    actix::System::new().block_on(measure(arguments, &scratch.0))
}

async fn measure(arguments: &BenchArguments, dir: &Path) -> Result<Figures, Failure> {
    let rate = arguments.rate.filter(|rate| *rate > 0);
    let rate = rate.ok_or_else(|| Failure::usage("latency needs --rate, the events that are due each second"))?;
    let (keys, ids) = (arguments.keys, arguments.ids);
    let options = options(arguments)?;
    let shards = options.shards;
    let begin = Instant::now() + LEAD;
    let script = Script {
        target: "bench/probe",
        events: Arc::new(move |n| (events::id(events::key(n, keys), ids), n as i64)),
        end: |_, asked| asked,
        asked: arguments.events,
        pace: Some((begin, rate)),
    };
    let latencies = Arc::new(Latencies {
        begin,
        rate,
        measured: Mutex::default(),
        count: AtomicU64::new(0),
        sum: AtomicU64::new(0),
    });
    let of_sink = Arc::clone(&latencies);
    let connector: SinkFactory = Arc::new(move || Box::new(ProbeSink(Arc::clone(&of_sink))));
    let mut application = Application::default();
    application.sources.push(script.binding()?);
    finish(&mut application, Delivery::PerEpoch, connector)?;
    let (storage, _) = open_store(dir)?;
    let started = Instant::now();
    let node = Node::start(application, storage, &plugin(), options, None).map_err(Failure::running)?;
    let start_ms = started.elapsed().as_secs_f64() * 1000.0;
    while latencies.count.load(Relaxed) < arguments.events {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let report = node.report().await.map_err(Failure::running)?;
    node.stop().await.map_err(Failure::running)?;
    let mut sorted = std::mem::take(&mut *latencies.lock());
    sorted.sort_unstable();
    let sum = latencies.sum.load(Relaxed);
    let expected = (0..arguments.events).fold(0u64, |sum, n| sum.wrapping_add(events::mix(n)));
    if sum != expected {
        return Err(Failure::running(format!("the results are wrong: checksum {sum:016x} and not {expected:016x}")));
    }
    let mut figures = Figures {
        workload: arguments.workload.name().to_owned(),
        keys,
        events: arguments.events,
        shards,
        rate: Some(rate),
        events_per_second: arguments.events as f64 / elapsed,
        p50_us: Some(quantile(&sorted, 0.5)),
        p99_us: Some(quantile(&sorted, 0.99)),
        p999_us: Some(quantile(&sorted, 0.999)),
        seconds: elapsed,
        start_ms,
        result_checksum: format!("{sum:016x}"),
        ..Figures::default()
    };
    figures.of_node(&report);
    Ok(figures)
}

struct Latencies {
    begin: Instant,
    rate: u64,
    measured: Mutex<Vec<u64>>,
    count: AtomicU64,
    sum: AtomicU64,
}

impl Latencies {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ProbeSink(Arc<Latencies>);

impl Sink for ProbeSink {
    fn run(self: Box<Self>, mut input: Box<dyn SinkInput>) -> BoxFuture<'static, Result<(), SinkError>> {
        Box::pin(async move {
            loop {
                let records = match input.next().await {
                    SinkCommand::Publish(records) => records,
                    SinkCommand::Completed(_) => continue,
                    SinkCommand::Stop => return Ok(()),
                };
                let now = self.0.begin.elapsed();
                let mut measured = self.0.lock();
                for published in &records {
                    let EgressRecord::Value { value, .. } = &published.record else { continue };
                    let n = i64::decode(&value.bytes).unwrap_or_default() as u64;
                    self.0.sum.fetch_add(events::mix(n), Relaxed);
                    let due = Duration::from_secs_f64(n as f64 / self.0.rate as f64);
                    if due >= WARM_UP {
                        measured.push(now.saturating_sub(due).as_micros() as u64);
                    }
                }
                drop(measured);
                self.0.count.fetch_add(records.len() as u64, Relaxed);
                input.published(records.iter().map(|record| record.seq).collect());
            }
        })
    }
}
