//! A source whose events are said by a closure, at their time.

use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, ToCompactString};
use statefun::{Address, Envelope, FunctionType, Symbol, TypedValue};
use statefun_ports::BoxFuture;
use statefun_ports::source::{Position, Source, SourceError, SourceOutput, SourceRecord};
use statefun_runtime::SourceBinding;
use statefun_sdk::Encode;
use tokio::time::Instant;

use crate::Failure;
use crate::compose::symbol;

/// Events per batch.
const BATCH: u64 = 512;

/// Says event `n`: the id it goes to, and its value.
pub(crate) type Events = Arc<dyn Fn(u64) -> (CompactString, i64) + Send + Sync>;

/// Events `0..end`, or from where an earlier process stopped.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) target: &'static str,
    pub(crate) events: Events,
    /// The first event that is not sent; given where reading begins.
    pub(crate) end: fn(begin: u64, asked: u64) -> u64,
    pub(crate) asked: u64,
    /// When event 0 is due, and how many each second from then on. Without it: at once.
    pub(crate) pace: Option<(Instant, u64)>,
}

struct ScriptSource {
    id: Symbol,
    target: FunctionType,
    script: Script,
}

impl Script {
    /// The only source of an application.
    pub(crate) fn binding(self) -> Result<SourceBinding, Failure> {
        let id = symbol("bench/events")?;
        let target = FunctionType::parse(self.target).map_err(Failure::usage)?;
        Ok(SourceBinding {
            name: id,
            routes: Vec::new(),
            connector: Arc::new(move || Box::new(ScriptSource { id, target, script: self.clone() })),
            is_door: false,
            time: None,
        })
    }
}

impl Source for ScriptSource {
    fn run(
        self: Box<Self>,
        positions: Vec<Position>,
        mut output: Box<dyn SourceOutput>,
    ) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(async move {
            let Self { id: source_id, target, script } = *self;
            let mut n: u64 = positions.first().and_then(|position| position.next.parse().ok()).unwrap_or(0);
            let end = (script.end)(n, script.asked);
            while n < end {
                let mut until = end.min(n + BATCH);
                if let Some((begin, per_second)) = script.pace {
                    let due = |n: u64| begin + Duration::from_secs_f64(n as f64 / per_second as f64);
                    tokio::time::sleep_until(due(n)).await;
                    // What is due by now goes together; what is not waits for its time.
                    let elapsed = begin.elapsed().as_secs_f64();
                    until = until.min(((elapsed * per_second as f64) as u64 + 1).max(n + 1));
                }
                let mut batch = Vec::with_capacity((until - n) as usize + 1);
                for event in n..until {
                    let (id, value) = (script.events)(event);
                    let value: TypedValue = value.to_value().map_err(|error| SourceError {
                        source_id,
                        message: error.to_string(),
                        retryable: false,
                    })?;
                    let envelope = Envelope::new(Address::new(target, id), value);
                    batch.push(SourceRecord::Addressed { envelope, ticket: None, is_urgent: false });
                }
                n = until;
                let position = Position { partition: "0".into(), next: n.to_compact_string() };
                batch.push(SourceRecord::Position(position));
                if !output.send(batch).await {
                    break;
                }
            }
            Ok(())
        })
    }
}
