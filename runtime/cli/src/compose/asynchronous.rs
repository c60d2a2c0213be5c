//! Functions that await, in this process: called as remote ones are, so that a key waits and its shard does not.

use std::sync::Arc;

use statefun::CallId;
use statefun::FunctionType;
use statefun::function::FunctionError;
use statefun_engine::RemotePolicy;
use statefun_ports::BoxFuture;
use statefun_ports::remote::{CallFailure, CallFailureKind, CallOutcome, InvocationBatch, RemoteTransport};
use statefun_runtime::FunctionHome;
use statefun_sdk::{AsyncEmbedded, Functions};

/// The home of a function that awaits; `None` when it does not.
pub(crate) fn home(functions: &Functions, function: FunctionType) -> Option<FunctionHome> {
    let function = functions.asynchronous(function)?;
    Some(FunctionHome::Remote {
        transport: Arc::new(InProcess(function)),
        // One message at a time: what is rejected is then known to be that one.
        policy: RemotePolicy { batch_max: 1, ..RemotePolicy::default() },
        url: "this process, awaiting".to_owned(),
    })
}

struct InProcess(AsyncEmbedded);

impl RemoteTransport for InProcess {
    fn call(self: Arc<Self>, _: CallId, batch: InvocationBatch, _: Option<String>) -> BoxFuture<'static, CallOutcome> {
        Box::pin(async move {
            let InvocationBatch { target, mut state, invocations } = batch;
            let mut values = Vec::with_capacity(self.0.states().len());
            let mut missing = Vec::new();
            for spec in self.0.states() {
                match state.iter_mut().find(|(name, _)| *name == spec.name) {
                    Some((_, value)) => values.push(value.take()),
                    None => missing.push(*spec),
                }
            }
            if !missing.is_empty() {
                return CallOutcome::Incomplete(missing);
            }
            let messages = invocations
                .into_iter()
                .map(|invocation| (invocation.caller, invocation.event_time, invocation.argument))
                .collect();
            let failed = |kind, message| CallOutcome::Failed(CallFailure { kind, message });
            match self.0.invoke(target, values, messages, statefun_runtime::now()).await {
                Ok(effects) => CallOutcome::Done(effects),
                Err(FunctionError::Retry(why)) => failed(CallFailureKind::Function, why),
                Err(FunctionError::Reject(why)) => failed(CallFailureKind::Rejected, why),
            }
        })
    }
}
