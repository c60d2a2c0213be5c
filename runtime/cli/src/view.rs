//! The node as the admin API sees it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use statefun::spec::Module;
use statefun::{Address, Envelope, FunctionType, RequestId, TypedValue};
use statefun_admin::{
    AdminView, Answer, ConfigEntry, ConnectorCounters, DeadLetterView, DeadLettersView, Deployment, DeploymentView,
    EgressView, FunctionView, Home, IngressView, Readiness, Reason, RequestView, Retry, RoutedFunctions, Savepoint,
    SavepointOrder, SendOutcome, SnapshotKind, SnapshotView, StateValue, StatusView, TopologyView, ViewError,
};
use statefun_egress::dead_letters::{DeadLetters, KeptLetter};
use statefun_engine::RemotePolicy;
use statefun_ingress::http::{self, Door};
use statefun_ports::rows::RequestProgress;
use statefun_remote::EndpointOptions;
use statefun_runtime::{FunctionPattern, Node, NodeError, telemetry};

use crate::compose::remote;
use crate::config::Config;
use crate::savepoint::Taker;

/// How messages of the admin API are remembered.
const ADMIN_TERMS: http::Terms = http::Terms { key: None, keep: Duration::from_secs(86_400) };

/// How long a message may wait for its epoch before its sender is told that nothing is known.
const DURABLE_MAX: Duration = Duration::from_secs(30);

pub(crate) struct NodeView {
    node: Node,
    door: Door,
    dead_letters: Arc<DeadLetters>,
    module: Module,
    config: Config,
    /// `None` without a data directory.
    taker: Option<Taker>,
}

impl NodeView {
    pub(crate) fn new(
        node: Node,
        door: Door,
        dead_letters: Arc<DeadLetters>,
        module: Module,
        config: Config,
        taker: Option<Taker>,
    ) -> Self {
        Self { node, door, dead_letters, module, config, taker }
    }

    /// Who serves what by name, and where.
    fn bound(&self) -> Vec<(String, Option<String>)> {
        self.node.bindings().into_iter().map(|(pattern, url)| (pattern.to_string(), url)).collect()
    }
}

fn failed(error: NodeError) -> ViewError {
    ViewError::Failed(error.to_string())
}

fn pattern(functions: &str) -> Result<FunctionPattern, ViewError> {
    match functions.strip_suffix("/*") {
        Some(namespace) => Ok(FunctionPattern::Namespace(namespace.to_owned())),
        None => FunctionType::parse(functions)
            .map(FunctionPattern::Exact)
            .map_err(|error| ViewError::Invalid(error.to_string())),
    }
}

impl AdminView for NodeView {
    fn readiness(&self) -> Answer<'_, Readiness> {
        Box::pin(async move {
            let report = self.node.report().await.map_err(failed)?;
            let mut reasons = Vec::new();
            let mut reason = |code: &str, detail: String| reasons.push(Reason { code: code.to_owned(), detail });
            if let Some(fatal) = report.fatal {
                reason("fatal", fatal);
            }
            if let Some((since, why)) = report.failing {
                let since = since.as_secs();
                let detail = format!("for {since} s no epoch could be made durable, and ingresses wait: {why}");
                reason("not-durable", detail);
            }
            let pressure = self.node.pressure();
            if pressure.is_stopping() {
                reason("stopping", "the node is stopping".to_owned());
            } else if pressure.is_over() && !pressure.is_not_durable() {
                let mut producers: Vec<_> = report.functions.iter().collect();
                producers.sort_by_key(|(_, _, stats)| std::cmp::Reverse(stats.backlog));
                let producers: Vec<_> = producers
                    .iter()
                    .take(3)
                    .map(|(function, _, stats)| format!("{function} ({} waiting)", stats.backlog))
                    .collect();
                let detail = format!(
                    "{} messages, {} bytes of delayed messages and {} bytes of egress records wait; most for {}",
                    pressure.messages(),
                    pressure.delayed_bytes(),
                    pressure.outbox_bytes(),
                    producers.join(", ")
                );
                reason("overloaded", detail);
            }
            Ok(Readiness { reasons })
        })
    }

    fn metrics(&self) -> Answer<'_, String> {
        Box::pin(async move {
            let report = self.node.report().await.map_err(failed)?;
            telemetry::metrics::render(&report, self.node.uptime().as_secs())
                .map_err(|error| ViewError::Failed(error.to_string()))
        })
    }

    fn status(&self) -> Answer<'_, StatusView> {
        Box::pin(async move {
            let report = self.node.report().await.map_err(failed)?;
            let ingresses = report.sources.iter().map(|(name, stats, _, ended)| ConnectorCounters {
                name: name.to_string(),
                records: stats.records,
                passed_on: stats.envelopes,
                refused: stats.dead_letters,
                kept: 0,
                ended: *ended,
            });
            let egresses = report.sinks.iter().map(|(name, stats, (kept, _))| ConnectorCounters {
                name: name.to_string(),
                records: stats.records,
                passed_on: stats.published,
                refused: stats.rejected,
                kept: *kept as u64,
                ended: false,
            });
            Ok(StatusView {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_ms: self.node.uptime().as_millis() as u64,
                generation: self.node.generation().0,
                lineage: uuid::Uuid::from_u128(self.node.lineage().0).simple().to_string(),
                epoch: report.completed.0,
                restored_epoch: self.node.restored().0,
                epochs_completed: report.epochs.completed,
                epochs_abandoned: report.epochs.abandoned,
                epochs_written: report.epochs.written,
                epoch_bytes: report.epochs.bytes,
                epoch_durations_us: report.epoch_durations_us.clone(),
                last_epoch_failure: report.last_epoch_failure.clone(),
                fatal: report.fatal.clone(),
                addresses: report.addresses as u64,
                delayed: report.delayed as u64,
                waiting: report.waiting as u64,
                dead_letters: self.dead_letters.len() as u64,
                ingresses: ingresses.collect(),
                egresses: egresses.collect(),
            })
        })
    }

    fn functions(&self) -> Answer<'_, Vec<FunctionView>> {
        Box::pin(async move {
            let report = self.node.report().await.map_err(failed)?;
            let bound = self.node.bindings();
            let mut functions: Vec<FunctionView> = Vec::new();
            for (function, served, stats) in report.functions {
                let exact = bound.iter().find(|(pattern, _)| *pattern == FunctionPattern::Exact(function));
                let binding = exact.or_else(|| bound.iter().find(|(pattern, _)| pattern.matches(function)));
                let url = binding.and_then(|(_, url)| url.clone());
                functions.push(FunctionView {
                    function: function.to_string(),
                    served,
                    home: binding.map(|_| if url.is_some() { Home::Remote } else { Home::Embedded }),
                    url,
                    received: stats.received,
                    invocations: stats.invocations,
                    sent: stats.sent,
                    egress: stats.egress,
                    calls: stats.calls,
                    in_flight: stats.in_flight,
                    failures: stats.failures,
                    parked: stats.parked,
                    backlog: stats.backlog,
                    backing_off: stats.backing_off,
                    latency_ms_total: stats.latency_ms_total,
                    last_failure: stats.last_failure,
                });
            }
            for (pattern, url) in bound {
                let FunctionPattern::Exact(function) = pattern else { continue };
                if !functions.iter().any(|view| view.function == function.as_str()) {
                    let home = Some(if url.is_some() { Home::Remote } else { Home::Embedded });
                    let function = function.to_string();
                    functions.push(FunctionView { function, served: true, home, url, ..FunctionView::default() });
                }
            }
            functions.sort_by(|a, b| a.function.cmp(&b.function));
            Ok(functions)
        })
    }

    fn state(&self, function: FunctionType, id: Option<String>, limit: usize) -> Answer<'_, Vec<StateValue>> {
        Box::pin(async move {
            let entries = self.node.inspect(function, id, limit).await.map_err(failed)?;
            let values = entries.into_iter().map(|entry| StateValue {
                id: entry.address.id.to_string(),
                name: entry.name.to_string(),
                typename: entry.stored.value.value_type.to_string(),
                bytes: entry.stored.value.bytes.to_vec(),
            });
            Ok(values.collect())
        })
    }

    fn send(&self, target: Address, value: TypedValue, wait: Option<Duration>) -> Answer<'_, SendOutcome> {
        Box::pin(async move {
            if !self.node.serves(target.function) {
                return Err(ViewError::NotFound(format!("function {}", target.function)));
            }
            if self.node.pressure().is_stopping() {
                return Err(ViewError::Unavailable("the node is stopping".to_owned()));
            }
            if self.node.pressure().is_over() {
                return Err(ViewError::Overloaded("more work waits than the limits allow; try again".to_owned()));
            }
            let envelope = Envelope::new(target, value);
            let closed = |http::Closed| ViewError::Unavailable("the node is stopping".to_owned());
            match wait {
                None => match tokio::time::timeout(DURABLE_MAX, self.door.submit(envelope)).await {
                    Ok(durable) => durable.map(|()| SendOutcome::Durable).map_err(closed),
                    Err(_) => Ok(SendOutcome::Unknown),
                },
                Some(wait) => Ok(match self.door.ask(envelope, wait, ADMIN_TERMS).await.map_err(closed)? {
                    http::Answer::Reply(value) => SendOutcome::Reply(value),
                    http::Answer::Accepted { request } => SendOutcome::Accepted { request: request.to_string() },
                    http::Answer::Durable => SendOutcome::Durable,
                    // Without a key there is neither.
                    http::Answer::Unknown | http::Answer::Conflict | http::Answer::Full => SendOutcome::Unknown,
                }),
            }
        })
    }

    fn snapshots(&self) -> Answer<'_, Vec<SnapshotView>> {
        Box::pin(async move {
            let report = self.node.report().await.map_err(failed)?;
            let newest = SnapshotView {
                epoch: report.completed.0,
                kind: SnapshotKind::Snapshot,
                path: None,
                bytes: None,
                completed_at_ms: None,
            };
            let mut snapshots = if report.completed.0 == 0 { Vec::new() } else { vec![newest] };
            if let Some(taker) = &self.taker {
                let place = taker.place().clone();
                let savepoints = tokio::task::spawn_blocking(move || place.list()).await;
                snapshots.extend(savepoints.map_err(|error| ViewError::Failed(error.to_string()))?);
            }
            Ok(snapshots)
        })
    }

    fn root(&self) -> Option<&Path> {
        self.taker.as_ref().map(|taker| taker.place().root())
    }

    fn savepoint(&self, order: SavepointOrder) -> Answer<'_, Savepoint> {
        Box::pin(async move {
            match &self.taker {
                Some(taker) => taker.take(order).await,
                None => Err(ViewError::NotSupported("savepoints of a state that is in memory only".to_owned())),
            }
        })
    }

    fn deployments(&self) -> Answer<'_, Vec<DeploymentView>> {
        Box::pin(async move {
            let views = self.bound().into_iter().map(|(functions, url)| DeploymentView {
                functions,
                home: if url.is_some() { Home::Remote } else { Home::Embedded },
                url,
                max_num_batch_requests: None,
            });
            Ok(views.collect())
        })
    }

    fn deploy(&self, deployment: Deployment) -> Answer<'_, DeploymentView> {
        Box::pin(async move {
            let pattern = pattern(&deployment.functions)?;
            let mut policy = RemotePolicy::default();
            if let Some(max) = deployment.max_num_batch_requests {
                policy.batch_max = max.get() as usize;
            }
            let home = remote(EndpointOptions::new(&deployment.url), policy)
                .map_err(|error| ViewError::Invalid(error.to_string()))?;
            self.node.bind(pattern, home);
            Ok(DeploymentView {
                functions: deployment.functions,
                home: Home::Remote,
                url: Some(deployment.url),
                max_num_batch_requests: deployment.max_num_batch_requests,
            })
        })
    }

    fn undeploy(&self, functions: String) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.node.unbind(&pattern(&functions)?)) })
    }

    fn topology(&self) -> Answer<'_, TopologyView> {
        Box::pin(async move {
            let groups = self.node.groups();
            let ingresses = self.module.ingresses.iter().map(|ingress| IngressView {
                id: ingress.id().to_string(),
                kind: ingress.kind().to_owned(),
                at: None,
                targets: Vec::new(),
            });
            let egresses = self.module.egresses.iter().map(|egress| EgressView {
                id: egress.id().to_string(),
                kind: egress.kind().to_owned(),
                at: None,
            });
            let functions = self.bound().into_iter().map(|(functions, url)| RoutedFunctions {
                functions,
                at: url.unwrap_or_else(|| "embedded".to_owned()),
            });
            Ok(TopologyView {
                shards: u32::from(groups.shards()),
                key_groups: u32::from(groups.count()),
                ingresses: ingresses.collect(),
                functions: functions.collect(),
                egresses: egresses.collect(),
            })
        })
    }

    fn config(&self) -> Answer<'_, Vec<ConfigEntry>> {
        Box::pin(async move {
            let entries = self.config.rows().map(|(key, value, origin, _)| ConfigEntry {
                key: key.to_owned(),
                value: serde_json::Value::String(value.to_owned()),
                from: origin.to_owned(),
            });
            Ok(entries.collect())
        })
    }

    fn dead_letters(&self, after: Option<u64>, limit: usize) -> Answer<'_, DeadLettersView> {
        Box::pin(async move {
            let letters = self.dead_letters.list(after, limit).into_iter().map(dead_letter).collect();
            let total = self.dead_letters.len() as u64;
            Ok(DeadLettersView { letters, total, displaced: self.dead_letters.displaced() })
        })
    }

    fn forget_dead_letter(&self, seq: u64) -> Answer<'_, bool> {
        Box::pin(async move { Ok(self.dead_letters.remove(seq)) })
    }

    fn retry_dead_letter(&self, seq: u64, retry: Retry) -> Answer<'_, bool> {
        Box::pin(async move {
            let Some(letter) = self.dead_letters.get(seq) else { return Ok(false) };
            let envelope = match (letter.envelope, retry) {
                (Some(envelope), Retry { target, value }) => {
                    let mut mended =
                        Envelope::new(target.unwrap_or(envelope.target), value.unwrap_or(envelope.argument));
                    mended.caller = envelope.caller;
                    mended.event_time = envelope.event_time;
                    mended
                }
                (None, Retry { target: Some(target), value: Some(value) }) => Envelope::new(target, value),
                (None, _) => {
                    let why = "it never became a message: say to whom and with which value";
                    return Err(ViewError::Invalid(why.to_owned()));
                }
            };
            self.door
                .submit(envelope)
                .await
                .map_err(|http::Closed| ViewError::Unavailable("the node is stopping".to_owned()))?;
            Ok(self.dead_letters.remove(seq))
        })
    }

    fn request(&self, id: String) -> Answer<'_, Option<RequestView>> {
        Box::pin(async move {
            let Some(request) = RequestId::parse(&id) else { return Ok(None) };
            // The engine first: what it does not know any more, it has handed over before.
            let progress = self.node.request(request).await.map_err(failed)?;
            Ok(match (self.door.late_reply(request), progress) {
                (Some(value), _) | (None, Some(RequestProgress::Replied(value))) => Some(RequestView::Answered(value)),
                (None, Some(RequestProgress::Pending | RequestProgress::Accepted)) => Some(RequestView::Pending),
                (None, None) => None,
            })
        })
    }
}

fn dead_letter(kept: KeptLetter) -> DeadLetterView {
    let KeptLetter { seq, letter } = kept;
    let envelope = letter.envelope.as_ref();
    DeadLetterView {
        seq,
        cause: letter.cause.as_str().to_owned(),
        detail: letter.detail,
        origin: letter.origin,
        target: envelope.map(|envelope| envelope.target.to_string()),
        caller: envelope.and_then(|envelope| envelope.caller.as_ref()).map(Address::to_string),
        typename: envelope.map(|envelope| envelope.argument.value_type.to_string()),
        bytes: match (envelope, letter.raw) {
            (Some(envelope), _) => envelope.argument.bytes.to_vec(),
            (None, raw) => raw.map(|raw| raw.to_vec()).unwrap_or_default(),
        },
    }
}
