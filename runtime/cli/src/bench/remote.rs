//! Work of remote functions: a counter behind HTTP, called in a closed loop, every answer durable.

use std::path::Path;
use std::time::{Duration, Instant};

use statefun_engine::RemotePolicy;
use statefun_ingress::http::{Options, listen};
use statefun_remote::EndpointOptions;
use statefun_runtime::{FunctionPattern, Node};
use statefun_sdk::{Decode, Encode, Functions, Server};

use super::embedded::{Scratch, options};
use super::events::mix;
use super::functions::Remote;
use super::report::{Figures, quantile};
use crate::Failure;
use crate::args::BenchArguments;
use crate::compose::{compose, remote};
use crate::standing::{admission, plugin};
use crate::store::open_store;

pub(crate) fn run(arguments: &BenchArguments) -> Result<Figures, Failure> {
    let scratch = Scratch::new(arguments);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").map_err(Failure::running)?;
    let functions = socket.local_addr().map_err(Failure::running)?;
    std::thread::spawn(move || {
        let functions = Functions::new().with(Remote::new);
        actix::System::new().block_on(async move {
            match Server::new(functions).listen(socket) {
                Ok(server) => server.await,
                Err(error) => Err(error),
            }
        })
    });
    actix::System::new().block_on(measure(arguments, &scratch.0, &format!("http://{functions}/")))
}

async fn measure(arguments: &BenchArguments, dir: &Path, url: &str) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let options = options(arguments)?;
    let shards = options.shards;
    let (storage, lineage) = open_store(dir)?;
    let mut composed = compose(&statefun::spec::Module::default(), Path::new(""), &lineage, &Functions::new())?;
    let home = remote(EndpointOptions::new(url), RemotePolicy::default()).map_err(Failure::running)?;
    composed.application.functions.push((FunctionPattern::Namespace("bench".to_owned()), home));
    let node = Node::start(composed.application, storage, &plugin(), options, None).map_err(Failure::running)?;
    let listener = listen(composed.door, admission(&node), Options::new("127.0.0.1:0")).map_err(Failure::running)?;
    let start_ms = begun.elapsed().as_secs_f64() * 1000.0;

    let address = listener.address;
    let connections = arguments.connections;
    let per_connection = arguments.events / connections as u64;
    let keys = arguments.keys;
    let rate = arguments.rate;
    let (done, latencies) = tokio::sync::oneshot::channel();
    // The clients run on a thread of their own, as one process of a load generator would.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime
            .map_err(|error| error.to_string())
            .and_then(|runtime| runtime.block_on(call_in_loops(address, connections, per_connection, keys, rate)));
        let _ = done.send(result);
    });
    let calls_begun = Instant::now();
    let latencies = latencies.await.map_err(Failure::running)?.map_err(Failure::running)?;
    let elapsed = calls_begun.elapsed();
    let report = node.report().await.map_err(Failure::running)?;
    let calls = per_connection * connections as u64;
    let mut sorted = latencies;
    sorted.sort_unstable();
    let mut figures = Figures {
        workload: "remote".to_owned(),
        keys,
        events: calls,
        shards,
        events_per_second: calls as f64 / elapsed.as_secs_f64(),
        connections: Some(connections),
        rate,
        p50_us: Some(quantile(&sorted, 0.5)),
        p99_us: Some(quantile(&sorted, 0.99)),
        p999_us: Some(quantile(&sorted, 0.999)),
        seconds: elapsed.as_secs_f64(),
        start_ms,
        // Every call adds one and the sum over all keys is the number of calls.
        result_checksum: format!("{:016x}", sum_of_counts(&node).await?),
        ..Figures::default()
    };
    figures.of_node(&report);
    if figures.result_checksum != format!("{calls:016x}") {
        return Err(Failure::running(format!("the counts sum up to {}, not to {calls:016x}", figures.result_checksum)));
    }
    listener.stop().await;
    node.stop().await.map_err(Failure::running)?;
    Ok(figures)
}

async fn sum_of_counts(node: &Node) -> Result<u64, Failure> {
    let function = statefun::FunctionType::parse("bench/remote").map_err(Failure::running)?;
    let entries = node.inspect(function, None, usize::MAX).await.map_err(Failure::running)?;
    Ok(entries.iter().map(|entry| i64::decode(&entry.stored.value.bytes).unwrap_or_default() as u64).sum())
}

/// Each connection sends one request after the other, at `rate` the next that is due; the latencies of all, in
/// microseconds. At a rate they count from the time at which a request was due, so a server that stalls is charged for
/// all requests that it kept from being sent.
async fn call_in_loops(
    address: std::net::SocketAddr,
    connections: usize,
    per_connection: u64,
    keys: u64,
    rate: Option<u64>,
) -> Result<Vec<u64>, String> {
    let body = 1i64.encode().map_err(|error| error.to_string())?.to_bytes();
    let content_type = format!("application/vnd.{}", <i64 as Encode>::value_type());
    // One client: it opens a connection whenever none is free, so as many as there are loops.
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(connections)
        .timeout(Duration::from_secs(60))
        .build()
        .map_err(|error| error.to_string())?;
    let (begin, next) = (tokio::time::Instant::now(), std::sync::atomic::AtomicU64::new(0));
    let next = &next;
    let loops = (0..connections as u64).map(|connection| {
        let (client, body, content_type) = (client.clone(), body.clone(), content_type.clone());
        async move {
            let mut latencies = Vec::with_capacity(per_connection as usize);
            for n in 0..per_connection {
                let key = mix(connection << 32 | n) % keys;
                let mut begun = tokio::time::Instant::now();
                if let Some(rate) = rate {
                    let turn = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    begun = begin + Duration::from_secs_f64(turn as f64 / rate.max(1) as f64);
                    tokio::time::sleep_until(begun).await;
                }
                let answer = client
                    .post(format!("http://{address}/bench/remote/{key}?wait=30s"))
                    .header("content-type", &content_type)
                    .body(body.clone())
                    .send()
                    .await
                    .map_err(|error| error.to_string())?;
                let status = answer.status();
                let text = answer.bytes().await.map_err(|error| error.to_string())?;
                if !status.is_success() {
                    return Err(format!("{status}: {}", String::from_utf8_lossy(&text)));
                }
                i64::decode(&text).map_err(|error| error.to_string())?;
                latencies.push(begun.elapsed().as_micros() as u64);
            }
            Ok::<_, String>(latencies)
        }
    });
    let all = futures_util::future::try_join_all(loops).await?;
    Ok(all.into_iter().flatten().collect())
}
